// How many are unread: beside the inbox, and in the title.

export function showCounts(counts) {
  for (const one of document.querySelectorAll("[data-unread]")) one.hidden = !counts.total;
  for (const one of document.querySelectorAll("[data-unread-number]")) one.textContent = counts.total;
  if (document.body.dataset.section === "inbox") {
    document.title = (counts.total ? `(${counts.total}) ` : "") + document.title.replace(/^\(\d+\) /, "");
  }
}
