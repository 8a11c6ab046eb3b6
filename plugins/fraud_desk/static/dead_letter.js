// Corrects a dead letter: only a text that has been checked as it stands can be sent.

import { api, say } from "./desk.js";

const form = document.getElementById("correct");
const takeUp = document.getElementById("take-up");

if (form) {
  const path = `/dead-letters/${form.dataset.place}`;
  const [text, send, judgement] = ["text", "send", "judgement"].map((id) => document.getElementById(id));

  const tell = (words, reasons, good) => {
    const head = document.createElement("p");
    head.textContent = words;
    head.className = good ? "good" : "bad";
    const list = document.createElement("ul");
    for (const reason of reasons) {
      const item = document.createElement("li");
      item.textContent = reason;
      list.append(item);
    }
    judgement.replaceChildren(head, list);
  };

  // The id is what tells a payment from its copy: with another one nothing recognises the copy any more.
  const warnOfAnotherId = (id) => {
    if (text.defaultValue.includes(id)) return;
    const words = document.createElement("p");
    words.className = "warn";
    words.textContent = `The record came without the transaction_id ${id}: a new id books a payment twice if the original was accepted.`;
    judgement.append(words);
  };

  const check = async () => {
    send.disabled = true;
    const asked = text.value;
    try {
      const told = await api(`${path}/check`, { text: asked });
      if (asked !== text.value) return;
      const good = told.reasons.length === 0;
      if (good) {
        tell(`Keeps the contract: transaction ${told.transaction_id}.`, [], true);
        warnOfAnotherId(told.transaction_id);
      }
      else tell("Would be refused again:", told.reasons, false);
      send.disabled = !good;
    } catch (error) {
      tell(error.message, [], false);
    }
  };

  text.addEventListener("input", () => {
    send.disabled = true;
    judgement.replaceChildren();
  });
  document.getElementById("check").addEventListener("click", check);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    send.disabled = true;
    try {
      const told = await api(`${path}/resend`, { text: text.value });
      say(`Sent again as transaction ${told.transaction_id}.`);
      setTimeout(() => location.reload(), 900);
    } catch (error) {
      tell(error.message, [], false);
      say(error.message, true);
    }
  });
}

takeUp?.addEventListener("click", async () => {
  takeUp.disabled = true;
  try {
    const told = await api(`/dead-letters/${takeUp.dataset.place}/take-up`, {});
    say(`Transaction ${told.transaction_id} is in the topic.`);
    setTimeout(() => location.reload(), 900);
  } catch (error) {
    takeUp.disabled = false;
    say(error.message, true);
  }
});
