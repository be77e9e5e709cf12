// What the administration's pages need on top of Unfold. A classic script: it has to run before Alpine does.

// Alpine sets style strings as an attribute, which the content security policy refuses; the style object does the same.
const setAttribute = Element.prototype.setAttribute;
Element.prototype.setAttribute = function (name, value) {
  if (name === "style" && this.style) this.style.cssText = value;
  else setAttribute.call(this, name, value);
};

// htmx would write a style sheet of its own into the page.
if (window.htmx) window.htmx.config.includeIndicatorStyles = false;

// Unfold hides the side bar up to and with 1280 pixels, a usual width; from there on it stays, and is a little narrower.
const wide = () => window.innerWidth >= 1280;
const open = () => wide() && localStorage.getItem("sidebarOpen") !== "0";
document.addEventListener("alpine:init", () => {
  const unfold = window.theme;
  window.theme = (...args) => {
    const made = unfold(...args);
    made.sidebarWidth = localStorage.getItem("sidebarWidth") || 232;
    made.sidebarOpen = open();
    made.sidebarToggle = function () {
      this.sidebarOpen = !this.sidebarOpen;
      if (wide()) localStorage.setItem("sidebarOpen", this.sidebarOpen ? "1" : "0");
    };
    made.themeBindings["x-resize.window"] = function () {
      this.sidebarOpen = open();
    };
    return made;
  };
});

document.addEventListener("focusin", (event) => {
  if (event.target.matches("[data-select-all]")) event.target.select();
});

document.addEventListener("DOMContentLoaded", () => {
  document.getElementById("main")?.setAttribute("role", "main");
  for (const button of document.querySelectorAll("[data-copy-from]")) {
    if (!navigator.clipboard) continue;
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(document.getElementById(button.dataset.copyFrom).value);
      button.textContent = "Copied";
    });
  }
});
