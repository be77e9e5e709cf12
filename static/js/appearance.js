/* Theme (system, light, dark) and row density; the choice sticks in this browser. */
const CHOICES = { theme: ["system", "light", "dark"], density: ["comfortable", "compact"] };
const root = document.documentElement;

function current(name) {
  return root.dataset[name] || CHOICES[name][0];
}

function choose(name, value) {
  const isDefault = value === CHOICES[name][0];
  if (isDefault) delete root.dataset[name];
  else root.dataset[name] = value;
  try {
    if (isDefault) localStorage.removeItem(name);
    else localStorage.setItem(name, value);
  } catch {
    /* The choice then lasts for this page only. */
  }
  show();
}

function show() {
  for (const button of document.querySelectorAll("[data-choose]")) {
    const [name, value] = button.dataset.choose.split(":");
    button.setAttribute("aria-pressed", String(current(name) === value));
  }
}

export function startAppearance() {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-choose]");
    if (button) choose(...button.dataset.choose.split(":"));
  });
  show();
}
