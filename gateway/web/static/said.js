// Says what was done, where the page says it after a reload too, and offers to undo it.

const place = document.querySelector("[data-said]");

export function say(words, undo = null) {
  const box = document.createElement("div"), line = document.createElement("span");
  box.className = "said";
  line.textContent = words;
  box.append(line);
  if (undo) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "plain";
    button.textContent = "Undo";
    button.addEventListener("click", undo);
    box.append(button);
  }
  place.replaceChildren(box);
}
