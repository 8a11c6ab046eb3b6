// Starts runs of DAGs: a form or button with `data-run` names the DAG, `data-conf` or the form's fields what it is given.
// The run is asked for at Airflow's own API, with the person's session.

import { api, refresh, say } from "./desk.js";

async function start(dag, conf) {
  const run = await api(`/runs/${dag}`, { conf });
  const response = await fetch(run.post_to, {
    method: "POST",
    credentials: "same-origin",
    headers: { "content-type": "application/json", accept: "application/json" },
    body: JSON.stringify({ dag_run_id: run.dag_run_id, logical_date: null, conf }),
  }).catch(() => null);
  if (response === null) throw new Error("Airflow does not answer; whether the run was started can be seen on its page.");
  if (!response.ok) {
    const told = await response.json().catch(() => ({}));
    const detail = typeof told.detail === "string" ? told.detail : JSON.stringify(told.detail ?? response.status);
    throw new Error(`Airflow did not start the run: ${detail}`);
  }
  return run;
}

const LOOK_SECONDS = 3;
const LONGEST_SECONDS = 1800;

/** Looks at a run until it is over, and shows what it has made; what is awaited stands in the page's live parts. */
async function awaited(started, place, dag) {
  const words = document.createElement("span");
  words.textContent = " Waiting for it …";
  place?.append(words);
  for (let waited = 0; waited < LONGEST_SECONDS; waited += LOOK_SECONDS) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_SECONDS * 1000));
    const options = { credentials: "same-origin", headers: { accept: "application/json" } };
    const response = await fetch(`${started.post_to}/${encodeURIComponent(started.dag_run_id)}`, options).catch(() => null);
    const told = response?.ok ? await response.json().catch(() => ({})) : {};
    if (told.state === "success") {
      await refresh();
      words.textContent = " Done: it stands in the list.";
      say(`${dag} is done.`);
      return;
    }
    if (told.state === "failed") {
      words.textContent = " It failed: the log of the run says why.";
      words.className = "bad";
      say(`${dag} failed.`, true);
      return;
    }
  }
  words.textContent = ` It is not over after ${LONGEST_SECONDS / 60} minutes; look at the run.`;
}

function confOf(part) {
  if (!(part instanceof HTMLFormElement)) return JSON.parse(part.dataset.conf ?? "{}");
  const conf = {};
  for (const field of part.elements) {
    if (!field.name) continue;
    conf[field.name] = field.dataset.kind === "number" ? Number(field.value) : field.value;
  }
  return conf;
}

async function run(part, button) {
  const place = document.getElementById(part.dataset.tells ?? "");
  button.disabled = true;
  try {
    const started = await start(part.dataset.run, confOf(part));
    const link = document.createElement("a");
    link.href = started.page;
    link.textContent = `run ${started.dag_run_id.slice(0, 14)}… of ${part.dataset.run}`;
    place?.replaceChildren("Started: ", link);
    say(`Started ${part.dataset.run}.`);
    if (part.dataset.awaits !== undefined) awaited(started, place, part.dataset.run);
  } catch (error) {
    if (place) {
      const words = document.createElement("span");
      words.className = "bad";
      words.textContent = error.message;
      place.replaceChildren(words);
    }
    say(error.message, true);
  } finally {
    button.disabled = false;
  }
}

for (const part of document.querySelectorAll("[data-run]")) {
  if (part instanceof HTMLFormElement) {
    part.addEventListener("submit", (event) => {
      event.preventDefault();
      run(part, event.submitter ?? part.querySelector("button"));
    });
  } else {
    part.addEventListener("click", () => run(part, part));
  }
}

// The draft of a rule: the same form begins its change instead of only testing it.
document.getElementById("begin-change")?.addEventListener("click", (event) => {
  const form = event.target.closest("form");
  const before = form.dataset.run;
  form.dataset.run = "change_rule";
  run(form, event.target).finally(() => (form.dataset.run = before));
});
