// The urgent bar: exchanged for a fresh one without moving under a pointer or losing the focus, and never sure of what it does not know.

import { clock, setClock, showAges } from "./time.js";

const CALM = 2_000; // a bar that somebody's pointer moves over is not exchanged under it
const SAID_FOR = 12_000;

const SAYS = {
  acknowledge: ["Acknowledged: everybody sees that you are on it.", "unacknowledge"],
  unacknowledge: ["Acknowledgement taken back.", "acknowledge"],
  dismiss: ["Dismissed from your bar; it comes back if it gets worse.", "undismiss"],
  undismiss: ["Back on your bar.", null],
  snooze: ["Snoozed: it comes back to the top of your inbox.", "unsnooze"],
  unsnooze: ["Back on your bar.", null],
};
// What a button does, as calls of the API.
const DEEDS = {
  dismiss: (ids) => ["PUT", "/api/notifications/v1", { ids, dismissed: true }],
  undismiss: (ids) => ["PUT", "/api/notifications/v1", { ids, dismissed: false }],
};
const deedFor = (deed, period) => (id) => ["POST", `/api/notifications/${id}/${deed}`, period ? { for: period } : undefined];

const rowsOf = (bar) => [...bar.querySelectorAll("[data-row]")];
const keysOf = (bar) => new Set(rowsOf(bar).map((row) => row.dataset.row));
const keyOf = (element) => [element.closest("[data-row]")?.dataset.row, element.tagName, element.value, element.getAttribute("href")].join();

export class Bar {
  #root; #parse; #call; #announce; #changed;
  #pointerMoved = 0;
  #waiting = null; // the newest bar that is not shown yet
  #announced;
  #live = false;
  #saidUntil = 0;

  // root: an element or shadow root that holds the bar. parse: text → document. call: asks the API, as [method, path, body].
  // announce: says something to who cannot see it. changed: called after a button did something.
  constructor(root, { parse, call, announce, changed }) {
    this.#root = root;
    this.#parse = parse;
    this.#call = call;
    this.#announce = announce;
    this.#changed = changed;
    this.#announced = this.#bar?.dataset.version ? keysOf(this.#bar) : null; // null: nothing was shown yet, and nothing is new
    if (this.#bar?.dataset.now) setClock(this.#bar.dataset.now);
    root.addEventListener("pointermove", () => { this.#pointerMoved = Date.now(); });
    root.addEventListener("submit", (event) => this.#submitted(event));
    root.addEventListener("click", (event) => {
      for (const menu of root.querySelectorAll("[data-menu][open]")) if (!menu.contains(event.target)) menu.open = false;
    });
    root.addEventListener("keydown", (event) => {
      const menu = event.key === "Escape" && event.target.closest?.("[data-menu][open]");
      if (!menu) return;
      menu.open = false;
      menu.querySelector("summary").focus();
    });
  }

  get #bar() { return this.#root.querySelector(".bar"); }

  show(html) {
    const fresh = this.#parse(html).querySelector(".bar");
    setClock(fresh.dataset.now);
    this.#waiting = fresh;
    const added = this.#announced && rowsOf(fresh).filter((row) => !this.#announced.has(row.dataset.row));
    this.#announced = keysOf(fresh);
    if (added?.length) this.#announce(added.length === 1 ? `New and urgent. ${added[0].dataset.says}` : `${added.length} new and urgent.`);
    this.#exchange();
    return added ?? [];
  }

  #exchange() {
    const old = this.#bar;
    const fresh = this.#waiting;
    if (!fresh) return;
    if (fresh.dataset.version === old?.dataset.version) {
      this.#waiting = null;
      const [is, was] = [fresh, old].map((bar) => bar.querySelector(".as-of"));
      if (is && was) was.replaceWith(is);
      this.#showLive();
      return;
    }
    const busy = this.#root.querySelector("[data-menu][open]") || Date.now() - this.#pointerMoved < CALM;
    if (old && busy && !old.classList.contains("stale")) {
      setTimeout(() => this.#exchange(), CALM);
      return;
    }
    this.#put(fresh);
  }

  #put(fresh) {
    this.#waiting = null;
    const old = this.#bar;
    const focused = this.#focused();
    const open = old?.querySelector("[data-keep]")?.open;
    const said = Date.now() < this.#saidUntil && old?.querySelector("[data-bar-said]");
    if (old) old.replaceWith(fresh);
    else this.#root.append(fresh);
    if (said) fresh.querySelector("[data-bar-said]").replaceWith(said);
    const more = fresh.querySelector("[data-keep]");
    if (more) more.open = Boolean(open);
    if (focused) ([...fresh.querySelectorAll("a, button, summary")].find((one) => keyOf(one) === focused) ?? fresh.querySelector("a, button, summary"))?.focus();
    this.#showLive();
    showAges(this.#root);
  }

  #focused() {
    const at = (this.#root.getRootNode?.() ?? document).activeElement ?? this.#root.activeElement;
    return at && this.#bar?.contains(at) ? keyOf(at) : null;
  }

  // Whether what stands here changes by itself the moment something happens.
  live(is) {
    this.#live = is;
    this.#showLive();
  }

  #showLive() {
    const line = this.#bar?.querySelector(".as-of");
    if (!line) return;
    line.dataset.asOf ??= line.textContent;
    line.classList.toggle("live", this.#live);
    line.textContent = this.#live ? "Live" : line.dataset.asOf;
  }

  stale(words) {
    const bar = this.#bar;
    bar.classList.add("stale");
    const line = bar.querySelector("[data-stale]");
    line.querySelector("[data-stale-words]").textContent = words;
    line.hidden = false;
  }

  fresh() {
    const bar = this.#bar;
    bar.classList.remove("stale");
    bar.querySelector("[data-stale]").hidden = true;
  }

  async #submitted(event) {
    const [deed, period] = (event.submitter?.value ?? "").split(".");
    if (!(deed in SAYS)) return;
    event.preventDefault();
    const ids = new FormData(event.target).getAll("id").map(Number);
    await this.#act(deed, period, ids, event.submitter);
  }

  async #act(deed, period, ids, button) {
    button.disabled = true;
    const calls = deed in DEEDS ? [DEEDS[deed](ids)] : ids.map(deedFor(deed, period));
    try {
      for (const call of calls) await this.#call(...call);
    } catch (error) {
      button.disabled = false;
      this.#say(error.message === "signed-out" ? "You are signed out: nothing was changed." : "That did not work. Nothing is lost; try again.");
      return;
    }
    this.#pointerMoved = 0;
    for (const menu of this.#root.querySelectorAll("[data-menu][open]")) menu.open = false;
    this.#say(SAYS[deed][0], SAYS[deed][1], ids);
    await this.#changed();
  }

  #say(words, undo, ids) {
    const line = this.#bar.querySelector("[data-bar-said]");
    line.replaceChildren(words);
    if (undo) {
      const button = Object.assign(document.createElement("button"), { textContent: "Undo", className: "plain", type: "button" });
      button.addEventListener("click", () => this.#act(undo, "", ids, button));
      line.append(button);
    }
    line.hidden = false;
    this.#saidUntil = Date.now() + SAID_FOR;
    setTimeout(() => { if (Date.now() >= this.#saidUntil) line.hidden = true; }, SAID_FOR + 50);
  }
}

export const notUpdating = (since) => `Not updating since ${clock(since)}.`;
