// One alert: actions with the version that was seen, and the way through the queue it was opened from.

import { api, onKey, refresh, root, say } from "./desk.js";
import { detailsOf, DONE, remember } from "./act.js";

const section = () => document.getElementById("case");
const id = section().dataset.id;
let version = section().dataset.version;

async function act(action) {
  const button = document.querySelector(`[data-act="${action}"]`);
  if (!button || button.disabled) return;
  const mine = action === "assign-me";
  // What is decided is decided on what is seen now: a look at the page meanwhile must not lift the version.
  const seen = Number(version);
  const told = mine ? { action: "assign" } : action === "release" ? { action } : await detailsOf(action, 1, document.documentElement.dataset.person, section().dataset.repeats === "yes");
  if (told === null) return;
  const buttons = document.querySelectorAll("[data-act]");
  buttons.forEach((one) => (one.disabled = true));
  try {
    const now = await api(`/alerts/${id}/act`, { ...told, version: seen });
    version = String(now.version);
    document.getElementById("changed").hidden = true;
    say(`Alert ${DONE[told.action]}.`);
    await refresh();
  } catch (error) {
    remember(told);
    say(error.message, true);
    if (error.code === "changed") {
      tell(error.message);
      await refresh();
      version = section().dataset.version;
    }
  } finally {
    document.querySelectorAll("[data-act]").forEach((one) => (one.disabled = false));
  }
}

function tell(words) {
  document.getElementById("changed-words").textContent = words;
  document.getElementById("changed").hidden = false;
}

// Somebody else's change is shown, and said, before anybody decides on what is not so any more.
document.addEventListener("desk:exchanged", () => {
  const { version: now, by, status } = section().dataset;
  if (now === version) return;
  if (by !== document.documentElement.dataset.person) tell(`Changed by ${by} meanwhile: ${status}.`);
  version = now;
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-act]");
  if (button) act(button.dataset.act);
});

function queue() {
  try {
    return JSON.parse(sessionStorage.getItem("desk.queue")) ?? { address: "", ids: [] };
  } catch {
    return { address: "", ids: [] };
  }
}

const { address, ids } = queue();
const at = ids.indexOf(id);
const alertAt = (place) => `${root}/alerts/${ids[place]}${location.search}`;
const previous = document.getElementById("previous");
previous.disabled = at <= 0;
previous.addEventListener("click", () => location.assign(alertAt(at - 1)));
if (at >= 0 && at < ids.length - 1) document.getElementById("next").href = alertAt(at + 1);

onKey("n", () => document.getElementById("next").click());
onKey("p", () => previous.click());
onKey("u", () => location.assign(`${root}/queue${at >= 0 ? address : location.search}`));
onKey("a", () => act("assign-me"));
onKey("c", () => act("confirm_fraud"));
onKey("d", () => act("dismiss"));
onKey("s", () => act("snooze"));
onKey("e", () => act("escalate"));
onKey("m", () => act("comment"));
