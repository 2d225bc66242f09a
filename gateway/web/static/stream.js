// One live stream for all tabs of a browser: whoever holds the lock listens, and passes on what it hears.
// https://developer.mozilla.org/docs/Web/API/Web_Locks_API · https://developer.mozilla.org/docs/Web/API/Broadcast_Channel_API

const KINDS = ["changed", "resync", "beat"];
const AGAIN_AFTER = 20_000; // after an answer that is no stream: too many are open, or nobody is signed in

// open: gives an EventSource. tell: called with {kind, ids, counts, ok}, and with {kind: "lost"} when nothing is heard for now.
export class Source {
  #open; #tell; #source = null; #timer = 0; #closed = false;

  constructor(open, tell) {
    this.#open = open;
    this.#tell = tell;
    this.#begin();
  }

  async #begin() {
    let source;
    try {
      source = await this.#open();
    } catch {
      return this.#again();
    }
    if (this.#closed) return source.close();
    this.#source = source;
    for (const kind of KINDS) source.addEventListener(kind, (event) => this.#tell({ kind, ...JSON.parse(event.data) }));
    source.addEventListener("error", () => {
      this.#tell({ kind: "lost" });
      if (source.readyState === EventSource.CLOSED) this.#again();
    });
  }

  #again() {
    this.#tell({ kind: "lost" });
    if (!this.#closed) this.#timer = setTimeout(() => this.#begin(), AGAIN_AFTER * (0.5 + Math.random()));
  }

  close() {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#source?.close();
  }
}

// The same, shared by every tab that gives this name.
export function shared(name, open, tell) {
  if (!navigator.locks || !window.BroadcastChannel) { // not a secure context: each tab for itself
    new Source(open, tell);
    return;
  }
  const channel = new BroadcastChannel(name);
  const me = crypto.randomUUID();
  let resign = null;
  let hears = false; // whether the stream that is held here is open
  channel.addEventListener("message", ({ data: { from, to, hint } }) => {
    if (from && resign && hears) channel.postMessage({ to: from, hint: { kind: "resync" } });
    if (hint && (!to || to === me)) tell(hint);
  });
  const lead = () => navigator.locks.request(name, () => new Promise((resolve) => {
    const source = new Source(open, (hint) => {
      hears = hint.kind !== "lost";
      tell(hint);
      channel.postMessage({ hint });
    });
    resign = () => {
      source.close();
      resolve();
    };
  })).catch(() => {});
  addEventListener("pagehide", () => {
    resign?.();
    resign = null;
  });
  const join = () => {
    lead();
    channel.postMessage({ from: me });
  };
  addEventListener("pageshow", (event) => { if (event.persisted) join(); });
  join();
}
