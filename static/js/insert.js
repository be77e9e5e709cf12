/* Puts rows that come from the server into the list in view: each at its place by time and key, without moving what is read. */
const SHOWN_FOR = 4000;

export const rowsOf = (list) => [...list.querySelectorAll(":scope > [data-log-key]")];

/* Order of the list as text: the moment to the microsecond, then the key. */
function placeOf(row) {
  const [seconds, fraction = ""] = row.querySelector(".row-time time").dateTime.replace("Z", "").split(".");
  return `${seconds}.${fraction.padEnd(6, "0")} ${row.dataset.logKey}`;
}

function headOf(row) {
  let element = row;
  while (element && !element.matches(".rows-day")) element = element.previousElementSibling;
  return element;
}

const sameDay = (head, other) => head && other && (head.textContent.startsWith(other.textContent) || other.textContent.startsWith(head.textContent));

/* Before `next`, the first row that is older; at the end when there is none. Adds the line of the day where it is a new one. */
function put(list, row, day, next) {
  const below = next && headOf(next);
  if (next && sameDay(below, day)) return next.before(row);
  const above = below ? below.previousElementSibling : list.lastElementChild;
  const at = (element) => (below ? below.before(element) : list.append(element));
  if (!above || !sameDay(headOf(above), day)) at(day.cloneNode(true));
  at(row);
}

function firstInView(rows) {
  const top = document.querySelector(".topbar")?.getBoundingClientRect().bottom ?? 0;
  return rows.find((row) => row.getBoundingClientRect().bottom > top);
}

/* Whoever reads at the top sees the new rows come; for whoever has scrolled down nothing moves. */
function keepingPlace(list, change) {
  const rows = rowsOf(list);
  const isAtTop = list.getBoundingClientRect().top >= 0;
  const fixed = isAtTop ? null : firstInView(rows);
  const before = fixed?.getBoundingClientRect().top;
  const root = document.documentElement;
  root.style.overflowAnchor = "none"; // else the browser moves the page as well
  change();
  if (fixed) scrollBy({ top: fixed.getBoundingClientRect().top - before, behavior: "instant" });
  requestAnimationFrame(() => requestAnimationFrame(() => root.style.removeProperty("overflow-anchor")));
}

/* `tell` hears how many belong on an older page, since they are older than the last row here; what it writes moves nothing. */
export function insertRows(list, html, tell) {
  const holder = document.createElement("template");
  holder.innerHTML = html;
  const fresh = [...holder.content.querySelectorAll("[data-log-key]")].map((row) => [row, headOf(row)]);
  const inserted = [];
  let below = 0;
  const hasOlder = Boolean(document.querySelector('#logs .rows-foot a[rel="next"]'));
  keepingPlace(list, () => {
    const there = rowsOf(list);
    for (const [row, day] of fresh) {
      if (there.some((known) => known.dataset.logKey === row.dataset.logKey)) continue;
      const next = rowsOf(list).find((known) => placeOf(known) < placeOf(row));
      if (!next && hasOlder) {
        below += 1;
        continue;
      }
      put(list, row, day, next);
      row.classList.add("row-new");
      setTimeout(() => row.classList.remove("row-new"), SHOWN_FOR);
      window.htmx?.process(row);
      inserted.push(row);
    }
    tell(below);
  });
  return inserted;
}
