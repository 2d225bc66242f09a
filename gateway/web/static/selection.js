// What is selected in the list: one box for everything, a range with Shift, and buttons that say how much they are for.

const list = document.querySelector("#list");
const all = document.querySelector("[data-all]");
let last = null;

export const boxes = () => [...list.querySelectorAll("input[name=id]")];
export const selected = () => (list ? boxes().filter((box) => box.checked) : []);
export const scope = (count) => (count ? ` ${count} selected` : "");

export function showSelection() {
  const count = selected().length;
  const bulk = list.querySelector("[data-bulk]");
  bulk.hidden = !count;
  for (const one of bulk.querySelectorAll("[data-scope]")) one.textContent = scope(count);
  const box = all.querySelector("input");
  box.checked = count > 0 && count === boxes().length;
  box.indeterminate = count > 0 && !box.checked;
}

function selectRange(event) {
  const box = event.target;
  if (box.name !== "id") return;
  const every = boxes(), [from, to] = [every.indexOf(last), every.indexOf(box)];
  if (event.shiftKey && from >= 0) {
    for (const one of every.slice(Math.min(from, to), Math.max(from, to) + 1)) one.checked = box.checked;
  }
  last = box;
  showSelection();
}

if (list) {
  all.hidden = false;
  list.querySelector("[data-without-script]").hidden = true;
  all.addEventListener("change", (event) => {
    for (const box of boxes()) box.checked = event.target.checked;
    showSelection();
  });
  list.addEventListener("click", selectRange);
  addEventListener("pageshow", showSelection); // a browser that comes back keeps the boxes as they were
  showSelection();
}
