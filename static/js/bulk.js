/* Bulk re-enables: the button says how many go first, one click is one request, and the title says how far it is. */
function first() {
  const button = document.querySelector('form[data-action="bulk"] button[data-count]');
  const size = Number(document.getElementById("bulk-canary_size")?.value);
  const count = Number(button?.dataset.count);
  if (!button || !Number.isInteger(size) || size < 1) return;
  const what = `Re-enable ${count.toLocaleString("en")} ${count === 1 ? "sync" : "syncs"}`;
  button.textContent = count > size ? `${what}, ${size} first` : what;
}

function once(event) {
  const form = event.target.closest('form[data-action="bulk"]');
  if (!form || event.defaultPrevented) return;
  if (form.dataset.sent) return event.preventDefault();
  form.dataset.sent = "yes";
  form.querySelector('[type="submit"]').setAttribute("aria-busy", "true");
}

function again(event) {
  if (!event.persisted) return;
  for (const form of document.querySelectorAll("form[data-sent]")) {
    delete form.dataset.sent;
    form.querySelector('[type="submit"]').removeAttribute("aria-busy");
  }
}

function title() {
  const words = document.getElementById("bulk")?.dataset.title;
  if (words) document.title = document.title.replace(/^[^:]*:/, `${words}:`);
}

document.addEventListener("input", first);
document.addEventListener("submit", once);
window.addEventListener("pageshow", again);
document.addEventListener("htmx:afterSwap", title);
