// Keeps an open page fresh. Everything it does for a person, the page does without it too.

const EVERY = 10_000;
const EVERY_HIDDEN = 30_000;
const CALM = 2_000; // a bar that somebody's pointer moves over is not exchanged under it

const place = document.querySelector("[data-bar]");
const announcer = document.querySelector("[data-announce]");
let lastGood = Date.now();
let pointerMoved = 0;
let timer = 0;
let skew = 0; // of this machine's clock against the gateway's

const now = () => Date.now() + skew;
const clock = (moment) => new Date(moment).toTimeString().slice(0, 5);

function duration(span) {
  const seconds = Math.max(Math.floor(span / 1000), 0);
  const minutes = Math.floor(seconds / 60), hours = Math.floor(seconds / 3600), days = Math.floor(seconds / 86400);
  if (!minutes) return `${seconds} s`;
  if (!hours) return `${minutes} min`;
  if (!days) return minutes % 60 ? `${hours} h ${minutes % 60} min` : `${hours} h`;
  return hours % 24 ? `${days} d ${hours % 24} h` : `${days} d`;
}

function ages() {
  for (const one of document.querySelectorAll("time[data-age]")) one.textContent = duration(now() - Date.parse(one.dateTime));
}

async function get(address) {
  const answer = await fetch(address, { signal: AbortSignal.timeout(8_000), credentials: "same-origin" });
  if (answer.status === 401) throw new Error("signed-out");
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  return answer;
}

const setClock = (bar) => { skew = Date.parse(bar.dataset.now) - Date.now(); };

let waiting = null; // the newest bar that is not shown yet
function showBar(fresh) {
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

const keyOf = (element) => [element.closest("[data-row]")?.dataset.row, element.tagName, element.value, element.getAttribute("href")].join();

const rowsOf = (bar) => [...bar.querySelectorAll("[data-row]")];
const keysOf = (bar) => new Set(rowsOf(bar).map((row) => row.dataset.row));
let announced = place && keysOf(place);
function announce(fresh) {
  const added = rowsOf(fresh).filter((row) => !announced.has(row.dataset.row));
  announced = keysOf(fresh);
  if (added.length) announcer.textContent = added.length === 1 ? `New and urgent. ${added[0].dataset.says}` : `${added.length} new and urgent.`;
}

function showCounts(counts) {
  for (const one of document.querySelectorAll("[data-unread]")) one.hidden = !counts.total;
  for (const one of document.querySelectorAll("[data-unread-number]")) one.textContent = counts.total;
  if (document.body.dataset.section === "inbox") {
    document.title = (counts.total ? `(${counts.total}) ` : "") + document.title.replace(/^\(\d+\) /, "");
  }
}

const newsFrom = document.querySelector("[data-news-from]")?.dataset;
function showNews(found) {
  const known = new Set(newsFrom.newsKnown.split(" "));
  const fresh = found.items.filter((item) => !known.has(`${item.id}@${item.last_at}`)).length;
  const pill = document.querySelector("[data-news]");
  pill.hidden = !fresh;
  pill.querySelector("[data-news-number]").textContent = fresh + (found.next ? "+" : "");
}

function stale(words) {
  const bar = place.querySelector(".bar");
  bar.classList.add("stale");
  const line = bar.querySelector("[data-stale]");
  line.querySelector("[data-stale-words]").textContent = words;
  line.hidden = false;
}

function fresh() {
  lastGood = Date.now();
  const bar = place.querySelector(".bar");
  bar.classList.remove("stale");
  bar.querySelector("[data-stale]").hidden = true;
}

async function poll() {
  clearTimeout(timer);
  try {
    const short = document.body.dataset.section === "inbox" ? "" : "?short";
    const [bar, counts, news] = await Promise.all([
      get(`/urgent-bar${short}`).then((answer) => answer.text()),
      get("/api/notifications/unread-count").then((answer) => answer.json()),
      newsFrom ? get(newsFrom.newsFrom).then((answer) => answer.json()) : null,
    ]);
    const made = new DOMParser().parseFromString(bar, "text/html").querySelector(".bar");
    setClock(made);
    showBar(made);
    showCounts(counts);
    if (news) showNews(news);
    fresh();
    ages();
  } catch (error) {
    stale(error.message === "signed-out" ? "You are signed out. What stands here is old." : `Not updating since ${clock(lastGood)}.`);
  }
  clearTimeout(timer);
  timer = setTimeout(poll, document.hidden ? EVERY_HIDDEN : EVERY);
}

async function markRead() {
  const one = document.querySelector("[data-mark-read]");
  if (!one || document.hidden) return;
  const id = Number(one.dataset.markRead);
  one.removeAttribute("data-mark-read");
  const answer = await fetch("/api/notifications/v1", {
    method: "PUT", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ ids: [id], read: true }),
  }).catch(() => null);
  if (!answer?.ok) return;
  document.querySelector("[data-if-unread]").hidden = true;
  document.querySelector("[data-if-read]").hidden = false;
  poll();
}

