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
