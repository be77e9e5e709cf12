/* Copy buttons: data-copy="text", data-copy-link="/path", data-copy-from="id of an element" or data-copy-url="/path to fetch". */
import { toast } from "./toast.js";

async function textOf(button) {
  const { copy, copyLink, copyFrom, copyUrl } = button.dataset;
  if (copyLink !== undefined) return new URL(copyLink, location.href).href;
  if (copyFrom !== undefined) return document.getElementById(copyFrom).textContent;
  if (copyUrl === undefined) return copy;
  const answer = await fetch(copyUrl, { credentials: "same-origin" });
  if (!answer.ok) throw new Error(String(answer.status));
  return answer.text();
}

function byHand(text) {
  // The clipboard of the page needs a secure address; on plain HTTP the old way still works.
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "sr-only";
  area.setAttribute("aria-hidden", "true");
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  if (!done) throw new Error("refused");
}

export async function copy(button) {
  try {
    const text = await textOf(button);
    if (navigator.clipboard && window.isSecureContext) await navigator.clipboard.writeText(text);
    else byHand(text);
    toast(button.dataset.copied || "Copied");
  } catch {
    toast("Could not copy. Select the text and copy it by hand.");
  }
}

export function startCopy() {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copy], [data-copy-link], [data-copy-from], [data-copy-url]");
    if (!button) return;
    event.preventDefault();
    copy(button);
  });
}
