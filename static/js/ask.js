/* The query box: suggestions while typing, as an ARIA combobox. Without scripts it is a field of the filter form. */
const PAUSE = 120;

let input, panel, list, count, clear, address;
let offers = [];
let active = -1;
let newest = 0; // number of the newest question; answers to older ones are dropped
let timer = 0;
let under = null;
let ran = ""; // the query that the list shows

function close() {
  clearTimeout(timer);
  under?.abort();
  newest += 1;
  offers = [];
  active = -1;
  panel.hidden = true;
  list.replaceChildren();
  count.textContent = "";
  input.setAttribute("aria-expanded", "false");
  input.removeAttribute("aria-activedescendant");
}

function part(name, text) {
  const made = document.createElement("span");
  made.className = `ask-${name}`;
  made.textContent = text;
  return made;
}

function option(offer, index) {
  const item = document.createElement("li");
  item.id = `ask-option-${index}`;
  item.role = "option";
  item.setAttribute("aria-selected", "false");
  const written = part("part", offer.part);
  written.dir = "auto";
  item.append(written, " ", part("words", offer.words), " ", part("note", offer.note));
  return item;
}

function show(found) {
  offers = found;
  active = -1;
  input.removeAttribute("aria-activedescendant");
  if (!offers.length) return close();
  list.replaceChildren(...offers.map(option));
  list.scrollTop = 0;
  panel.hidden = false;
  input.setAttribute("aria-expanded", "true");
  count.textContent = offers.length === 1 ? "1 suggestion" : `${offers.length} suggestions`;
}

async function ask() {
  under?.abort();
  under = new AbortController();
  const mine = ++newest;
  const query = new URLSearchParams({ q: input.value, at: String(input.selectionStart) });
  try {
    const response = await fetch(`${address}?${query}`, { signal: under.signal, headers: { Accept: "application/json" } });
    if (!response.ok || response.redirected) return;
    const { suggestions } = await response.json();
    if (mine === newest && document.activeElement === input) show(suggestions);
  } catch {
    /* No suggestions then; the box works without. */
  }
}

function soon() {
  clear.hidden = input.value === "";
  clearTimeout(timer);
  timer = setTimeout(ask, PAUSE);
}

function choose(index) {
  active = index;
  for (const [place, item] of [...list.children].entries()) item.setAttribute("aria-selected", String(place === active));
  if (active < 0) return input.removeAttribute("aria-activedescendant");
  input.setAttribute("aria-activedescendant", list.children[active].id);
  list.children[active].scrollIntoView({ block: "nearest" });
}

function take(offer) {
  close();
  input.value = offer.query;
  input.setSelectionRange(offer.at, offer.at);
  clear.hidden = false;
  if (offer.kind === "field") ask();
}

function pressed(event) {
  if (event.isComposing || event.altKey || event.ctrlKey || event.metaKey) return;
  const isOpen = !panel.hidden;
  const last = offers.length - 1;
  if (event.key === "ArrowDown" && !isOpen) ask();
  else if (event.key === "ArrowDown") choose(active === last ? -1 : active + 1);
  else if (event.key === "ArrowUp" && isOpen) choose(active === -1 ? last : active - 1);
  else if ((event.key === "Enter" || (event.key === "Tab" && !event.shiftKey)) && isOpen && active >= 0) take(offers[active]);
  else if (event.key === "Escape" && isOpen) {
    close();
    event.stopPropagation(); // a second Escape leaves the box
  } else {
    if (event.key === "Enter") close();
    return;
  }
  event.preventDefault();
}

function run() {
  if (input.value.trim() !== ran) input.form.requestSubmit();
}

export function startAsk() {
  const box = document.querySelector("[data-ask]");
  if (!box) return;
  address = box.dataset.ask;
  [input, panel, list] = [box.querySelector("input"), box.querySelector(".ask-panel"), box.querySelector("[role=listbox]")];
  [count, clear] = [box.querySelector("[data-ask-count]"), box.querySelector("[data-ask-clear]")];
  ran = input.value.trim();
  input.role = "combobox";
  input.setAttribute("aria-autocomplete", "list");
  input.setAttribute("aria-expanded", "false");
  input.setAttribute("aria-controls", list.id);
  input.addEventListener("keydown", pressed);
  input.addEventListener("input", soon);
  input.addEventListener("click", () => panel.hidden && soon());
  input.addEventListener("blur", close);
  input.addEventListener("change", () => setTimeout(run));
  input.form.addEventListener("submit", () => {
    ran = input.value.trim();
    close();
  });
  panel.addEventListener("pointerdown", (event) => event.preventDefault()); // the box keeps the focus
  list.addEventListener("click", (event) => {
    const item = event.target.closest("[role=option]");
    if (item) take(offers[[...list.children].indexOf(item)]);
  });
  clear.addEventListener("click", () => {
    input.value = "";
    clear.hidden = true;
    input.focus();
    run();
  });
  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.target.id !== "logs") return;
    const isWrong = box.querySelector("#filter-error-q .field-error") !== null;
    if (isWrong) input.setAttribute("aria-invalid", "true");
    else input.removeAttribute("aria-invalid");
  });
}
