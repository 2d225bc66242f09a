// Where a row of links is wider than the screen, the one that is open is in view.

for (const open of document.querySelectorAll(".top nav [aria-current], .tabs [aria-current]")) {
  const row = open.parentElement;
  row.scrollLeft += open.getBoundingClientRect().left - row.getBoundingClientRect().left - (row.clientWidth - open.offsetWidth) / 2;
}
