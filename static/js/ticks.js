/* Ticked rows: one by one, a range with Shift, or by the key x; a bar then copies all of them at once. */
const MOST = 100;
let last = null;

const bar = () => document.querySelector("[data-ticked]");
const boxes = () => [...document.querySelectorAll("#logs .rows .row-tick")];
const ticked = () => boxes().filter((box) => box.checked);
const keyOf = (box) => box.closest("[data-log-key]").dataset.logKey.replaceAll("-", "");

function show() {
  const place = bar();
  if (!place) return;
  const keys = ticked().map(keyOf);
  const words = keys.length > MOST ? `${keys.length} ticked; at most ${MOST} can be copied at once` : `${keys.length} ticked`;
  place.hidden = !keys.length;
  place.querySelector("[data-ticked-count]").textContent = words;
  document.querySelector("[data-ticked-status]").textContent = keys.length ? words : "";
  for (const button of place.querySelectorAll("[data-copy-format]")) {
    button.disabled = keys.length > MOST;
    button.dataset.copyUrl = `${place.dataset.url}?format=${button.dataset.copyFormat}${keys.map((key) => `&key=${key}`).join("")}`;
  }
}

function ticking(event) {
  const box = event.target;
  const all = boxes();
  if (event.shiftKey && last?.isConnected && last !== box) {
    const [from, to] = [all.indexOf(last), all.indexOf(box)].sort((a, b) => a - b);
    for (const between of all.slice(from, to + 1)) between.checked = box.checked;
  }
  last = box;
  show();
}

export function toggleTick(row) {
  if (bar()) row?.querySelector(".row-tick")?.click();
}

export function startTicks() {
  if (!bar()) return;
  document.addEventListener("click", (event) => {
    if (event.target.matches?.(".row-tick")) return ticking(event);
    if (!event.target.closest?.("[data-untick]")) return;
    const first = ticked()[0];
    for (const box of ticked()) box.checked = false;
    show();
    first?.focus({ preventScroll: true });
  });
  // Another list is in view: nothing of it is ticked.
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.target.id === "logs") show();
  });
  show();
}
