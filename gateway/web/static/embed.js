// The urgent bar in a page of another origin:
//   <script type="module" src="https://tocsin.example/static/embed.js"></script>
//   <tocsin-bar token-url="/my-app/tocsin-token"></tocsin-bar>
// The token comes from that address of the page's own site, or from the element's `token` property: a string, or a function that gives one.
// It is sent in a header and never in an address; the stream is opened by a ticket that is good for a minute.

import { Bar } from "./bar.js";
import { Source } from "./stream.js";
import { showAges } from "./time.js";
import { Watch } from "./watch.js";

const WITHIN = 8_000;
const KEPT_FOR = 30_000; // a token that was fetched
const LOADING = `<section class="bar" aria-label="Urgent">
  <p class="bar-line" data-fresh>Looking what is urgent …</p>
  <p class="bar-said" data-bar-said role="status" hidden></p>
  <p class="bar-stale" data-stale hidden><span data-stale-words></span> <button type="button" data-retry>Retry</button></p>
</section>`;
const here = new URL(import.meta.url);

// Pages that enforce Trusted Types name this policy: `trusted-types tocsin-bar`. What it lets through came from the gateway.
const policy = window.trustedTypes?.createPolicy("tocsin-bar", { createHTML: (html) => html }) ?? { createHTML: (html) => html };
const parse = (html) => new DOMParser().parseFromString(policy.createHTML(html), "text/html");

let sheets = null; // made from text: a page needs to allow no foreign style for them
const styles = () => sheets ??= Promise.all(["base.css", "bar.css"].map(async (name) => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(await fetch(new URL(name, here), { credentials: "omit" }).then((answer) => answer.text()));
  return sheet;
}));

class TocsinBar extends HTMLElement {
  token = null;
  #watch = null; #source = null; #bar = null; #kept = null; #ages = 0;

  connectedCallback() {
    const root = this.shadowRoot ?? this.#made();
    styles().then((made) => { root.adoptedStyleSheets = made; }).catch(() => { sheets = null; });
    this.#watch = new Watch(this.#bar, () => this.#look(), { signedOut: "Not signed in to Tocsin: what is urgent is not known.", since: 0 });
    this.#source = new Source(() => this.#opened(), (hint) => this.#watch.hear(hint));
    this.#ages = setInterval(() => showAges(root), 15_000);
  }

  disconnectedCallback() {
    this.#watch.stop();
    this.#source.close();
    clearInterval(this.#ages);
  }

  get #gateway() { return here.href.replace(/\/static\/.*$/, ""); }

  #made() {
    const root = this.attachShadow({ mode: "open" });
    const announcer = Object.assign(document.createElement("p"), { className: "unseen" });
    announcer.setAttribute("role", "status");
    root.append(...parse(LOADING).body.childNodes, announcer);
    this.#bar = new Bar(root, {
      parse,
      call: (method, path, body) => this.#ask(path, { method, body: JSON.stringify(body), headers: { "Content-Type": "application/json" } }),
      announce: (words) => { announcer.textContent = words; },
      changed: () => this.#watch.look(),
    });
    root.addEventListener("click", (event) => {
      const retry = event.target.closest("[data-retry]");
      const link = event.target.closest("a[href]");
      if (retry) {
        event.preventDefault();
        this.#watch.look();
      } else if (link) {
        Object.assign(link, { target: "_blank", rel: "noopener noreferrer" }); // the page stays where it is
      }
    });
    return root;
  }

  async #token() {
    if (this.token) return typeof this.token === "function" ? this.token() : this.token;
    if (this.#kept?.until > Date.now()) return this.#kept.token;
    const address = this.getAttribute("token-url");
    if (!address) throw new Error("signed-out");
    const answer = await fetch(address, { credentials: "same-origin", cache: "no-store", signal: AbortSignal.timeout(WITHIN) });
    if (!answer.ok) throw new Error("signed-out");
    const said = (await answer.text()).trim();
    this.#kept = { token: said.startsWith("{") ? JSON.parse(said).token : said, until: Date.now() + KEPT_FOR };
    return this.#kept.token;
  }

  async #ask(path, options = {}) {
    const headers = { ...options.headers, Authorization: `Bearer ${await this.#token()}` };
    const answer = await fetch(this.#gateway + path, { ...options, headers, credentials: "omit", signal: AbortSignal.timeout(WITHIN) });
    if (answer.ok) return answer;
    if (answer.status === 401) this.#kept = null;
    throw new Error(answer.status === 401 ? "signed-out" : `status ${answer.status}`);
  }

  async #opened() {
    const { ticket } = await this.#ask("/api/stream/tickets", { method: "POST" }).then((answer) => answer.json());
    return new EventSource(`${this.#gateway}/api/stream?ticket=${encodeURIComponent(ticket)}`);
  }

  async #look() {
    this.#bar.show(await this.#ask("/embed/urgent-bar").then((answer) => answer.text()));
    showAges(this.shadowRoot);
  }
}

customElements.define("tocsin-bar", TocsinBar);
