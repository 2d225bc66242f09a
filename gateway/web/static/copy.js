// <copy-text>: a button beside a text that puts it on the clipboard. Without it the text is marked whole by a click.

customElements.define("copy-text", class extends HTMLElement {
  connectedCallback() {
    const code = this.querySelector("code, pre");
    if (!code || !navigator.clipboard) return;
    const button = document.createElement("button");
    const label = this.getAttribute("label") ?? "";
    button.type = "button";
    const say = (word) => {
      button.textContent = word;
      if (label) button.append(Object.assign(document.createElement("span"), { className: "unseen", textContent: ` ${label}` }));
    };
    say("Copy");
    button.addEventListener("click", async () => {
      const done = await navigator.clipboard.writeText(code.textContent).then(() => true, () => false);
      say(done ? "Copied" : "Mark it and copy");
      if (!done) getSelection().selectAllChildren(code);
      setTimeout(() => say("Copy"), 2_000);
    });
    this.append(button);
  }
});
