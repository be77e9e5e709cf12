/* What a screen reader is told of the log list: how many entries there are after a change, a context that came, what failed. */
let lastText = "";

function say(text) {
  const place = document.getElementById("list-status");
  if (!place || !text || text === lastText) return;
  lastText = text;
  place.textContent = text;
}

/* The list in one sentence: the state in its place, or its numbers. */
export function summary() {
  const state = document.querySelector("#logs .state-title");
  if (state) return state.textContent.trim();
  const rows = document.querySelectorAll("#logs [data-log-key]").length;
  const shown = rows === 1 ? "1 row shown" : `${rows} rows shown`;
  const total = document.querySelector("#histogram .histogram-sum strong")?.textContent.trim();
  return total ? `${total}, ${shown}` : shown;
}

function changed(event) {
  if (event.target.id === "logs" || event.target.id === "histogram") return say(summary());
  const panel = event.target.closest?.(".row-panel");
  if (!panel || event.target !== panel) return;
  const button = document.querySelector(`button[aria-controls="${CSS.escape(panel.id)}"]`);
  if (button) say(`${button.getAttribute("aria-label")}, shown below`);
}

export function sayAgain(text) {
  lastText = "";
  say(text);
}

export function startAnnouncing() {
  if (!document.getElementById("list-status")) return;
  document.addEventListener("htmx:beforeRequest", (event) => {
    // The same number twice is news, too: nothing changed.
    if (event.detail.target?.id === "logs") lastText = "";
  });
  for (const name of ["htmx:afterSettle", "htmx:oobAfterSwap"]) document.addEventListener(name, changed);
  for (const name of ["htmx:responseError", "htmx:sendError", "htmx:timeout"]) {
    document.addEventListener(name, (event) => {
      const { elt, target } = event.detail;
      if (elt?.matches?.("button[aria-expanded]")) sayAgain("Could not load this entry");
      else if (target?.id === "logs") setTimeout(() => sayAgain(summary()));
    });
  }
}
