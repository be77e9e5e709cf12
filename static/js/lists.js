/* The filter form and the list: blank fields stay out of the URL, a failed load says so, open groups are remembered. */
const GROUPS = "open-filter-groups";

function remembered() {
  try {
    return JSON.parse(sessionStorage.getItem(GROUPS) || "{}");
  } catch {
    return {};
  }
}

function rememberGroups(form) {
  const state = remembered();
  for (const group of form.querySelectorAll("details[data-group]")) {
    const wanted = state[group.dataset.group];
    if (wanted !== undefined && !group.hasAttribute("data-used")) group.open = wanted;
    group.addEventListener("toggle", () => {
      state[group.dataset.group] = group.open;
      try {
        sessionStorage.setItem(GROUPS, JSON.stringify(state));
      } catch {
        /* Not remembered then. */
      }
    });
  }
}

function exclusive(event) {
  // Including and excluding the same value would match nothing, so ticking one unticks the other.
  const box = event.target;
  if (box.type !== "checkbox" || !box.checked) return;
  for (const other of box.closest(".option")?.querySelectorAll("input") ?? []) if (other !== box) other.checked = false;
}

function withoutBlanks(event) {
  if (event.detail.elt.id !== "filters") return;
  const data = event.detail.formData;
  for (const name of new Set(data.keys())) {
    const values = data.getAll(name).filter((value) => String(value).trim() !== "");
    data.delete(name);
    for (const value of values) data.append(name, value);
  }
}

function showFailure(event) {
  const list = event.detail.target;
  const words = document.getElementById("list-failed");
  if (!words || !["logs", "list"].includes(list?.id)) return;
  list.replaceChildren(words.content.cloneNode(true));
}

/* An error page of the server never lands inside a list: only answers marked as fragments do, whatever their status.
   A signed-out person is sent to the sign-in page, which a request in the background would follow and swallow. */
function judgeAnswer(event) {
  const { xhr, requestConfig } = event.detail;
  if (xhr.getResponseHeader("X-Fragment")) {
    event.detail.shouldSwap = true;
    event.detail.isError = false;
    return;
  }
  const asked = new URL(requestConfig.path, location.href).pathname;
  if (xhr.responseURL && new URL(xhr.responseURL).pathname !== asked) {
    event.detail.shouldSwap = false;
    location.reload();
  }
}

export function startLists() {
  document.addEventListener("htmx:beforeSwap", judgeAnswer);
  const form = document.getElementById("filters");
  if (!form) return;
  rememberGroups(form);
  form.addEventListener("change", exclusive, { capture: true });
  // On a phone the filters lie over the list: applying them is also the wish to see it.
  form.addEventListener("submit", () => {
    const drawer = form.closest("details");
    if (drawer && matchMedia("(max-width: 60rem)").matches) drawer.open = false;
  });
  document.addEventListener("htmx:configRequest", withoutBlanks);
  for (const name of ["htmx:sendError", "htmx:timeout", "htmx:responseError"]) document.addEventListener(name, showFailure);
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-try-again]")) location.reload();
  });
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (event.detail.target?.id === "logs") event.detail.target.setAttribute("aria-busy", "true");
  });
  document.addEventListener("htmx:afterRequest", () => document.getElementById("logs")?.removeAttribute("aria-busy"));
}
