/* Too many reads of one person at once: the part that was refused says so calmly and asks again by itself. */
import { toast } from "./toast.js";

const MOST_TRIES = 5;
const tries = new WeakMap();

const inherited = (elt, name) => elt.closest(`[${name}]`)?.getAttribute(name) ?? undefined;

function askAgain({ elt, target, pathInfo, requestConfig }, seconds) {
  const context = { target, swap: inherited(elt, "hx-swap"), select: inherited(elt, "hx-select") };
  setTimeout(() => {
    if (elt.isConnected && target.isConnected) window.htmx.ajax("GET", pathInfo.finalRequestPath, context);
  }, seconds * 1000);
  if (requestConfig.triggeringEvent) toast("Many of your pages load at once. This one goes on in a moment.");
}

/* Before those who would say that the answer never came. */
function refused(event) {
  const { elt, target, xhr, requestConfig } = event.detail;
  if (xhr?.status !== 429 || requestConfig.verb !== "get") return;
  if (/^every /.test(elt.getAttribute("hx-trigger") ?? "")) return event.stopImmediatePropagation(); // asks again anyway
  const count = (tries.get(target) ?? 0) + 1;
  tries.set(target, count);
  if (count > MOST_TRIES) return;
  event.stopImmediatePropagation();
  askAgain(event.detail, Number(xhr.getResponseHeader("Retry-After")) || 1);
}

export function startBusy() {
  document.addEventListener("htmx:responseError", refused, { capture: true });
  document.addEventListener("htmx:afterSwap", (event) => tries.delete(event.detail.target));
}
