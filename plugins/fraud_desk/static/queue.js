// The queue: a cursor and a selection over its rows, actions on either, and news of alerts that have come.

import { api, onKey, refresh, root, say } from "./desk.js";
import { detailsOf, DONE, remember } from "./act.js";

const NEWS_SECONDS = 5;
const ROWS_SECONDS = 15;
const table = document.getElementById("queue");
const analyst = table?.dataset.analyst === "yes";
const picked = new Set();
let here = null;
let lastPicked = null;

const rows = () => [...document.querySelectorAll("#queue tbody tr")];
const rowOf = (id) => document.getElementById(`row-${id}`);

function show() {
  for (const row of rows()) {
    const on = picked.has(row.dataset.id);
    row.classList.toggle("picked", on);
    row.classList.toggle("here", row.dataset.id === here);
    const box = row.querySelector("input[type=checkbox]");
    if (box) box.checked = on;
  }
  const bulk = document.getElementById("bulk");
  if (!bulk) return;
  bulk.hidden = picked.size === 0;
  document.getElementById("bulk-count").textContent = `${picked.size} selected`;
  const all = document.getElementById("all");
  if (all) {
    all.checked = picked.size > 0 && picked.size === rows().length;
    all.indeterminate = picked.size > 0 && !all.checked;
  }
}

function move(step) {
  const list = rows();
  if (list.length === 0) return;
  const at = list.findIndex((row) => row.dataset.id === here);
  const to = at < 0 ? (step > 0 ? 0 : list.length - 1) : Math.min(list.length - 1, Math.max(0, at + step));
  here = list[to].dataset.id;
  list[to].querySelector("a.open").focus({ preventScroll: true });
  list[to].scrollIntoView({ block: "nearest" });
  show();
}

function pick(id, range) {
  const ids = rows().map((row) => row.dataset.id);
  if (range && lastPicked && ids.includes(lastPicked)) {
    const [a, b] = [ids.indexOf(lastPicked), ids.indexOf(id)].sort((x, y) => x - y);
    ids.slice(a, b + 1).forEach((one) => picked.add(one));
  } else if (!picked.delete(id)) {
    picked.add(id);
  }
  lastPicked = id;
  show();
}

async function act(action) {
  const ids = picked.size > 0 ? [...picked] : here ? [here] : [];
  if (!analyst || ids.length === 0) return;
  // The versions that are seen now: rows may be exchanged while the dialog is open.
  const alerts = ids.map((id) => ({ alert_id: id, version: Number(rowOf(id).dataset.version) }));
  const straight = action === "assign" || action === "release";
  const told = straight ? { action } : await detailsOf(action, ids.length, document.documentElement.dataset.person);
  if (told === null) return;
  ids.forEach((id) => rowOf(id).classList.add("busy"));
  try {
    const result = await api("/queue/act", { ...told, alerts });
    picked.clear();
    if (result.failed > 0) {
      remember(told);
      tell(result);
    } else say(`${result.done} alert${result.done === 1 ? "" : "s"} ${DONE[action]}`);
    await refresh();
  } catch (error) {
    remember(told);
    say(error.message, true);
  } finally {
    ids.forEach((id) => rowOf(id)?.classList.remove("busy"));
    show();
  }
}

function tell(result) {
  const list = document.getElementById("results-list");
  list.replaceChildren();
  const line = (words) => list.appendChild(document.createElement("li")).append(words);
  if (result.done > 0) line(`${result.done} done.`);
  for (const one of result.outcomes.filter((outcome) => outcome.error)) {
    line(`${one.alert_id.slice(0, 8).toUpperCase()}: ${one.error}`);
  }
  document.getElementById("results").showModal();
}

// Rows that another person has moved elsewhere stay where they are, dimmed, until the list is shown anew.
document.addEventListener("desk:exchanged", ({ detail: fresh }) => {
  for (const row of rows()) row.classList.toggle("gone", fresh.getElementById(row.id) === null);
  show();
});

document.addEventListener("click", (event) => {
  const box = event.target.closest("#queue .pick input");
  if (box) {
    const row = box.closest("tr");
    here = row.dataset.id;
    pick(row.dataset.id, event.shiftKey);
    return;
  }
  const button = event.target.closest("[data-act]");
  if (button) act(button.dataset.act);
  if (event.target.closest("[data-help]")) document.getElementById("help").showModal();
  if (event.target.id === "bulk-none") {
    picked.clear();
    show();
  }
  if (event.target.id === "all") {
    if (event.target.checked) rows().forEach((row) => picked.add(row.dataset.id));
    else picked.clear();
    show();
  }
});

// A selection of text by shift-click would get in the way of a selection of rows.
document.addEventListener("mousedown", (event) => {
  if (event.shiftKey && event.target.closest("#queue .pick")) event.preventDefault();
});

document.querySelector(".unfold").addEventListener("click", ({ currentTarget: button }) => {
  button.setAttribute("aria-expanded", String(document.getElementById("filters").classList.toggle("unfolded")));
});

for (const select of document.querySelectorAll("#filters select")) {
  select.addEventListener("change", () => document.getElementById("filters").requestSubmit());
}
document.getElementById("filters").addEventListener("submit", (event) => {
  // Only what is set belongs into the address.
  for (const field of event.target.elements) if (field.name && !field.value) field.disabled = true;
});
addEventListener("pageshow", () => {
  for (const field of document.getElementById("filters").elements) field.disabled = false;
});

onKey("j", () => move(1));
onKey("ArrowDown", () => move(1));
onKey("k", () => move(-1));
onKey("ArrowUp", () => move(-1));
onKey("Enter", (event) => {
  if (event.target.closest("a, button, input") || !here) return false;
  rowOf(here).querySelector("a.open").click();
});
onKey("x", (event) => here && pick(here, event.shiftKey));
onKey("a", () => act("assign"));
onKey("c", () => act("confirm_fraud"));
onKey("d", () => act("dismiss"));
onKey("s", () => act("snooze"));
onKey("e", () => act("escalate"));
onKey("Escape", () => {
  picked.clear();
  show();
});

// The alert page goes on to the next and the previous one of this list.
sessionStorage.setItem("desk.queue", JSON.stringify({ address: location.search, ids: rows().map((row) => row.dataset.id) }));

let wait = NEWS_SECONDS;
async function news() {
  if (!document.hidden && table) {
    try {
      const address = table.dataset.address || "?";
      const told = await api(`/queue/news${address}${address === "?" ? "" : "&"}seen=${encodeURIComponent(table.dataset.seen)}`);
      const words = `${told.count}${told.more ? " and more" : ""} new alert${told.count === 1 ? "" : "s"}`;
      const place = document.getElementById("news-words");
      document.getElementById("news").hidden = told.count === 0;
      if (place.textContent !== words) place.textContent = words;
      document.title = told.count > 0 ? `(${told.count}) Queue · Fraud desk` : "Queue · Fraud desk";
      wait = NEWS_SECONDS;
    } catch {
      wait = Math.min(60, wait * 2);
    }
  }
  setTimeout(news, wait * 1000);
}
setTimeout(news, NEWS_SECONDS * 1000);

setInterval(async () => {
  if (document.hidden || document.querySelector("dialog[open]")) return;
  const worked = await refresh();
  for (const mark of document.querySelectorAll("[data-freshness]")) mark.hidden = worked;
}, ROWS_SECONDS * 1000);
show();
