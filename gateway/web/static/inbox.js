// The list: what is new is offered and not pushed in; everything on the page is picked with one box.

const from = document.querySelector("[data-news-from]")?.dataset;
export const newsAddress = from?.newsFrom;

export function showNews(found) {
  const known = new Set(from.newsKnown.split(" "));
  const fresh = found.items.filter((item) => !known.has(`${item.id}@${item.last_at}`)).length;
  const pill = document.querySelector("[data-news]");
  pill.hidden = !fresh;
  pill.querySelector("[data-news-number]").textContent = fresh + (found.next ? "+" : "");
}

const all = document.querySelector("[data-all]");
if (all) {
  all.hidden = false;
  all.addEventListener("change", (event) => {
    for (const box of document.querySelectorAll("#list input[name=id]")) box.checked = event.target.checked;
  });
}
