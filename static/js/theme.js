/* Runs before the first paint, in the head: marks that scripts run and puts the chosen theme and density on <html>. */
(() => {
  const root = document.documentElement;
  root.classList.add("js");
  for (const name of ["theme", "density"]) {
    let value = null;
    try {
      value = localStorage.getItem(name);
    } catch {
      /* Storage may be refused; the system's theme then stands. */
    }
    if (value) root.dataset[name] = value;
  }
})();
