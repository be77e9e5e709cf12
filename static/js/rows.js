/* Log rows: the button opens the context in place; htmx fetches it once, on the "expand" event. */
const RETRY_WORDS = "Could not load this entry.";

function panelOf(button) {
  return document.getElementById(button.getAttribute("aria-controls"));
}

export function setOpen(button, open) {
  const row = button.closest("[data-log-key]");
  const panel = panelOf(button);
  button.setAttribute("aria-expanded", String(open));
  row.toggleAttribute("data-open", open);
  panel.hidden = !open;
  if (open && !panel.dataset.loaded) load(button, panel);
}

function load(button, panel) {
  panel.replaceChildren(words("Loading the context…"));
  // A list that has just come is listened to by htmx a moment later; who is quicker would wait for ever.
  window.htmx?.process(button);
  button.dispatchEvent(new Event("expand"));
}

function words(text) {
  const line = document.createElement("p");
  line.className = "row-wait";
  line.textContent = text;
  return line;
}

function failed(panel, button) {
  const line = words(`${RETRY_WORDS} `);
  const again = document.createElement("button");
  again.type = "button";
  again.className = "btn btn-small";
  again.textContent = "Try again";
  again.addEventListener("click", () => {
    button.focus({ preventScroll: true }); // this one goes away
    load(button, panel);
  });
  line.append(again);
  panel.replaceChildren(line);
}

function isPlainClick(event) {
  if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey) return false;
  if (event.target.closest("a, button, input, label")) return false;
  return String(getSelection()) === "";
}

export function startRows() {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-log-key] button[aria-expanded]");
    if (button) return setOpen(button, button.getAttribute("aria-expanded") !== "true");
    const line = event.target.closest(".row-line");
    if (line && isPlainClick(event)) {
      const inLine = line.querySelector("button[aria-expanded]");
      setOpen(inLine, inLine.getAttribute("aria-expanded") !== "true");
    }
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.target.classList?.contains("row-panel")) event.target.dataset.loaded = "yes";
  });
  for (const name of ["htmx:responseError", "htmx:sendError", "htmx:timeout"]) {
    document.addEventListener(name, (event) => {
      const button = event.detail.elt;
      if (button?.matches?.("button[aria-expanded]")) failed(panelOf(button), button);
    });
  }
}
