// The list: what is new is offered and not pushed in, and each part says how much it holds.

import { get } from "./ask.js";

const from = document.querySelector("[data-news-from]")?.dataset;
export const newsAddress = from?.newsFrom;

export function showNews(found) {
  const known = new Set(from.newsKnown.split(" "));
  const fresh = found.items.filter((item) => !known.has(`${item.id}@${item.last_at}`)).length;
  const pill = document.querySelector("[data-news]");
  pill.hidden = !fresh;
  pill.querySelector("[data-news-number]").textContent = fresh + (found.next ? "+" : "");
  showPartCounts();
}

const parts = document.querySelector("[data-counts-from]");
export async function showPartCounts() {
  const counts = await get(parts.dataset.countsFrom).then((answer) => answer.json()).catch(() => null); // as they were, until the next time
  if (!counts) return;
  for (const one of parts.querySelectorAll("[data-count]")) {
    one.textContent = counts[one.dataset.count];
    one.hidden = !counts[one.dataset.count];
  }
}
