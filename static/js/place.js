/* The place of the keyboard in the log list, kept over the page that a link of the list loads: a chip that is taken away, another
   range, the next page, a value that is included from a context. Links followed by mouse are left alone. */
import { sayAgain, summary } from "./announce.js";

const STORED = "place-in-list";
const FRESH = 15000;
const ROW = "#logs [data-log-key] button[aria-expanded]";

const chips = () => [...document.querySelectorAll("#logs .chip a")];

function placeOf(link) {
  if (link.matches(".chip a")) return { kind: "chip", at: chips().indexOf(link) };
  if (link.closest(".segmented")) return { kind: "range" };
  if (link.closest(".rows-foot")) return { kind: "rows" };
  const row = link.closest("[data-log-key]");
  return row ? { kind: "entry", key: row.dataset.logKey } : { kind: "list" };
}

function followed(event) {
  const link = event.target.closest?.("#logs a[href]");
  if (!link || event.detail !== 0 || event.defaultPrevented || link.pathname !== location.pathname) return;
  try {
    sessionStorage.setItem(STORED, JSON.stringify({ ...placeOf(link), href: link.href, time: Date.now() }));
  } catch {
    /* The focus begins at the top then. */
  }
}

function stored() {
  try {
    const place = JSON.parse(sessionStorage.getItem(STORED) || "null");
    sessionStorage.removeItem(STORED);
    return place?.href === location.href && Date.now() - place.time < FRESH ? place : null;
  } catch {
    return null;
  }
}

function find(place) {
  const list = document.getElementById("logs");
  if (place.kind === "chip") return chips()[Math.min(place.at, chips().length - 1)] ?? list;
  if (place.kind === "range") return document.querySelector("#logs .segmented [aria-current]") ?? list;
  if (place.kind === "rows") return document.querySelector(ROW) ?? list;
  if (place.kind !== "entry") return list;
  const row = document.querySelector(`#logs [data-log-key="${CSS.escape(place.key)}"]`);
  return row?.querySelector("button[aria-expanded]") ?? chips().at(-1) ?? list;
}

export function startPlace() {
  if (!document.getElementById("logs")) return;
  document.addEventListener("click", followed);
  const place = stored();
  if (!place) return;
  find(place)?.focus();
  // A region that is filled while the page loads is not read out.
  setTimeout(() => sayAgain(summary()), 400);
}
