// What waits for a person, asked of Airflow itself: so everybody sees what they may see there.

const card = document.getElementById("approvals");
const words = document.getElementById("approvals-words");
const list = document.getElementById("approvals-list");

async function look() {
  const airflow = card.dataset.airflow;
  const query = "response_received=false&state=deferred&state=awaiting_input&order_by=-created_at&limit=50";
  const response = await fetch(`${airflow}/api/v2/dags/~/dagRuns/~/hitlDetails?${query}`, { credentials: "same-origin" }).catch(() => null);
  if (!response?.ok) {
    words.textContent = "Airflow does not say what waits; look at its required actions.";
    return;
  }
  const told = await response.json();
  words.textContent = told.total_entries === 0 ? "Nothing waits." : `${told.total_entries} question${told.total_entries === 1 ? "" : "s"} to answer in Airflow.`;
  list.replaceChildren(
    ...told.hitl_details.map((one) => {
      const task = one.task_instance;
      const link = document.createElement("a");
      const part = encodeURIComponent;
      link.href = `${airflow}/dags/${part(task.dag_id)}/runs/${part(task.dag_run_id)}/tasks/${part(task.task_id)}/required_actions`;
      link.textContent = one.subject;
      const item = document.createElement("li");
      const more = document.createElement("span");
      more.className = "quiet small";
      more.textContent = ` ${task.dag_id}, asked ${new Date(one.created_at).toLocaleString()}`;
      item.append(link, more);
      return item;
    }),
  );
}

look();
