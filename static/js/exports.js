/* The export page: a click on a download leaves the page where it is, so the list is asked until the new export shows in it. */
const LOOKS = [900, 2500, 5000];

function look(list) {
  if (!list.querySelector('[data-export="running"]')) htmx.trigger(list, "started");
}

export function startExports() {
  const list = document.getElementById("exports");
  if (!list) return;
  document.addEventListener("click", (event) => {
    if (!event.target.closest(".export-start")) return;
    for (const [number, delay] of LOOKS.entries()) {
      setTimeout(() => (number ? look(list) : htmx.trigger(list, "started")), delay);
    }
  });
}
