/* Times: "6 minutes ago" stays right while a page is open, and the whole moment shows on hover and on keyboard focus.
   The words are those of synclogs/explain/phrases.py. */
const EVERY = 30_000;
const DELAY = 120;
const UNITS = [
  [2 * 60, 1, "second"],
  [2 * 3600, 60, "minute"],
  [2 * 86400, 3600, "hour"],
  [Infinity, 86400, "day"],
];
const RELATIVE = /(?:just now|in \d[\d,]* (?:second|minute|hour|day)s?|\d[\d,]* (?:second|minute|hour|day)s? ago)$/;
const opened = Date.now();
const serverNow = Date.parse(document.body.dataset.now) || opened;

let tip;
let owner = null;
let timer;

function span(milliseconds) {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  const [, size, unit] = UNITS.find(([below]) => seconds < below);
  const count = Math.floor(seconds / size);
  return `${count.toLocaleString("en-US")} ${unit}${count === 1 ? "" : "s"}`;
}

/* By the server's clock, so that a wrong clock of this machine changes nothing. */
function ago(time) {
  const passed = serverNow + (Date.now() - opened) - Date.parse(time.dateTime);
  if (passed < 0) return `in ${span(-passed)}`;
  return passed < 1000 ? "just now" : `${span(passed)} ago`;
}

function fresh(text, time) {
  return RELATIVE.test(text) ? text.replace(RELATIVE, ago(time)) : text;
}

function refresh() {
  for (const time of document.querySelectorAll("time[datetime]")) {
    const text = time.childElementCount ? null : time.firstChild;
    if (!text) continue;
    const words = fresh(text.data, time);
    if (words !== text.data) text.data = words;
  }
}

/* A time says its own moment; a link without a time of its own, when it names its row, those of the row's cells. */
function timesOf(element) {
  const times = element.matches("time[title]") ? [element] : [...element.querySelectorAll("time[title]")];
  if (times.length) return times.map((time) => fresh(time.title, time)).join(", ");
  const row = element.matches(".row-title") && element.closest("[data-row]");
  if (!row) return "";
  return [...row.querySelectorAll("time[title]")]
    .map((time) => {
      const label = time.closest("[data-label]")?.dataset.label;
      return label ? `${label}: ${fresh(time.title, time)}` : fresh(time.title, time);
    })
    .join("\n");
}

function show(element, anchor, words) {
  hide();
  if (!tip) {
    tip = document.createElement("div");
    tip.id = "time-tip";
    tip.className = "tip";
    tip.popover = "manual";
    tip.setAttribute("role", "tooltip");
    document.body.append(tip);
  }
  owner = element;
  tip.textContent = words;
  tip.showPopover();
  const place = anchor.getBoundingClientRect();
  const below = place.bottom + 3 + tip.offsetHeight <= innerHeight;
  tip.style.left = `${Math.max(8, Math.min(place.left, innerWidth - tip.offsetWidth - 8))}px`;
  tip.style.top = `${below ? place.bottom + 3 : Math.max(8, place.top - tip.offsetHeight - 3)}px`;
  if (element === document.activeElement) {
    const others = element.getAttribute("aria-describedby");
    element.setAttribute("aria-describedby", others ? `${others} ${tip.id}` : tip.id);
  } else {
    // The browser's own tooltip would come on top of ours.
    element.dataset.title = element.title;
    element.removeAttribute("title");
  }
}

function hide() {
  clearTimeout(timer);
  if (!owner) return;
  if ("title" in owner.dataset) {
    owner.title = owner.dataset.title;
    delete owner.dataset.title;
  }
  const others = (owner.getAttribute("aria-describedby") || "").split(" ").filter((id) => id && id !== tip.id);
  if (others.length) owner.setAttribute("aria-describedby", others.join(" "));
  else owner.removeAttribute("aria-describedby");
  owner = null;
  tip.hidePopover();
}

function hovered(event) {
  const time = event.target.closest?.("time[title]");
  if (!time || time === owner) return;
  clearTimeout(timer);
  timer = setTimeout(() => time.isConnected && show(time, time, timesOf(time)), event.pointerType === "touch" ? 0 : DELAY);
}

function left(event) {
  if (event.pointerType === "touch" || owner === document.activeElement) return clearTimeout(timer);
  // The pointer may move onto the words, to read or select them.
  if (event.relatedTarget && (tip?.contains(event.relatedTarget) || owner?.contains(event.relatedTarget))) return;
  if (event.target.closest?.("time, .tip")) hide();
}

function focused(event) {
  const words = event.target.matches?.(":focus-visible") && timesOf(event.target);
  if (words) show(event.target, event.target.querySelector("time") ?? event.target, words);
}

export function startTimes() {
  setInterval(refresh, EVERY);
  document.addEventListener("visibilitychange", () => document.hidden || refresh());
  if (!("popover" in HTMLElement.prototype)) return;
  document.addEventListener("pointerover", hovered);
  document.addEventListener("pointerout", left);
  document.addEventListener("pointerdown", hide);
  document.addEventListener("focusin", focused);
  document.addEventListener("focusout", hide);
  document.addEventListener("htmx:afterSettle", () => owner?.isConnected === false && hide());
  document.addEventListener("scroll", hide, { capture: true, passive: true });
  document.addEventListener("keydown", (event) => event.key === "Escape" && hide(), true);
}
