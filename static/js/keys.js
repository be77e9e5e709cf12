/* Keys: / search, j k move, Enter or o open, x tick, c copy link, f filters, g + letter go to, ? sheet, Esc close. They can be turned off. */
import { copy } from "./copy.js";
import { setOpen } from "./rows.js";
import { toggleTick } from "./ticks.js";

const OFF = "keys-off";
let awaiting = 0;

function isOff() {
  try {
    return localStorage.getItem(OFF) === "yes";
  } catch {
    return false;
  }
}

const rowButtons = () => [...document.querySelectorAll("[data-log-key] button[aria-expanded], [data-row] a.row-title")];

function rowButton() {
  const row = document.activeElement?.closest("[data-log-key]");
  return row?.querySelector("button[aria-expanded]");
}

function move(step) {
  const all = rowButtons();
  if (!all.length) return;
  const row = document.activeElement?.closest("[data-log-key], [data-row]");
  const at = all.findIndex((item) => row?.contains(item));
  const next = all[at < 0 ? 0 : Math.max(0, Math.min(all.length - 1, at + step))];
  next.focus();
  next.scrollIntoView({ block: "nearest" });
}

function goTo(letter) {
  const link = document.querySelector(`.mainnav a[data-key="${CSS.escape(letter)}"]`);
  if (link) location.assign(link.href);
}

function openFilters() {
  const form = document.getElementById("filters");
  if (!form) return;
  const drawer = form.closest("details");
  if (drawer) drawer.open = true;
  form.querySelector("summary, input:not([type=hidden]), select")?.focus();
}

function escape() {
  const sheet = document.getElementById("keys");
  if (sheet?.open) return;
  const button = rowButton();
  if (button && button.getAttribute("aria-expanded") === "true") {
    setOpen(button, false);
    button.focus();
  } else if (document.activeElement?.matches("input, select, textarea")) document.activeElement.blur();
}

const ACTIONS = {
  "/": () => document.querySelector(".search input")?.focus(),
  j: () => move(1),
  k: () => move(-1),
  o: () => {
    const button = rowButton();
    if (button) setOpen(button, button.getAttribute("aria-expanded") !== "true");
  },
  c: () => {
    const link = document.activeElement?.closest("[data-log-key]")?.querySelector("[data-permalink]") ?? document.querySelector("main [data-copy-link]");
    if (link) copy({ dataset: { copyLink: link.dataset.copyLink ?? link.getAttribute("href"), copied: "Link copied" } });
  },
  x: () => toggleTick(document.activeElement?.closest("[data-log-key]")),
  f: openFilters,
  g: () => {
    awaiting = Date.now();
  },
  "?": () => document.getElementById("keys")?.showModal(),
};

function pressed(event) {
  if (event.key === "Escape") return escape();
  if (event.ctrlKey || event.metaKey || event.altKey || isOff()) return;
  if (event.target.closest("input:not([type=checkbox], [type=radio]), select, textarea, [contenteditable]")) return;
  if (document.querySelector("dialog[open]")) return;
  if (awaiting && Date.now() - awaiting < 1500) {
    awaiting = 0;
    event.preventDefault();
    return goTo(event.key);
  }
  const act = ACTIONS[event.key];
  if (!act) return;
  event.preventDefault();
  act();
}

export function startKeys() {
  document.addEventListener("keydown", pressed);
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-open-keys]")) document.getElementById("keys")?.showModal();
    if (event.target.closest("[data-close]")) event.target.closest("dialog").close();
  });
  const box = document.getElementById("keys-off");
  if (!box) return;
  box.checked = isOff();
  box.addEventListener("change", () => {
    try {
      localStorage.setItem(OFF, box.checked ? "yes" : "no");
    } catch {
      /* Lasts for this page only. */
    }
  });
}
