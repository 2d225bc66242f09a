// Turning notifications of the desktop on and off: the wish is the person's, the permission each browser's.

import { call } from "./ask.js";
import { show, supported, wanted } from "./desktop.js";

const choice = document.querySelector("[data-desktop-choice]");

function tell(words = "") {
  const allowed = supported() && Notification.permission;
  const on = wanted() && allowed === "granted";
  const states = {
    false: "This browser has none, or this page is not served over HTTPS.",
    denied: "This browser blocks notifications of this page. Allow them in its settings for this site, then look here again.",
    granted: wanted() ? "On." : "Off.",
    default: wanted() ? "You turned them on elsewhere; this browser was not asked yet." : "Off.",
  };
  choice.querySelector("[data-desktop-state]").textContent = words || states[allowed];
  choice.querySelector("[data-desktop-on]").hidden = on || !allowed || allowed === "denied";
  choice.querySelector("[data-desktop-off]").hidden = !wanted();
  choice.querySelector("[data-desktop-try]").hidden = !on;
}

async function set(on) {
  try {
    await call("PUT", "/api/notifications/preferences", { desktop: on });
  } catch {
    return tell("That was not saved. Try again.");
  }
  document.body.dataset.desktop = on ? "on" : "";
  tell();
}

if (choice) {
  choice.hidden = false;
  tell();
  choice.querySelector("[data-desktop-on]").addEventListener("click", async () => {
    if ((await Notification.requestPermission()) === "granted") await set(true);
    else tell();
  });
  choice.querySelector("[data-desktop-off]").addEventListener("click", () => set(false));
  choice.querySelector("[data-desktop-try]").addEventListener("click", () => {
    const shown = show("Error: nightly-orders", "This is what one looks like.", "tocsin-trial", "/");
    tell(shown ? "Shown. If you saw nothing, look at the settings of your system." : "This browser shows them only to installed applications.");
  });
}
