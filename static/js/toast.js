/* One short line at the foot of the page, read out politely, gone after a moment. */
let timer;

export function toast(words) {
  const region = document.getElementById("toasts");
  if (!region) return;
  const line = document.createElement("div");
  line.className = "toast";
  line.textContent = words;
  region.replaceChildren(line);
  clearTimeout(timer);
  timer = setTimeout(() => region.replaceChildren(), 2500);
}
