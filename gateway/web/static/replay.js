// Goes on with a replay, part by part, for as long as its page is open.

import { get, send } from "./ask.js";

const replay = document.querySelector("[data-replay]");

async function goOn() {
  const line = replay.querySelector("[data-replay-line]"), bar = replay.querySelector("progress");
  let cursor = replay.dataset.cursor, queued = Number(replay.dataset.queued), moved = 0;
  try {
    let waiting;
    if (cursor) {
      const answer = await send("POST", "/api/events/replay", { ...JSON.parse(replay.dataset.replay), cursor });
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
