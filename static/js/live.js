/* Live: asks every few seconds what has arrived, and keeps the place: new rows wait behind a pill until it is pressed. */
import { insertRows, rowsOf } from "./insert.js";
import { toast } from "./toast.js";

const QUICK = 2000;
const SLOW = 15000;
const EASE = 1.5;
const PATIENCE = 20000;
const PAUSES = [3000, 8000, 20000];
const MOST = 50; // as in synclogs/reading/tail.py
const MOST_ROWS = 400;
const SAY_EVERY = 10000;
const STORED = "live";
// By the status of the answer; without one nothing came back.
const REASONS = {
  none: "cannot reach the server",
  400: "these filters cannot be followed",
  404: "this list is not open to you any more",
  429: "many of your pages load at once",
  500: "the server failed",
  503: "it takes too long to look for new entries with these filters",
};

let box = null;
let cursor = "";
let seen = new Set();
let waiting = new Set();
let isMore = false;
let delay = QUICK;
let failures = 0;
let timer = 0;
let asking = null;
let announcedAt = 0;
let sayTimer = 0;
let place = null; // where the focus was before the pill got it

const part = (name) => document.querySelector(`[data-live-${name}]`);
const canFollow = () => Boolean(box?.dataset.tail);

function isOn() {
  try {
    return sessionStorage.getItem(STORED) === "on";
  } catch {
    return part("toggle")?.getAttribute("aria-pressed") === "true";
  }
}

function remember(on) {
  try {
    sessionStorage.setItem(STORED, on ? "on" : "off");
  } catch {
    /* Lasts for this page only. */
  }
}

function words(text, canTry = false) {
  part("words").textContent = text;
  part("again").hidden = !canTry;
}

function show() {
  const pill = part("pill");
  const count = isMore ? `${MOST}+` : String(waiting.size);
  pill.hidden = !waiting.size && !isMore;
  pill.textContent = `${count} new`;
  pill.setAttribute("aria-label", `${count} new, show ${count === "1" ? "it" : "them"}`);
  if (!pill.hidden) say(`${count} new ${count === "1" ? "entry waits" : "entries wait"}`);
}

/* For screen readers, and not at each entry. */
function say(text) {
  clearTimeout(sayTimer);
  const rest = announcedAt + SAY_EVERY - Date.now();
  sayTimer = setTimeout(
    () => {
      announcedAt = Date.now();
      const status = part("status");
      if (status) status.textContent = text;
    },
    Math.max(0, rest),
  );
}

function quiet() {
  clearTimeout(sayTimer);
  part("status").textContent = "";
}

function stop() {
  clearTimeout(timer);
  asking?.abort();
  asking = null;
}

function soon(milliseconds) {
  clearTimeout(timer);
  timer = setTimeout(ask, milliseconds);
}

function follow() {
  stop();
  if (canFollow() && isOn() && !document.hidden) ask();
}

async function answerOf(address, control) {
  const late = setTimeout(() => control.abort(), PATIENCE);
  try {
    // A redirect is the way to the sign-in page, which is for a person and not for this script.
    const answer = await fetch(address, { credentials: "same-origin", redirect: "manual", signal: control.signal });
    if (answer.type === "opaqueredirect" || answer.status === 401) {
      location.reload();
      return null;
    }
    if (!answer.ok) throw new Error(String(answer.status));
    const isEmpty = answer.status === 204;
    return { cursor: answer.headers.get("X-Tail-Cursor"), entries: [], ...(isEmpty ? {} : await answer.json()) };
  } finally {
    clearTimeout(late);
  }
}

async function ask() {
  const mine = box;
  const control = new AbortController();
  asking = control;
  const address = new URL(box.dataset.tail, location.href);
  address.searchParams.set("after", cursor);
  try {
    const answer = await answerOf(address, control);
    if (answer && asking === control && mine === box) take(answer);
  } catch (error) {
    if (asking === control && mine === box) failed(REASONS[error.message] ?? REASONS.none);
  }
}

