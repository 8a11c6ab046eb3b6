// Suppressing something, and lifting that; on the alert, account, counterparty and suppressions pages.

import { api, ask, refresh, say } from "./desk.js";

document.addEventListener("click", async (event) => {
  const opener = event.target.closest("[data-suppress]");
  const lifter = event.target.closest("[data-lift]");
  try {
    if (opener) {
      const dialog = document.getElementById("suppress");
      const form = dialog.querySelector("form");
      form.reset();
      if (opener.dataset.suppress) {
        form.elements.scope.value = opener.dataset.suppress;
        form.elements.value.value = opener.dataset.value;
      }
      const data = await ask(dialog, form.elements[opener.dataset.suppress ? "reason" : "value"]);
      if (data === null) return;
      const told = Object.fromEntries(data);
      await api("/suppressions", { ...told, minutes: Number(told.minutes) });
      say(`The ${told.scope} is suppressed.`);
      await refresh();
    } else if (lifter) {
      lifter.disabled = true;
      await api(`/suppressions/${lifter.dataset.lift}/lift`, {});
      say("Lifted: alerts of it are told again.");
      await refresh();
    }
  } catch (error) {
    say(error.message, true);
    if (lifter) lifter.disabled = false;
  }
});
