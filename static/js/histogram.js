/* The chart above the list: click a bar or drag over several to zoom in; by keyboard arrows, Shift and arrows, Enter. */
const BARS = ".histogram-bars";
const FAR = 4; // pixels that make a drag of a click

let drag = null;
let picked = null; // { svg, from, to } by keyboard
let wantsFocus = false;

const barsOf = (svg) => [...svg.querySelectorAll("a")];

const rangeOf = (bar) => new URLSearchParams(bar.getAttribute("href"));

function barAt(svg, x) {
  const box = svg.getBoundingClientRect();
  const bars = barsOf(svg);
  const at = Math.floor(((x - box.left) / box.width) * bars.length);
  return Math.max(0, Math.min(bars.length - 1, at));
}

function range(from, to) {
  return from <= to ? [from, to] : [to, from];
}

function words(svg, from, to) {
  const bars = barsOf(svg);
  const [first, last] = range(from, to);
  if (first === last) return bars[first].getAttribute("aria-label");
  const start = bars[first].getAttribute("aria-label").split(":").slice(0, -1).join(":");
  return `${last - first + 1} bars from ${start}`;
}

function tell(svg, text) {
  const place = svg.closest(".histogram").querySelector(".histogram-readout");
  if (place) place.textContent = text;
}

function mark(svg, from, to) {
  const rect = svg.querySelector(".histogram-picked");
  const step = svg.viewBox.baseVal.width / barsOf(svg).length;
  const [first, last] = range(from, to);
  rect.setAttribute("x", String(first * step));
  rect.setAttribute("width", String((last - first + 1) * step));
  tell(svg, words(svg, from, to));
}

function unmark(svg) {
  svg.querySelector(".histogram-picked").setAttribute("width", "0");
  tell(svg, "");
  picked = null;
}

function go(url) {
  const list = document.getElementById("logs");
  if (!window.htmx || !list) return location.assign(url);
  window.htmx.ajax("GET", url, { source: list, target: list, swap: "innerHTML" });
}

function zoom(svg, from, to) {
  const bars = barsOf(svg);
  const [first, last] = range(from, to);
  const query = new URLSearchParams(svg.dataset.kept);
  query.set("since", rangeOf(bars[first]).get("since"));
  const until = rangeOf(bars[last]).get("until");
  if (until) query.set("until", until);
  go(`${location.pathname}?${query}`);
}

function pressed(event) {
  const svg = event.target.closest?.(BARS);
  if (!svg || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey) return;
  drag = { svg, id: event.pointerId, from: barAt(svg, event.clientX), x: event.clientX, far: false };
}

function moved(event) {
  if (!drag) {
    const bar = event.target.closest?.(`${BARS} a`);
    if (bar) tell(bar.closest(BARS), bar.getAttribute("aria-label"));
    return;
  }
  if (event.pointerId !== drag.id || !drag.svg.isConnected) return;
  if (!drag.far && Math.abs(event.clientX - drag.x) < FAR) return;
  if (!drag.far) {
    drag.far = true;
    drag.svg.setPointerCapture(drag.id);
  }
  drag.to = barAt(drag.svg, event.clientX);
  mark(drag.svg, drag.from, drag.to);
}

function released(event) {
  if (!drag || event.pointerId !== drag.id) return;
  const { svg, from, to, far } = drag;
  drag = null;
  if (!far) return;
  // The click that follows belongs to the drag.
  svg.addEventListener("click", (click) => click.preventDefault(), { capture: true, once: true });
  zoom(svg, from, to);
}

function cancelled() {
  if (drag) unmark(drag.svg);
  drag = null;
}

function clicked(event) {
  const bar = event.target.closest(`${BARS} a, a[data-zoom-out]`);
  if (!bar || event.defaultPrevented || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  wantsFocus = event.detail === 0; // pressed by keyboard
  go(location.pathname + bar.getAttribute("href"));
}

function keyed(event) {
  if (event.key === "Escape" && (drag || picked)) {
    const svg = (drag ?? picked).svg;
    drag = null;
    event.stopPropagation();
    return unmark(svg);
  }
  const bar = event.target.closest?.(`${BARS} a`);
  if (!bar) return;
  const svg = bar.closest(BARS);
  const bars = barsOf(svg);
  const at = bars.indexOf(bar);
  const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: bars.length - 1 }[event.key];
  if (event.key === "Enter" && picked) {
    event.preventDefault();
    wantsFocus = true;
    return zoom(svg, picked.from, picked.to);
  }
  if (to === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  const next = bars[Math.max(0, Math.min(bars.length - 1, to))];
  bar.tabIndex = -1;
  next.tabIndex = 0;
  const from = picked?.from ?? at;
  next.focus();
  if (event.shiftKey) {
    picked = { svg, from, to: bars.indexOf(next) };
    mark(svg, picked.from, picked.to);
  } else {
    unmark(svg);
    tell(svg, next.getAttribute("aria-label"));
  }
}

function swapped(event) {
  picked = null;
  if (!wantsFocus || event.detail.target?.id !== "logs") return;
  wantsFocus = false;
  document.querySelector(`${BARS} a[tabindex="0"]`)?.focus();
}

/* The answer never came: what waits for it says so. */
function uncounted(event) {
  if (event.detail.elt?.id !== "counting") return;
  for (const place of document.querySelectorAll(".rail-note.needs-js, .histogram-waits .needs-js")) place.textContent = "Not counted in time";
}

export function startHistogram() {
  document.addEventListener("pointerdown", pressed);
  document.addEventListener("pointermove", moved);
  document.addEventListener("pointerup", released);
  document.addEventListener("pointercancel", cancelled);
  document.addEventListener("pointerout", (event) => {
    const svg = event.target.closest?.(BARS);
    if (svg && !drag && !picked && !svg.contains(event.relatedTarget)) tell(svg, "");
  });
  document.addEventListener("dragstart", (event) => {
    if (event.target.closest?.(BARS)) event.preventDefault();
  });
  document.addEventListener("click", clicked);
  document.addEventListener("keydown", keyed, { capture: true });
  document.addEventListener("htmx:afterSwap", swapped);
  for (const name of ["htmx:sendError", "htmx:timeout", "htmx:responseError"]) document.addEventListener(name, uncounted);
}
