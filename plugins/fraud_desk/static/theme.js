// The desk looks as Airflow does: its UI keeps the chosen theme in localStorage, "system" if none was chosen.
// Runs before the first paint; the frame hears of a change by the storage event.
(() => {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const show = () => {
    let chosen = null;
    try {
      chosen = localStorage.getItem("theme");
    } catch {
      // Storage may be forbidden; then the system decides.
    }
    const theme = chosen === "light" || chosen === "dark" ? chosen : dark.matches ? "dark" : "light";
    document.documentElement.dataset.theme = theme;
  };
  show();
  dark.addEventListener("change", show);
  addEventListener("storage", (event) => {
    if (event.key === "theme" || event.key === null) show();
  });
})();
