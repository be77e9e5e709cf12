/* Times in UTC or in the zone of this browser. The server writes them, so the choice is a cookie and a new page. */
const YEAR = 365 * 24 * 3600;

function here() {
  return Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
}

function remember(name) {
  const secure = location.protocol === "https:" ? "; secure" : "";
  document.cookie = `zone=${name}; path=/; max-age=${name ? YEAR : 0}; samesite=lax${secure}`;
}

export function startZone() {
  const local = document.querySelector('[data-choose-zone="local"]');
  if (!local) return;
  local.querySelector("[data-zone-here]").textContent = `(${here()})`;
  // Whoever travelled sees the zone of the place from the next page on.
  if (local.getAttribute("aria-pressed") === "true") remember(here());
  document.addEventListener("click", (event) => {
    const choice = event.target.closest("[data-choose-zone]");
    if (!choice || choice.getAttribute("aria-pressed") === "true") return;
    remember(choice.dataset.chooseZone === "local" ? here() : "");
    location.reload();
  });
}
