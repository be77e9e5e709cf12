/* <details class="menu"> close on Escape, on a click elsewhere, when the focus goes elsewhere and when another one opens. */
export function startMenus() {
  const open = () => document.querySelectorAll("details.menu[open]");
  for (const name of ["click", "focusin"])
    document.addEventListener(name, (event) => {
      for (const menu of open()) if (!menu.contains(event.target) && !(name === "focusin" && event.target.contains(menu))) menu.open = false;
    });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const menu of open()) {
      menu.open = false;
      menu.querySelector("summary").focus();
      event.stopImmediatePropagation();
    }
  });
}
