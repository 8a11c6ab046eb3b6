// Sends deliveries that were given up again.

import { api, say } from "./desk.js";

for (const button of document.querySelectorAll("[data-again]")) {
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      await api(`/deliveries/${button.dataset.again}/again`, {});
      const state = button.closest("tr").querySelector(".delivery");
      state.className = "delivery PENDING";
      state.textContent = "pending";
      button.remove();
      say("It will be sent within half a minute.");
    } catch (error) {
      button.disabled = false;
      say(error.status === 409 ? "It is not given up any more; reload to see what became of it." : error.message, true);
    }
  });
}

for (const button of document.querySelectorAll("[data-all-again]")) {
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      let sent = 0;
      let answer;
      do {
        answer = await api("/deliveries/again", { channel: button.dataset.allAgain });
        sent += answer.sent_again;
      } while (answer.more && answer.sent_again);
      say(`${sent} will be sent within half a minute.`);
    } catch (error) {
      button.disabled = false;
      say(error.message, true);
    }
  });
}
