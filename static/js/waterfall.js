/* The waterfall of a run: one tab stop, arrow keys from mark to mark, a line that says what the mark is; a mark opens its entry.
   Also the strip of runs on a sync's page: [data-roving] is any row of links that is one tab stop. */
import { setOpen } from "./rows.js";

const STEPS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

function roving(box, marks) {
  const focus = (mark) => {
    for (const other of marks) other.setAttribute("tabindex", other === mark ? "0" : "-1");
    mark.focus();
    mark.scrollIntoView({ block: "nearest", inline: "nearest" });
  };
  box.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const at = marks.indexOf(event.target.closest("a"));
    if (at < 0) return;
    let next;
    if (event.key in STEPS) next = marks[at + STEPS[event.key]];
    else if (event.key === "Home") next = marks[0];
    else if (event.key === "End") next = marks.at(-1);
    else return;
    event.preventDefault();
    if (next) focus(next);
  });
}

function saying(box, says) {
  const usual = says.textContent;
  const show = (event) => {
    const mark = event.target.closest("a[aria-label]");
    says.textContent = mark ? mark.getAttribute("aria-label") : (event.target.closest("g:has(> title), a:has(> title)")?.querySelector("title").textContent ?? usual);
  };
  box.addEventListener("pointerover", show);
  box.addEventListener("focusin", show);
  box.addEventListener("pointerleave", () => {
    if (!box.contains(document.activeElement)) says.textContent = usual;
  });
  box.addEventListener("focusout", () => {
    says.textContent = usual;
  });
}

function leading(box) {
  box.addEventListener("click", (event) => {
    const mark = event.target.closest('a[href^="#e-"]');
    if (!mark || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const row = document.getElementById(mark.getAttribute("href").slice(1));
    const button = row?.querySelector("button[aria-expanded]");
    if (!button) return;
    event.preventDefault();
    history.replaceState(null, "", mark.getAttribute("href"));
    setOpen(button, true);
    button.focus({ preventScroll: true });
    row.scrollIntoView({ block: "center" });
  });
}

for (const box of document.querySelectorAll("[data-waterfall], [data-roving]")) {
  const marks = [...box.querySelectorAll("a[aria-label]")];
  const says = box.querySelector("[data-says]");
  roving(box, marks);
  if (says) saying(box, says);
  leading(box);
}
