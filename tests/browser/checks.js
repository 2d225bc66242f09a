() => {
  const seen = (one) => one.type !== "hidden" && one.checkVisibility();
  const name = (one) => (one.getAttribute("aria-label") || [...(one.labels || [])].map((label) => label.textContent).join("") || one.textContent || one.title || "").trim();
  const ids = [...document.querySelectorAll("[id]")].map((one) => one.id);
  return {
    h1: document.querySelectorAll("h1").length,
    main: document.querySelectorAll("main").length,
    lang: document.documentElement.lang,
    unnamed: [...document.querySelectorAll("a, button, input, select, summary, iframe")].filter((one) => seen(one) && !name(one)).map((one) => one.outerHTML),
    doubled: ids.filter((id, at) => ids.indexOf(id) !== at),
  };
}
