/* The search box: a pasted mail keeps its line breaks, and a short text goes into the address, which can then be kept. */
const BREAK = " \u23ce ";
const LONGEST_QUERY = 4000;

function pasted(event) {
  const text = event.clipboardData?.getData("text/plain").trim() ?? "";
  if (!/[\r\n]/.test(text)) return;
  event.preventDefault();
  const lines = text.replace(/[ \t]*(?:\r\n|\r|\n)[ \t]*/g, BREAK);
  // Unlike setting the value, this can be undone.
  if (!document.execCommand("insertText", false, lines)) event.target.setRangeText(lines, ...selection(event.target), "end");
}

function selection(input) {
  return [input.selectionStart ?? input.value.length, input.selectionEnd ?? input.value.length];
}

function sent(event) {
  const form = event.target;
  const isShort = encodeURIComponent(form.elements.q.value).length <= LONGEST_QUERY;
  form.method = isShort ? "get" : "post";
  form.elements.csrfmiddlewaretoken.disabled = isShort;
}

export function startSearch() {
  const form = document.querySelector("form.search");
  if (!form) return;
  form.elements.q.addEventListener("paste", pasted);
  form.addEventListener("submit", sent);
}
