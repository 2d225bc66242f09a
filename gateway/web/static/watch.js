// Keeps a bar fresh: looks again the moment a hint comes, by itself from time to time, and says what it does not know.

import { notUpdating } from "./bar.js";

const EVERY = 10_000; // without a stream
const EVERY_LIVE = 60_000; // with one: what ends by time alone, a snooze say, is hinted at by nobody
const SILENT = 50_000; // three beats missed
const APART = 1_000; // between two looks because of hints

export class Watch {
  #bar; #ask; #signedOut;
  #timer = 0; #soon = 0; #lastLook = 0; #lastGood; #heard = 0; #looking = null; #stopped = false;
  #behind = false; // something was hinted at that was not looked at yet, or could not be

  // ask: looks, and shows what it found. since: when what stands here was made, 0 where nothing does yet.
  constructor(bar, ask, { signedOut, since }) {
    this.#bar = bar;
    this.#ask = ask;
    this.#signedOut = signedOut;
    this.#lastGood = since;
    this.#timer = setTimeout(() => this.look(), since ? EVERY : 0);
  }

  get isLive() { return Date.now() - this.#heard < SILENT; }

  look() {
    return this.#looking ??= this.#look().finally(() => { this.#looking = null; });
  }

  async #look() {
    clearTimeout(this.#soon);
    this.#soon = 0;
    this.#lastLook = Date.now();
    try {
      await this.#ask();
      this.#behind = false;
      this.#good();
    } catch (error) {
      this.#behind = true;
      this.stale(error.message === "signed-out" ? this.#signedOut : this.#since());
    }
    this.#next(this.isLive ? EVERY_LIVE : document.hidden ? 3 * EVERY : EVERY);
  }

  #next(wait) {
    clearTimeout(this.#timer);
    if (!this.#stopped) this.#timer = setTimeout(() => this.look(), wait);
  }

  #since() { return this.#lastGood ? notUpdating(this.#lastGood) : "Cannot be reached: what is urgent is not known."; }

  #good() {
    this.#lastGood = Date.now();
    this.#bar.fresh();
    this.#bar.live(this.isLive);
  }

  stale(words = this.#since()) {
    this.#bar.live(false);
    this.#bar.stale(words);
  }

  // It may have slept: what it says may be long over.
  mistrust() {
    if (Date.now() - this.#lastGood > 2 * SILENT) this.stale();
  }

  #lookSoon(wait = 0) {
    this.#behind = true;
    this.#soon ||= setTimeout(() => this.look(), Math.max(this.#lastLook + APART - Date.now(), wait));
  }

  hear({ kind, ok }) {
    const wasLive = this.isLive;
    this.#heard = kind === "lost" ? 0 : Date.now();
    if (kind === "changed") this.#lookSoon();
    else if (kind === "resync") this.#lookSoon(this.#lastLook ? Math.random() * APART : 0);
    else if (kind === "beat" && !ok) this.stale();
    else if (kind === "beat") this.#behind ? this.#lookSoon() : this.#good(); // what stands here is what the gateway would say
    else if (wasLive) { // said again with each attempt that fails
      this.#bar.live(false);
      this.#next(EVERY * (0.5 + Math.random()));
    }
  }

  stop() {
    this.#stopped = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#soon);
  }
}
