/* Keys: / search, q query, j k move, Enter or o open, x tick, c copy link, f filters, n p page, g + letter go to, ? sheet, Esc close.
   The sheet lists those that work on the page in view. They can be turned off. */
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
// By the data-needs of a line of the sheet: what has to be on the page for that key to do something.
const NEEDS = {
  query: "#ask-q, #filters input[name=q]",
  filters: "#filters",
  rows: "[data-log-key], [data-row]",
  ticks: "[data-ticked]",
  links: "[data-permalink], main [data-copy-link]",
  pages: "main a[rel=next], main a[rel=prev]",
};
const isNarrow = () => matchMedia("(max-width: 60rem)").matches;

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

function openRow() {
  const button = rowButton();
  if (button) setOpen(button, button.getAttribute("aria-expanded") !== "true");
  else document.activeElement?.closest("[data-row]")?.querySelector("a.row-title")?.click();
}

function openSheet() {
  const sheet = document.getElementById("keys");
  if (!sheet) return;
  for (const line of sheet.querySelectorAll("[data-needs]")) line.hidden = !document.querySelector(NEEDS[line.dataset.needs]);
  sheet.showModal();
}

/* What lies over the page on a phone closes, and its opener has the focus again. */
function closeDrawer() {
  const drawer = isNarrow() && document.activeElement?.closest("details.drawer[open]");
  if (!drawer) return false;
  drawer.open = false;
  drawer.querySelector("summary").focus();
  return true;
}

function escape() {
  const sheet = document.getElementById("keys");
  if (sheet?.open) return;
  if (closeDrawer()) return;
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
  q: () => document.querySelector(NEEDS.query)?.focus(),
  o: openRow,
  n: () => document.querySelector("main a[rel=next]")?.click(),
  p: () => document.querySelector("main a[rel=prev]")?.click(),
  c: () => {
    const link = document.activeElement?.closest("[data-log-key]")?.querySelector("[data-permalink]") ?? document.querySelector("main [data-copy-link]");
    if (link) copy({ dataset: { copyLink: link.dataset.copyLink ?? link.getAttribute("href"), copied: "Link copied" } });
  },
  x: () => toggleTick(document.activeElement?.closest("[data-log-key]")),
  f: openFilters,
  g: () => {
    awaiting = Date.now();
  },
  "?": openSheet,
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
    if (event.target.closest("[data-open-keys]")) openSheet();
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