function take(answer) {
  if (failures) words("");
  failures = 0;
  cursor = answer.cursor;
  const news = answer.entries.map(([key]) => key).filter((key) => !seen.has(key));
  for (const key of news) {
    seen.add(key);
    waiting.add(key);
  }
  isMore ||= Boolean(answer.more) || waiting.size > MOST;
  if (news.length) show();
  // More than the pill counts: nothing is learned by asking often.
  delay = news.length && !isMore ? QUICK : Math.min(SLOW, delay * EASE);
  soon(delay);
}

function failed(reason) {
  const pause = PAUSES[failures];
  failures += 1;
  if (pause) return soon(pause);
  words(`Live paused: ${reason}.`, true);
}

function again() {
  failures = 1;
  words("Trying again…");
  part("toggle").focus({ preventScroll: true });
  follow();
}

function reloadNewest() {
  return window.htmx.ajax("GET", location.pathname + location.search, { target: "#logs", swap: "innerHTML" }).then(() => {
    if (document.activeElement === document.body) part("toggle")?.focus({ preventScroll: true });
  });
}

async function showNew() {
  const pill = part("pill");
  const list = document.querySelector("#logs ol.rows");
  if (isMore || !list || rowsOf(list).length + waiting.size > MOST_ROWS) return reloadNewest();
  if (pill.getAttribute("aria-busy")) return;
  pill.setAttribute("aria-busy", "true");
  const keys = [...waiting];
  try {
    const address = new URL(box.dataset.rows, location.href);
    for (const key of keys) address.searchParams.append("key", key);
    const answer = await fetch(address, { credentials: "same-origin", redirect: "manual" });
    if (answer.type === "opaqueredirect") return location.reload();
    // 404: all of them are gone again, by retention.
    if (!answer.ok && answer.status !== 404) throw new Error(String(answer.status));
    const inserted = insertRows(list, answer.ok ? await answer.text() : "", tellLate);
    for (const key of keys) waiting.delete(key);
    back(inserted);
  } catch {
    toast("Could not load the new entries. Try again.");
  } finally {
    pill.removeAttribute("aria-busy");
    quiet();
    show();
  }
}

function tellLate(count) {
  words(count ? `${count} arrived late and ${count === 1 ? "stands" : "stand"} further down, on older pages.` : "");
}

/* The pill goes away: the focus returns to the row where it was, or goes to the first new one. */
function back(inserted) {
  if (document.activeElement !== part("pill")) return;
  const target = place?.isConnected ? place : (inserted[0]?.querySelector("button[aria-expanded]") ?? part("toggle"));
  target.focus({ preventScroll: true });
}

function adopt() {
  stop();
  box = document.querySelector("[data-live]");
  if (!box) return;
  cursor = box.dataset.cursor;
  seen = new Set([...document.querySelectorAll("#logs [data-log-key]")].map((row) => row.dataset.logKey));
  waiting = new Set();
  isMore = false;
  failures = 0;
  delay = QUICK;
  place = null;
  quiet();
  show();
  const on = canFollow() && isOn();
  part("toggle").setAttribute("aria-pressed", String(on));
  if (on) soon(QUICK);
}

function toggle(button) {
  const on = button.getAttribute("aria-pressed") !== "true";
  button.setAttribute("aria-pressed", String(on));
  remember(on);
  words("");
  failures = 0;
  delay = QUICK;
  follow();
}

export function startLive() {
  if (!document.querySelector("[data-live]")) return;
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-live-toggle]");
    if (button) toggle(button);
    else if (event.target.closest("[data-live-pill]")) showNew();
    else if (event.target.closest("[data-live-again]")) again();
  });
  document.addEventListener("focusin", (event) => {
    if (!event.target.matches("[data-live-pill]")) place = event.target.closest("#logs .rows") ? event.target : null;
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.target.id === "logs") adopt();
  });
  document.addEventListener("htmx:historyRestore", adopt);
  document.addEventListener("visibilitychange", () => (document.hidden ? stop() : follow()));
  addEventListener("pageshow", (event) => {
    if (event.persisted) follow();
  });
  adopt();
}
