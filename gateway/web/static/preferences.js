// Saves each change at once and says so. What cannot be saved yet is kept in this browser and tried again, after a reload too.

import { send } from "./ask.js";

const form = document.querySelector("[data-preferences]");
const line = document.querySelector("[data-saved]");
const LONGEST = 30_000;
const CHANNEL = /^(in_app|email)\.(enabled|min_level|digest)$/;
const CATEGORY = /^(\w+)\.(?:(in_app|email)(\.min_level)?|(owned))$/;

let unsaved = {}; // control → its value
let timer = 0, wait = 0, underWay = false;

const key = form && `tocsin-unsaved-${form.dataset.preferences}-${form.dataset.team ?? ""}`;
const address = form && `/api/notifications/preferences${form.dataset.team ? `?team=${encodeURIComponent(form.dataset.team)}` : ""}`;
const valueOf = (control) => (control.type === "checkbox" ? control.checked : control.value);

function tell(words, state = "") {
  line.textContent = words;
  line.className = state;
}

function keep() {
  try {
    if (Object.keys(unsaved).length) localStorage.setItem(key, JSON.stringify(unsaved)); else localStorage.removeItem(key);
  } catch { /* no storage: it lives as long as the page */ }
}

function kept() {
  try {
    return JSON.parse(localStorage.getItem(key)) ?? {};
  } catch {
    return {};
  }
}

function put(change, name, value) { // the names of the form's controls as the API's fields
  if (name.startsWith("quiet_hours")) {
    const [from, until] = ["from", "until"].map((end) => form.elements[`quiet_hours.${end}`].value);
    change.quiet_hours = form.elements.quiet_hours.checked ? { from, until } : null;
  } else if (name === "retention_days") {
    change.retention_days = value === "" ? null : Number(value);
  } else if (CHANNEL.test(name)) {
    const [, channel, field] = name.match(CHANNEL);
    (change[channel] ??= {})[field] = value;
  } else if (CATEGORY.test(name)) {
    const [, category, channel, level, owned] = name.match(CATEGORY);
    const choice = ((change.categories ??= {})[category] ??= {});
    if (owned) choice.scope = value ? "owned" : "all";
    else if (level) choice[`${channel}_min_level`] = value || null;
    else choice[channel] = value;
  } else {
    change[name] = value;
  }
}

async function save() {
  clearTimeout(timer);
  if (underWay || !Object.keys(unsaved).length) return;
  const sent = { ...unsaved }, change = {};
  for (const [name, value] of Object.entries(sent)) put(change, name, value);
  underWay = true;
  tell("Saving …");
  const answer = await send("PUT", address, change).catch(() => null);
  underWay = false;
  if (answer?.status === 422) return refuse(sent, await answer.json());
  if (!answer?.ok) return later(answer?.status === 401);
  settle(sent);
  wait = 0;
  if (Object.keys(unsaved).length) return save();
  tell("Saved.", "done");
  if (preview.firstElementChild) showPreview();
}

function settle(sent) {
  for (const [name, value] of Object.entries(sent)) if (unsaved[name] === value) delete unsaved[name];
  keep();
}

function refuse(sent, problem) {
  settle(sent);
  tell(`Not saved: ${problem.errors?.[0]?.message ?? problem.detail}.`, "refused");
  for (const name of Object.keys(sent)) for (const one of controls(name)) one.setAttribute("aria-invalid", "true");
}

function later(signedOut) {
  tell(signedOut ? "Not saved yet: you are signed out. It is saved when you are back here." : "Not saved yet: the gateway does not answer. Trying again.", "unsaved");
  wait = Math.min(wait * 2 || 2_000, LONGEST);
  timer = setTimeout(save, wait);
}

const controls = (name) => [...form.querySelectorAll("input, select")].filter((one) => one.name === name);

const preview = document.querySelector("[data-preview-place]");
async function showPreview() {
  const answer = await fetch("/preferences/preview?part", { method: "POST", body: new URLSearchParams(new FormData(form)) }).catch(() => null);
  if (!answer?.ok) {
    preview.textContent = answer?.status === 422 ? "Some of what stands above cannot be used." : "The gateway does not answer. Try again.";
    return;
  }
  const made = new DOMParser().parseFromString(await answer.text(), "text/html");
  preview.replaceChildren(...made.body.childNodes);
}

if (form) {
  form.querySelector("[data-without-script]").hidden = true;
  line.hidden = false;
  form.addEventListener("change", ({ target }) => {
    for (const one of controls(target.name)) one.removeAttribute("aria-invalid");
    unsaved[target.name] = valueOf(target);
    keep();
    save();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault(); // Enter in a field: its change is saved already
    if (event.submitter?.matches("[data-preview]")) showPreview();
  });
  addEventListener("online", save);
  unsaved = kept();
  for (const [name, value] of Object.entries(unsaved)) {
    for (const one of controls(name)) if (one.type === "checkbox") one.checked = value; else one.value = value;
  }
  save();
}
