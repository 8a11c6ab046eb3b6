"""How long each place keeps what, and who deletes it: one entry for every folder of the lake and every topic.

The tables of Cassandra have theirs in ``include.stores.cassandra.retention``. ``make retention`` prints them all; a
test fails if a folder or table has no entry.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

#: Days, where the variable ``retention_days`` does not name another number.
DEFAULT_DAYS: Mapping[str, int] = {
    "airflow_metadata": 3,
    "airflow_logs": 14,
    "arrivals": 3,
    "batches": 40,
    "labels": 180,
    "backtests": 400,
    "notices": 180,
    "incidents": 400,
    "models": 400,
    "daily_reports": 800,
    "monthly_reports": 3_660,
}

#: The entry of these is deleted by the hourly DAG.
_UPKEEP = "maintain_stores"


@dataclass(frozen=True, slots=True)
class Kept:
    """What a place keeps.

    Attributes
    ----------
    what
        In a few words.
    personal
        Which personal data; "" for none.
    setting
        Key of the variable ``retention_days`` with the days; "" if it is not deleted by age.
    by
        Who deletes it, or why nobody does.
    """

    what: str
    personal: str
    setting: str
    by: str

    def days(self, wanted: Mapping[str, int]) -> int | None:
        """Days it is kept; None for as long as ``by`` says."""
        return wanted[self.setting] if self.setting else None


#: Top folders of the lake.
LAKE: Mapping[str, Kept] = {
    "accepted": Kept("transactions by batch", "accounts, customers, devices", "batches",
                     f"{_UPKEEP}, once every stage and a clean parity check have done the batch"),
    "scored": Kept("decisions by batch, with the labels they saw", "accounts, customers, devices", "batches",
                   f"{_UPKEEP}, together with accepted"),
    "provisional": Kept("decisions made without history", "accounts, customers, devices", "batches",
                        f"{_UPKEEP}, together with accepted"),
    "alerted": Kept("manifests of alerting", "", "batches", f"{_UPKEEP}, together with accepted"),
    "stored": Kept("manifests of loading", "", "batches", f"{_UPKEEP}, together with accepted"),
    "arrivals": Kept("what Spark runs read, refused records too", "all that records contain", "arrivals",
                     f"{_UPKEEP}, once the run is settled"),
    "labels": Kept("fraud labels by batch", "accounts", "labels", f"{_UPKEEP}, once scoring has taken them up"),
    "shadow": Kept("scores of challengers", "transactions' ids", "batches",
                   f"{_UPKEEP}: files by batch; each model's position stays"),
    "drift": Kept("references, summaries, alarms", "", "batches",
                  f"{_UPKEEP}: summaries; alarms and references stay as evidence of the models"),
    "quality": Kept("counts by day; labelled transactions", "transactions' ids", "batches",
                    f"{_UPKEEP}: days that can get no label any more"),
    "checks": Kept("the last parity check, and states it ended with", "accounts", "",
                   "check_parity: the states of the last clean checks replace older ones"),
    "backtests": Kept("back-tests of rules", "", "backtests", _UPKEEP),
    "notices": Kept("mails to the model owner and readers of reports", "staff's addresses", "notices", _UPKEEP),
    "incidents": Kept("incidents, open and past", "", "incidents", f"{_UPKEEP}: those that are over"),
    "reports": Kept("daily and monthly reports", "", "daily_reports",
                    f"{_UPKEEP}; monthly ones after monthly_reports"),
    "models": Kept("versions of the model, promotions", "", "models",
                   f"{_UPKEEP}: versions that were never promoted; the others are evidence of decisions"),
    "challengers": Kept("the way of every model", "approvers' names", "", "nobody: evidence of who let a model decide"),
    "rules": Kept("rule sets, their steps and activations", "authors' names", "",
                  "nobody: evidence of what decided"),
    "lists": Kept("blocked and trusted accounts, counterparties, devices", "accounts, devices", "",
                  "nobody: each decision names the change it saw; an entry ends, and is not deleted"),
    "audit": Kept("audit chains", "staff's names; what they wrote of a case", "",
                  "nobody: a chain with a record taken out proves nothing"),
    "cursors": Kept("how far each stage has come", "", "", "nobody: small, and replaced"),
    "simulated_banks": Kept("history and states of the simulated bank", "invented accounts only", "",
                            "nobody: replays start from it; a real bank has none"),
    "watch": Kept("what observers of the flow have seen: ends of topics, servers away", "", "",
                  "nobody: small, and replaced"),
    "telemetry": Kept("how far traces have been handed over", "", "", "nobody: one file, replaced"),
    "installation.json": Kept("whose the lake is", "", "", "nobody: one file"),
    "erasures": Kept("what erasure requests have to do and have done", "keyed tokens", "",
                     "nobody: proof that a request was met; the plan with its names goes when it is done"),
}  # fmt: skip

#: Topics, by their name in the settings; ``include.transactions.topics`` sets their retention in days.
TOPICS: Mapping[str, Kept] = {
    "transactions": Kept("the stream", "all that records contain", "", "Kafka, by the setting stream.retention_days"),
    "dead_letter": Kept("refused records as they came", "all that records contain", "", "Kafka, after 90 days"),
    "labels": Kept("fraud labels", "accounts", "", "Kafka, after 400 days; only the newest of a transaction is kept"),
}  # fmt: skip

#: What is outside of the stores.
ELSEWHERE: Mapping[str, Kept] = {
    "Airflow's database": Kept("runs, events, XComs, rendered fields", "", "airflow_metadata",
                               f"{_UPKEEP} (airflow db clean)"),
    "Airflow's log folder": Kept("logs of tasks and DAG files", "masked", "airflow_logs", _UPKEEP),
    "logs of servers": Kept("Kafka, Cassandra, Spark, PostgreSQL, Airflow's components", "masked", "",
                            "the supervisor: three files of 20 MB each"),
    "reports/ of the project": Kept("results of commands, reports of erasures", "keyed tokens", "",
                                    "the operator: a command replaces its own"),
    "mails and messages": Kept("alerts that were sent", "as the message has it", "",
                               "their receivers: what has been sent is theirs"),
}  # fmt: skip


def days_wanted(variable: Mapping[str, int] | None) -> dict[str, int]:
    """Days by setting: those of the variable, and the defaults for what it does not name.

    Raises
    ------
    ValueError
        A name nobody knows, or days that are no whole number of at least 1.
    """
    wanted = {**DEFAULT_DAYS, **(variable or {})}
    unknown = sorted(set(wanted) - set(DEFAULT_DAYS))
    wrong = {name: days for name, days in wanted.items() if isinstance(days, bool) or not _is_days(days)}
    if unknown or wrong:
        raise ValueError(
            f"expected the variable retention_days to have whole days of at least 1 for some of "
            f"{', '.join(sorted(DEFAULT_DAYS))}; got {wrong or unknown}: correct it in Airflow (Admin, Variables)"
        )
    return wanted


def age(wanted: Mapping[str, int], setting: str) -> timedelta:
    """The age at which something is deleted."""
    return timedelta(days=wanted[setting])


def _is_days(days: object) -> bool:
    return isinstance(days, int) and days >= 1
