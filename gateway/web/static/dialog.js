// Dialogs: opened by a button or a key, closed by Escape, by their own buttons, or by a click beside them.

export const dialogOf = (name) => document.querySelector(`[data-dialog="${name}"]`);

export function open(name) {
  const dialog = dialogOf(name);
  if (dialog && !document.querySelector("dialog[open]")) dialog.showModal();
}

for (const button of document.querySelectorAll("[data-open]")) {
  button.hidden = false;
  button.addEventListener("click", () => open(button.dataset.open));
}
for (const dialog of document.querySelectorAll("dialog")) {
  dialog.addEventListener("click", (event) => { if (event.target === dialog || event.target.closest("[data-close]")) dialog.close(); });
}
