// Notifications of the desktop: for what is new and urgent, where one asked for them and does not look at the page anyway.
// https://developer.mozilla.org/docs/Web/API/Notifications_API/Using_the_Notifications_API

const MOST = 3; // one by one; more of them are told in one
export const wanted = () => document.body.dataset.desktop === "on";
export const supported = () => "Notification" in window && window.isSecureContext;

export function notify(rows) {
  if (!wanted() || !supported() || Notification.permission !== "granted" || document.hasFocus()) return;
  if (rows.length > MOST) return void show(`${rows.length} new and urgent`, rows[0].dataset.says, "tocsin-many", "/?tab=urgent");
  for (const row of rows) show(row.dataset.says, row.dataset.cause ?? "", `tocsin-${row.dataset.row}`, row.dataset.href);
}

// The tag makes one of what several tabs tell.
export function show(title, body, tag, address) {
  try {
    const told = new Notification(title, { body, tag, icon: document.querySelector("link[rel=icon]").href });
    told.addEventListener("click", () => {
      window.focus();
      if (address) location.assign(address);
      told.close();
    });
    return true;
  } catch { // where only a service worker may: https://developer.mozilla.org/docs/Web/API/Notification/Notification#exceptions
    return false;
  }
}
