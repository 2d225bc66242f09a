// Keeps an open page fresh, and says so when it cannot.

import { call, get } from "./ask.js";
import { Bar } from "./bar.js";
import { showCounts } from "./counts.js";
import { notify } from "./desktop.js";
import { newsAddress, showNews } from "./inbox.js";
import { shared } from "./stream.js";
import { showAges } from "./time.js";
import { Watch } from "./watch.js";

const place = document.querySelector("[data-bar]");
const announcer = document.querySelector("[data-announce]");
const SIGNED_OUT = "You are signed out. What stands here is old.";

async function look() {
  const short = document.body.dataset.section === "inbox" ? "" : "?short";
  const [html, counts, news] = await Promise.all([
    get(`/urgent-bar${short}`).then((answer) => answer.text()),
    get("/api/notifications/unread-count").then((answer) => answer.json()),
    newsAddress ? get(newsAddress).then((answer) => answer.json()) : null,
  ]);
  notify(bar.show(html));
  showCounts(counts);
  if (news) showNews(news);
  showAges();
}

const bar = place && new Bar(place, {
  parse: (html) => new DOMParser().parseFromString(html, "text/html"),
  call,
  announce: (words) => { announcer.textContent = words; },
  changed: () => watch.look(),
});
const watch = place && new Watch(bar, look, { signedOut: SIGNED_OUT, since: Date.now() });

export const poll = () => watch?.look();

if (place) {
  place.addEventListener("click", (event) => {
    if (!event.target.closest("[data-retry]") || place.querySelector("[data-stale-words]").textContent === SIGNED_OUT) return;
    event.preventDefault();
    poll();
  });
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return;
    watch.mistrust();
    poll();
  });
  addEventListener("pageshow", (event) => { if (event.persisted) poll(); });
  addEventListener("online", poll);
  addEventListener("offline", () => watch.stale());
  setInterval(() => {
    showAges();
    watch.mistrust();
  }, 15_000);
  shared(`tocsin-${document.body.dataset.person}`, async () => new EventSource("/api/stream"), (hint) => {
    if (hint.counts) showCounts(hint.counts);
    watch.hear(hint);
  });
}