if (place) {
  setClock(place.querySelector(".bar"));
  place.addEventListener("pointermove", () => { pointerMoved = Date.now(); });
  place.addEventListener("click", (event) => {
    if (!event.target.closest("[data-retry]") || place.querySelector("[data-stale-words]").textContent.startsWith("You")) return;
    event.preventDefault();
    poll();
  });
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return;
    if (Date.now() - lastGood > 2 * EVERY_HIDDEN) stale(`Not updating since ${clock(lastGood)}.`); // it slept: what it says may be long over
    markRead();
    poll();
  });
  addEventListener("pageshow", (event) => { if (event.persisted) poll(); });
  addEventListener("online", poll);
  addEventListener("offline", () => stale(`Offline. Not updating since ${clock(lastGood)}.`));
  setInterval(ages, 15_000);
  timer = setTimeout(poll, EVERY);
  markRead();
}

const all = document.querySelector("[data-all]");
if (all) {
  all.hidden = false;
  all.addEventListener("change", (event) => {
    for (const box of document.querySelectorAll("#list input[name=id]")) box.checked = event.target.checked;
  });
}

for (const menu of document.querySelectorAll("details.menu")) {
  document.addEventListener("click", (event) => { if (!menu.contains(event.target)) menu.open = false; });
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    menu.open = false;
    menu.querySelector("summary").focus();
  });
}

const replay = document.querySelector("[data-replay]");
async function goOn() {
  const line = replay.querySelector("[data-replay-line]"), bar = replay.querySelector("progress");
  let cursor = replay.dataset.cursor, queued = Number(replay.dataset.queued), moved = 0;
  try {
    let waiting;
    if (cursor) {
      const body = JSON.stringify({ ...JSON.parse(replay.dataset.replay), cursor });
      const answer = await fetch("/api/events/replay", { method: "POST", headers: { "Content-Type": "application/json" }, body });
      if (!answer.ok) throw new Error(`status ${answer.status}`);
      const step = await answer.json();
      [cursor, moved, waiting] = [step.next || "", step.queued, step.waiting];
      queued += moved;
      Object.assign(replay.dataset, { cursor, queued });
      const address = new URL(location);
      if (cursor) address.searchParams.set("cursor", cursor); else address.searchParams.delete("cursor");
      address.searchParams.set("queued", queued);
      history.replaceState(null, "", address); // a reload goes on from here
    } else {
      waiting = (await get(replay.dataset.from).then((answer) => answer.json())).replaying;
    }
    if (!cursor && !waiting) return location.reload();
    const done = Math.max(queued - waiting, 0), of = cursor ? Math.max(Number(replay.dataset.of), queued) : queued;
    [bar.max, bar.value] = [Math.max(of, 1), done];
    line.textContent = `${done} of ${of} mapped again, ${waiting} waiting.`;
  } catch {
    line.textContent = "The gateway does not answer. Trying again.";
  }
  setTimeout(goOn, moved ? 300 : 1_000);
}

if (replay) {
  const byHand = replay.querySelector("[data-replay-by-hand]");
  if (byHand) byHand.hidden = true;
  setTimeout(goOn, 300);
}
