// A notification that is looked at is marked as read; one in a hidden tab is not.

import { send } from "./ask.js";
import { poll } from "./live.js";

async function markRead() {
  const one = document.querySelector("[data-mark-read]");
  if (!one || document.hidden) return;
  const id = Number(one.dataset.markRead);
  one.removeAttribute("data-mark-read");
  const answer = await send("PUT", "/api/notifications/v1", { ids: [id], read: true }).catch(() => null);
  if (!answer?.ok) return;
  document.querySelector("#act [data-if-unread]").hidden = true;
  document.querySelector("#act [data-if-read]").hidden = false;
  poll();
}

document.addEventListener("visibilitychange", markRead);
markRead();
