// Times and spans as people read them, by the gateway's clock.

let skew = 0; // of this machine's clock against the gateway's

export const setClock = (iso) => { skew = Date.parse(iso) - Date.now(); };
export const now = () => Date.now() + skew;
export const clock = (moment) => new Date(moment).toTimeString().slice(0, 5);

export function duration(span) {
  const seconds = Math.max(Math.floor(span / 1000), 0);
  const minutes = Math.floor(seconds / 60), hours = Math.floor(seconds / 3600), days = Math.floor(seconds / 86400);
  if (!minutes) return `${seconds} s`;
  if (!hours) return `${minutes} min`;
  if (!days) return minutes % 60 ? `${hours} h ${minutes % 60} min` : `${hours} h`;
  return hours % 24 ? `${days} d ${hours % 24} h` : `${days} d`;
}

export function showAges(root = document) {
  for (const one of root.querySelectorAll("time[data-age]")) one.textContent = duration(now() - Date.parse(one.dateTime));
}
