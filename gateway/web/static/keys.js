// Single keys, for who wants them: never while somebody types, never with a modifier, and one switch turns all of them off.
// https://www.w3.org/TR/WCAG22/#character-key-shortcuts

import { send } from "./ask.js";
import { act } from "./deeds.js";
import { dialogOf, open } from "./dialog.js";
import { scope, selected, showSelection } from "./selection.js";

const list = document.querySelector("#list");
const one = document.querySelector("#act"); // the buttons of a notification's own page
const snooze = dialogOf("snooze");
const TYPED = "input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]";

const rows = () => [...list.querySelectorAll(".item-title, .fold summary")].filter((row) => row.checkVisibility());
const rowOf = (element) => element?.closest("[data-item], .fold");
const current = () => rowOf(document.activeElement);

function go(step) {
  if (!list) return;
  const every = rows(), here = every.findIndex((row) => rowOf(row) === current());
  const next = every[here < 0 ? 0 : Math.min(Math.max(here + step, 0), every.length - 1)];
  next?.focus({ preventScroll: true });
  next?.scrollIntoView({ block: "nearest" });
}

function select() {
  const boxes = [...(current()?.querySelectorAll("input[name=id]") ?? [])];
  const on = boxes.some((box) => !box.checked);
  for (const box of boxes) box.checked = on;
  if (boxes.length) showSelection();
}

function meant() {
  const chosen = selected();
  return chosen.length ? chosen : [...(current()?.querySelectorAll("input[name=id]") ?? [])];
}

function press(...deeds) {
  for (const deed of deeds) {
    const button = (one ?? list)?.querySelector(`button[name=do][value=${deed}]:not([hidden])`);
    if (!button) continue;
    if (one) button.click(); else act(button, meant().map((box) => box.value));
    return;
  }
}

function toggleRead() {
  if (one) return press("read", "unread");
  press(meant().some((box) => rowOf(box).matches(".fold") || box.closest("[data-item]").classList.contains("unread")) ? "read" : "unread");
}

function putOff() {
  if (one) return one.querySelector("[name=for]")?.focus();
  const count = meant().length;
  if (!count || !list.querySelector("button[value=snooze]")) return;
  snooze.querySelector("[data-scope]").textContent = selected().length ? scope(count) : "";
  snooze.returnFocus = document.activeElement;
  open("snooze");
}

function search() {
  const field = document.querySelector("#q");
  if (field) field.focus(); else location.assign("/");
}

const DEEDS = {
  j: () => go(1), k: () => go(-1), x: select, e: () => press("archive", "unarchive"), u: toggleRead, s: putOff, "/": search, "?": () => open("keys"),
};

document.addEventListener("keydown", (event) => {
  if (!("keys" in document.body.dataset) || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (event.target.closest?.(TYPED) || document.querySelector("dialog[open]") || !Object.hasOwn(DEEDS, event.key)) return;
  event.preventDefault();
  DEEDS[event.key]();
});

if (list) {
  snooze.addEventListener("submit", (event) => {
    if (event.submitter?.value !== "snooze") return;
    event.preventDefault();
    snooze.close();
    snooze.returnFocus?.focus();
    act(event.submitter, meant().map((box) => box.value), new FormData(event.target).get("for"));
  });
}

const wish = document.querySelector("[data-keys-switch]");
wish?.addEventListener("change", async () => {
  const line = document.querySelector("[data-keys-said]");
  const answer = await send("PUT", "/api/notifications/preferences", { shortcuts: wish.checked }).catch(() => null);
  if (!answer?.ok) wish.checked = !wish.checked;
  document.body.toggleAttribute("data-keys", wish.checked);
  line.textContent = !answer?.ok ? "That could not be saved. Try again." : wish.checked ? "On." : "Off. Preferences turn them on again.";
});
