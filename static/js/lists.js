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
  }
  // On the form, since the groups are replaced as their counts change; "toggle" does not bubble.
  form.addEventListener(
    "toggle",
    (event) => {
      const name = event.target.dataset?.group;
      if (!name) return;
      const latest = { ...remembered(), [name]: event.target.open };
      try {
        sessionStorage.setItem(GROUPS, JSON.stringify(latest));
      } catch {
        /* Not remembered then. */
      }
    },
    { capture: true },
  );
}

/* A group that takes the place of another stays as open as that was; one that somebody writes in is left alone. */
function keepGroup(event) {
  const group = event.detail.target;
  if (!group?.matches?.("#filters details[data-group]")) return;
  const writing = document.activeElement;
  if (group.contains(writing) && writing.matches("input:not([type=checkbox])") && writing.value !== writing.defaultValue) {
    event.detail.shouldSwap = false;
    return;
  }
  const next = event.detail.fragment.querySelector("details[data-group]") ?? event.detail.fragment;
  next.open = group.open || next.hasAttribute("data-used");
  const more = next.querySelector("details.more");
  if (more) more.open = group.querySelector("details.more")?.open ?? false;
}

/* Since when the form says something that the list in flight does not know of: that list comes too late for the rail. */
let changedAt = 0;

function exclusive(event) {
  // Including and excluding the same value would match nothing, so ticking one unticks the other.
  const box = event.target;
  if (box.type !== "checkbox" || !box.checked) return;
  for (const other of box.closest(".option")?.querySelectorAll("input") ?? []) if (other !== box) other.checked = false;
}

function withoutBlanks(event) {
  const data = event.detail.formData;
  if (!data.has("form")) return;
  data.delete("form"); // without scripts it asks the server to leave the blanks out
  for (const name of new Set(data.keys())) {
    const values = data.getAll(name).filter((value) => String(value).trim() !== "");
    data.delete(name);
    for (const value of values) data.append(name, value);
  }
}

const isList = (element) => ["logs", "list"].includes(element?.id);
const addressOf = (event) => event.detail.pathInfo?.finalRequestPath || location.href;
/* The list that did not come, which the address bar does not say yet. */
let failedAddress = "";

function showFailure(event) {
  const list = event.detail.target;
  const words = document.getElementById("list-failed");
  if (!words || !isList(list)) return;
  failedAddress = addressOf(event);
  list.replaceChildren(words.content.cloneNode(true));
}

/* An error page of the server never lands inside a list: only answers marked as fragments do, whatever their status.
   A signed-out person is sent to the sign-in page, which a request in the background would follow and swallow. */
function judgeAnswer(event) {
  const { xhr, requestConfig } = event.detail;
  const isOutdated = changedAt > (requestConfig.sentAt ?? 0) && ["logs", "counting"].includes(requestConfig.target?.id);
  if (!requestConfig.elt?.isConnected || isOutdated) {
    event.detail.shouldSwap = false;
    return;
  }
  if (xhr.getResponseHeader("X-Fragment")) {
    event.detail.shouldSwap = true;
    event.detail.isError = false;
    return;
  }
  const requestedPath = new URL(requestConfig.path, location.href).pathname;
  if (xhr.responseURL && new URL(xhr.responseURL).pathname !== requestedPath) {
    event.detail.shouldSwap = false;
    // Whoever signs in again gets the list that was asked for.
    if (isList(requestConfig.target)) location.assign(addressOf(event));
    else location.reload();
  }
}

export function startLists() {
  document.addEventListener("htmx:beforeSwap", judgeAnswer);
  const form = document.getElementById("filters");
  if (!form) return;
  rememberGroups(form);
  form.addEventListener("change", exclusive, { capture: true });
  form.addEventListener("change", () => (changedAt = performance.now()));
  document.addEventListener("htmx:beforeRequest", (event) => (event.detail.requestConfig.sentAt = performance.now()));
  document.addEventListener("htmx:oobBeforeSwap", keepGroup);
  // On a phone the filters lie over the list: applying them is also the wish to see it.
  form.addEventListener("submit", () => {
    const drawer = form.closest("details");
    if (!drawer || !matchMedia("(max-width: 60rem)").matches) return;
    if (drawer.contains(document.activeElement)) drawer.querySelector("summary").focus();
    drawer.open = false;
  });
  // "11 more" goes away when it opens: what it showed takes the focus.
  form.addEventListener("click", (event) => {
    const more = event.target.closest("details.more > summary")?.parentElement;
    if (more) setTimeout(() => more.open && more.querySelector("input")?.focus());
  });
  document.addEventListener("htmx:configRequest", withoutBlanks);
  for (const name of ["htmx:sendError", "htmx:timeout", "htmx:responseError"]) document.addEventListener(name, showFailure);
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-try-again]")) location.assign(failedAddress || location.href);
  });
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (event.detail.target?.id === "logs") event.detail.target.setAttribute("aria-busy", "true");
  });
  // Not when something else has come meanwhile, such as the context of a row.
  document.addEventListener("htmx:afterRequest", (event) => {
    if (event.detail.target?.id === "logs") event.detail.target.removeAttribute("aria-busy");
  });
}
