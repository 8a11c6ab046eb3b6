// Asks for what an action needs, in one dialog for every page.

import { ask } from "./desk.js";

const ACTIONS = {
  assign: { title: "Assign", button: "Assign", assignee: true },
  release: { title: "Release", button: "Release" },
  comment: { title: "Comment", button: "Add comment", required: true },
  confirm_fraud: { title: "Confirm fraud", button: "Confirm fraud", danger: true, words: "The transaction is labelled as fraud and the case is closed. Models learn from it." },
  dismiss: { title: "Dismiss", button: "Dismiss", required: true, words: "The transaction is labelled as genuine and the case is closed. Models learn from it." },
  snooze: { title: "Snooze", button: "Snooze", required: true, snooze: true },
  escalate: { title: "Escalate", button: "Escalate", required: true },
  reopen: { title: "Reopen", button: "Reopen", required: true },
};

export const DONE = {
  assign: "assigned", release: "released", comment: "commented", confirm_fraud: "confirmed as fraud",
  dismiss: "dismissed", snooze: "snoozed", escalate: "escalated", reopen: "reopened",
};

// What was written for a deed that then failed: it is there again when the dialog is opened again.
const unsent = new Map();

/** Keep the words of a deed that failed. */
export const remember = (told) => told.comment && unsent.set(told.action, told.comment);

const part = (id) => document.getElementById(id);

/** What the API is to be told for an action; null if the person thinks better of it. */
export async function detailsOf(action, count, person, hasRepeats = false) {
  const kind = ACTIONS[action];
  const dialog = part("act");
  const [form, comment] = [dialog.querySelector("form"), dialog.querySelector("textarea")];
  form.reset();
  comment.value = unsent.get(action) ?? "";
  unsent.delete(action);
  part("act-title").textContent = count === 1 ? kind.title : `${kind.title}: ${count} alerts`;
  const joined = hasRepeats ? " The repeats joined to it are decided with it." : "";
  part("act-words").textContent = kind.words ? kind.words + joined : "";
  part("act-words").hidden = !kind.words;
  part("act-snooze").hidden = !kind.snooze;
  part("act-assignee").hidden = !kind.assignee;
  if (kind.assignee) Object.assign(form.elements.assignee, { value: "", placeholder: person });
  part("act-comment-name").textContent = action === "comment" ? "Comment" : kind.required ? "Why" : "Comment (may be empty)";
  part("act-missing").hidden = true;
  part("act-do").textContent = kind.button;
  part("act-do").classList.toggle("danger", kind.danger === true);
  const check = (event) => {
    if (!kind.required || comment.value.trim()) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    part("act-missing").hidden = false;
    comment.focus();
  };
  const quick = (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit(part("act-do"));
  };
  form.addEventListener("submit", check, { capture: true });
  comment.addEventListener("keydown", quick);
  const data = await ask(dialog, comment);
  form.removeEventListener("submit", check, { capture: true });
  comment.removeEventListener("keydown", quick);
  if (data === null) return null;
  const told = { action, comment: data.get("comment").trim() };
  if (kind.snooze) told.snooze_minutes = Number(data.get("minutes"));
  if (kind.assignee && data.get("assignee").trim()) told.assignee = data.get("assignee").trim();
  return told;
}
