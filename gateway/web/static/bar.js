// The urgent bar: exchanged for a fresh one without moving under a pointer or losing the focus, and never sure of what it does not know.

import { setClock } from "./time.js";

const CALM = 2_000; // a bar that somebody's pointer moves over is not exchanged under it

export const place = document.querySelector("[data-bar]");
const announcer = document.querySelector("[data-announce]");
let pointerMoved = 0;
let waiting = null; // the newest bar that is not shown yet

const rowsOf = (bar) => [...bar.querySelectorAll("[data-row]")];
const keysOf = (bar) => new Set(rowsOf(bar).map((row) => row.dataset.row));
const keyOf = (element) => [element.closest("[data-row]")?.dataset.row, element.tagName, element.value, element.getAttribute("href")].join();
let announced = place && keysOf(place);

export function showBar(html) {
  const fresh = new DOMParser().parseFromString(html, "text/html").querySelector(".bar");
  setClock(fresh.dataset.now);
  waiting = fresh;
  announce(fresh);
  exchange();
}

function exchange() {
  const old = place.querySelector(".bar");
  const fresh = waiting;
  if (!fresh) return;
  if (fresh.dataset.version === old.dataset.version) {
    waiting = null;
    const [is, was] = [fresh, old].map((bar) => bar.querySelector(".as-of"));
    if (is && was) was.replaceWith(is);
    return;
  }
  if (Date.now() - pointerMoved < CALM) {
    setTimeout(exchange, CALM);
    return;
  }
  waiting = null;
  const focused = place.contains(document.activeElement) ? keyOf(document.activeElement) : null;
  const open = old.querySelector("details")?.open;
  old.replaceWith(fresh);
  const more = fresh.querySelector("details");
  if (more) more.open = Boolean(open);
  if (focused) [...fresh.querySelectorAll("a, button, summary")].find((one) => keyOf(one) === focused)?.focus();
}

function announce(fresh) {
  const added = rowsOf(fresh).filter((row) => !announced.has(row.dataset.row));
  announced = keysOf(fresh);
  if (added.length) announcer.textContent = added.length === 1 ? `New and urgent. ${added[0].dataset.says}` : `${added.length} new and urgent.`;
}

export function showStale(words) {
  const bar = place.querySelector(".bar");
  bar.classList.add("stale");
  const line = bar.querySelector("[data-stale]");
  line.querySelector("[data-stale-words]").textContent = words;
  line.hidden = false;
}

export function showFresh() {
  const bar = place.querySelector(".bar");
  bar.classList.remove("stale");
  bar.querySelector("[data-stale]").hidden = true;
}

if (place) {
  setClock(place.querySelector(".bar").dataset.now);
  place.addEventListener("pointermove", () => { pointerMoved = Date.now(); });
}
