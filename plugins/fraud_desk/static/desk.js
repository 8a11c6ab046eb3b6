// What every page of the desk does: live parts, keys, messages, and calls of the API.
// A live part is an element with an id and `data-live`: the page is fetched again and parts that differ are
// exchanged, so that there is one template for the first sight and for every later one.

export const root = document.documentElement.dataset.root;

/** A refusal of the API, in words for the person. */
export class Refused extends Error {
  constructor(words, code, status) {
    super(words);
    this.code = code;
    this.status = status;
  }
}

/** Call the API of the desk; throws Refused with words to show. */
export async function api(path, body) {
  const options = { headers: { accept: "application/json" }, credentials: "same-origin" };
  if (body !== undefined) {
    options.method = "POST";
    options.headers["content-type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  let response;
  try {
    response = await fetch(`${root}/api${path}`, options);
  } catch {
    throw new Refused("The server does not answer; nothing is known to be changed. Try again.", "offline", 0);
  }
  const told = await response.json().catch(() => ({}));
  if (response.status === 401) location.reload(); // leads to the sign-in page and back
  if (!response.ok) throw new Refused(told.error ?? `The server said ${response.status}.`, told.code, response.status);
  return told;
}

/** Tell the person something, aloud too. */
export function say(words, wrong = false) {
  const message = document.createElement("div");
  message.textContent = words;
  message.classList.toggle("wrong", wrong);
  const place = document.getElementById("says");
  place.append(message);
  while (place.children.length > 4) place.firstElementChild.remove();
  setTimeout(() => message.remove(), wrong ? 12000 : 5000);
}

/** Whether somebody is typing, so that a letter is no command. */
export function typing(event) {
  const at = event.target;
  return (
    event.ctrlKey || event.metaKey || event.altKey || at.isContentEditable ||
    ["TEXTAREA", "SELECT"].includes(at.tagName) ||
    (at.tagName === "INPUT" && !["checkbox", "radio", "button", "submit"].includes(at.type)) ||
    document.querySelector("dialog[open]") !== null
  );
}

const keys = new Map();

/** Do something at a key; later definitions win. */
export function onKey(key, action) {
  keys.set(key, action);
}

/**
 * Open a dialog; resolves with its form's data once it is sent, or null when it is closed.
 * Cancel is no submit button: Enter submits by the first there is, and that has to be the action.
 */
export function ask(dialog, focused = null) {
  const form = dialog.querySelector("form");
  return new Promise((resolve) => {
    const done = (answer) => {
      form.removeEventListener("submit", submit);
      dialog.removeEventListener("close", close);
      resolve(answer);
    };
    const submit = (event) => {
      event.preventDefault();
      const data = new FormData(form);
      form.removeEventListener("submit", submit);
      dialog.removeEventListener("close", close);
      dialog.close();
      resolve(data);
    };
    const close = () => done(null);
    form.addEventListener("submit", submit);
    dialog.addEventListener("close", close);
    dialog.querySelector("[data-cancel]").onclick = () => dialog.close();
    dialog.showModal();
    focused?.focus();
  });
}

/** Exchange the live parts of this page for those of another look at it. */
export function exchange(text) {
  const fresh = new DOMParser().parseFromString(text, "text/html");
  for (const part of document.querySelectorAll("[data-live]")) {
    const now = fresh.getElementById(part.id);
    if (now === null || now.isEqualNode(part)) continue;
    if (part.dataset.live === "same-version" && now.dataset.version !== part.dataset.version) continue;
    const focused = part.contains(document.activeElement) ? document.activeElement : null;
    const again = focused && (focused.id ? `#${CSS.escape(focused.id)}` : focused.dataset.key ? `[data-key="${CSS.escape(focused.dataset.key)}"]` : null);
    part.replaceWith(document.importNode(now, true)); // a copy: listeners look into the fresh page too
    if (again) document.querySelector(again)?.focus({ preventScroll: true });
  }
  document.dispatchEvent(new CustomEvent("desk:exchanged", { detail: fresh }));
}

/** Look at this page again; returns whether that worked. */
export async function refresh() {
  try {
    const response = await fetch(location.href, { headers: { accept: "text/html" }, credentials: "same-origin" });
    if (response.redirected && !response.url.startsWith(new URL(root, location.href).href)) {
      location.reload();
      return false;
    }
    if (!response.ok) return false;
    exchange(await response.text());
    return true;
  } catch {
    return false;
  }
}

function keepFresh(seconds) {
  let wait = seconds;
  const look = async () => {
    if (!document.hidden && document.querySelector("dialog[open]") === null) {
      const worked = await refresh();
      // A server in trouble is asked less often.
      wait = worked ? seconds : Math.min(wait * 2, 60);
      for (const mark of document.querySelectorAll("[data-freshness]")) mark.hidden = worked;
    }
    setTimeout(look, wait * 1000);
  };
  setTimeout(look, wait * 1000);
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && document.querySelector("dialog[open]") === null) refresh();
  });
}

// Sections that do not fit: the current one is brought into sight, and fading ends say that there are more.
const sections = document.querySelector(".sections");
const current = sections?.querySelector("[aria-current]");
const fade = () => {
  sections.classList.toggle("cut-left", sections.scrollLeft > 1);
  sections.classList.toggle("cut-right", sections.scrollLeft + sections.clientWidth < sections.scrollWidth - 1);
};
if (sections) {
  if (current) sections.scrollLeft = current.offsetLeft - sections.offsetLeft - (sections.clientWidth - current.offsetWidth) / 2;
  sections.addEventListener("scroll", fade, { passive: true });
  new ResizeObserver(fade).observe(sections);
}

let before = "";
document.addEventListener("keydown", (event) => {
  if (typing(event)) return;
  const pair = `${before} ${event.key}`;
  before = event.key === "g" ? "g" : "";
  const action = keys.get(pair) ?? keys.get(event.key);
  if (action === undefined || action(event) === false) return;
  event.preventDefault();
});

const go = (path) => () => location.assign(`${root}${path}`);
onKey("/", () => document.getElementById("find")?.focus());
onKey("?", () => document.getElementById("help").showModal());
onKey("g o", go("/"));
onKey("g q", go("/queue"));
document.getElementById("find")?.addEventListener("keydown", (event) => {
  if (event.key === "Escape") event.target.blur();
});

const every = document.querySelector("[data-refresh]")?.dataset.refresh;
if (every) keepFresh(Number(every));
if (document.querySelector("[data-retry]")) {
  setInterval(async () => {
    if (document.hidden) return;
    const response = await fetch(location.href, { credentials: "same-origin" }).catch(() => null);
    if (response?.ok) location.reload();
  }, 5000);
}
