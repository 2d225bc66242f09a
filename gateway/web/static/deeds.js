// Does something to entries of the list without leaving the page, and takes it back.

import { send } from "./ask.js";
import { showPartCounts } from "./inbox.js";
import { poll } from "./live.js";
import { say } from "./said.js";
import { selected, showSelection } from "./selection.js";

const list = document.querySelector("#list");
const wanted = (deed, period) => ({
  read: { read: true }, unread: { read: false }, archive: { archived: true }, unarchive: { archived: false },
  snooze: { snoozed: { for: period } }, unsnooze: { snoozed: false }, mute: { muted: { for: period } }, unmute: { muted: false },
})[deed];
const OPPOSITE = { read: "unread", unread: "read", archive: "unarchive", unarchive: "archive", snooze: "unsnooze", mute: "unmute" };
const STAYS = new Set(["read", "unread"]);

export async function act(button, ids, period) {
  const deed = button.value;
  if (!ids.length) return;
  const done = await put(ids, wanted(deed, period));
  if (!done) return;
  if (!done.length) return say("Nothing was done: what is not open cannot wait until it is resolved.");
  const words = done.length === 1 ? button.dataset.saidOne : button.dataset.saidSeveral.replace("{}", done.length);
  say(words, OPPOSITE[deed] ? () => undo(OPPOSITE[deed], done) : null);
  for (const id of done) show(deed, list.querySelector(`input[name=id][value="${id}"]`));
  showSelection();
  showPartCounts();
  poll();
}

async function undo(deed, ids) {
  if (await put(ids, wanted(deed))) location.reload();
}

async function put(ids, states) {
  const answer = await send("PUT", "/api/notifications/v1", { ids: ids.map(Number), ...states }).catch(() => null);
  if (answer?.ok) return (await answer.json()).ids;
  say(answer?.status === 401 ? "Nothing was done: you are signed out." : "Nothing was done: the gateway does not answer. Try again.");
  return null;
}

function show(deed, box) {
  const item = box?.closest("[data-item]");
  if (!item) return;
  box.checked = false;
  if (STAYS.has(deed)) {
    item.classList.toggle("unread", deed === "unread");
    item.querySelector("[data-if-unread]").hidden = deed === "read";
  } else {
    leave(item);
  }
}

function leave(item) {
  const holders = [item.closest(".fold"), item.closest(".day")];
  const focused = item.contains(document.activeElement);
  const next = focused ? following(item) : null;
  item.remove();
  for (const one of holders) if (one && !one.querySelector("[data-item]")) one.remove();
  next?.focus();
  if (!list.querySelector("[data-item]")) location.reload(); // the server says what an empty list means
}

function following(item) {
  const links = [...list.querySelectorAll(".item-title")].filter((link) => link.checkVisibility());
  const at = links.indexOf(item.querySelector(".item-title"));
  return links[at + 1] ?? links[at - 1];
}

if (list) {
  list.addEventListener("submit", (event) => {
    if (!event.submitter?.dataset.saidOne) return;
    event.preventDefault();
    act(event.submitter, selected().map((box) => box.value), list.querySelector("select[name=for]")?.value);
  });
}
