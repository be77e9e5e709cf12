/* Re-enables: one click is one request, the title says how far it is, and rows that somebody reads are not swapped away. */
function once(event) {
  const form = event.target.closest('form[data-action="reenable"]');
  if (!form || event.defaultPrevented) return;
  if (form.dataset.sent) return event.preventDefault();
  form.dataset.sent = "yes";
  const button = form.querySelector('[type="submit"]');
  button.disabled = true;
  button.setAttribute("aria-busy", "true");
}

/* Back to the page brings it as it was left: the button has to work again; the server still takes one attempt only. */
function again(event) {
  if (!event.persisted) return;
  for (const form of document.querySelectorAll("form[data-sent]")) {
    delete form.dataset.sent;
    const button = form.querySelector('[type="submit"]');
    button.disabled = false;
    button.removeAttribute("aria-busy");
  }
}

function keepRows(event) {
  const { target } = event.detail;
  if (target?.id !== "attempt-logs") return;
  if (target.querySelector("[data-open]") || target.contains(document.activeElement)) event.detail.shouldSwap = false;
}

let plain = document.title;

function title() {
  const words = document.querySelector("main > .stack > #attempt")?.dataset.title;
  if (words) document.title = plain.replace(/^[^:]*:/, `${words}:`);
}

/* What was asked in the background did not come: say so instead of waiting for ever. */
function unanswered(event) {
  const line = event.detail.elt?.closest?.(".asking")?.querySelector("[data-asking]");
  if (line) line.textContent = "The provider could not be asked in time. Reload the page to ask again.";
}

document.addEventListener("submit", once);
window.addEventListener("pageshow", again);
document.addEventListener("htmx:oobBeforeSwap", keepRows);
document.addEventListener("htmx:afterSwap", title);
for (const name of ["htmx:sendError", "htmx:timeout", "htmx:responseError"]) document.addEventListener(name, unanswered);
