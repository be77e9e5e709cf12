/* The columns menu: the arrows move a line in place (they are links without scripts), lines can be dragged, and the menu stays
   where the keyboard left it after Apply. */

function line(element) {
  return element?.closest?.("[data-column]");
}

function swap(item, direction) {
  const other = direction === "up" ? item.previousElementSibling : item.nextElementSibling;
  if (!other) return;
  if (direction === "up") other.before(item);
  else other.after(item);
}

function moved(event) {
  const arrow = event.target.closest("[data-column] [data-move]");
  if (!arrow || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const item = line(arrow);
  swap(item, arrow.dataset.move);
  // At the end of the list the arrow is gone, so the other one takes the focus.
  const left = getComputedStyle(arrow).visibility === "hidden" ? item.querySelector(`[data-move]:not([data-move="${arrow.dataset.move}"])`) : arrow;
  left?.focus();
}

let dragged;

function startDragging() {
  document.addEventListener("pointerdown", (event) => {
    const item = line(event.target);
    if (item) item.draggable = !event.target.closest("input, a, button");
  });
  document.addEventListener("dragstart", (event) => {
    dragged = line(event.target);
    if (!dragged) return;
    dragged.classList.add("is-dragged");
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData("text/plain", "");
  });
  document.addEventListener("dragover", (event) => {
    const over = dragged && line(event.target);
    if (!over) return;
    event.preventDefault();
    if (over === dragged) return;
    const box = over.getBoundingClientRect();
    if (event.clientY < box.top + box.height / 2) over.before(dragged);
    else over.after(dragged);
  });
  document.addEventListener("drop", (event) => {
    if (dragged) event.preventDefault();
  });
  document.addEventListener("dragend", () => {
    dragged?.classList.remove("is-dragged");
    dragged = undefined;
  });
}

export function startViews() {
  if (!document.getElementById("logs")) return;
  document.addEventListener("click", moved);
  startDragging();
  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.detail.requestConfig?.elt?.id === "columns-form") document.getElementById("columns-open")?.focus();
  });
  // A menu with a field is opened to type into it.
  document.addEventListener(
    "toggle",
    (event) => {
      if (event.target.matches?.("details.menu[open]")) event.target.querySelector(".view-form input[name=name]")?.focus();
    },
    { capture: true },
  );
}
