// Keeps an open page fresh, and says so when it cannot.

import { get } from "./ask.js";
import { place, showBar, showFresh, showStale } from "./bar.js";
import { showCounts } from "./counts.js";
import { newsAddress, showNews } from "./inbox.js";
import { clock, showAges } from "./time.js";

const EVERY = 10_000;
const EVERY_HIDDEN = 30_000;

let lastGood = Date.now();
let timer = 0;

export async function poll() {
  clearTimeout(timer);
  try {
    const short = document.body.dataset.section === "inbox" ? "" : "?short";
    const [bar, counts, news] = await Promise.all([
      get(`/urgent-bar${short}`).then((answer) => answer.text()),
      get("/api/notifications/unread-count").then((answer) => answer.json()),
      newsAddress ? get(newsAddress).then((answer) => answer.json()) : null,
    ]);
    showBar(bar);
    showCounts(counts);
    if (news) showNews(news);
    lastGood = Date.now();
    showFresh();
    showAges();
  } catch (error) {
    showStale(error.message === "signed-out" ? "You are signed out. What stands here is old." : `Not updating since ${clock(lastGood)}.`);
  }
  clearTimeout(timer);
  timer = setTimeout(poll, document.hidden ? EVERY_HIDDEN : EVERY);
}

if (place) {
  place.addEventListener("click", (event) => {
    if (!event.target.closest("[data-retry]") || place.querySelector("[data-stale-words]").textContent.startsWith("You")) return;
    event.preventDefault();
    poll();
  });
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return;
    if (Date.now() - lastGood > 2 * EVERY_HIDDEN) showStale(`Not updating since ${clock(lastGood)}.`); // it slept: what it says may be long over
    poll();
  });
  addEventListener("pageshow", (event) => { if (event.persisted) poll(); });
  addEventListener("online", poll);
  addEventListener("offline", () => showStale(`Offline. Not updating since ${clock(lastGood)}.`));
  setInterval(showAges, 15_000);
  timer = setTimeout(poll, EVERY);
}
