"""What became of an erasure request: removed, given a token, kept and why; as JSON and as a page.

Nothing in it leads back to the person: they are named by the token that has taken their place.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from include.privacy.erasure import ErasurePlan
from include.privacy.retention import DEFAULT_DAYS, TOPICS
from include.reports.checks import Bound, Check
from include.reports.pages import templates

#: What no request can reach into, and what bounds it. Days of topics and tables are in ``make retention``.
BOUNDED: Mapping[str, str] = {
    "Kafka, topic of transactions": TOPICS["transactions"].by,
    "Kafka, dead letters": f"{TOPICS['dead_letter'].by}; records cannot be taken out of a topic",
    "Kafka, labels": TOPICS["labels"].by,
    "lake, arrivals": f"maintain_stores, after {DEFAULT_DAYS['arrivals']} days by default",
    "Cassandra, dead_letters_resent": "time-to-live; found by place in Kafka only, not by person",
    "Cassandra, states of counterparties": "time-to-live; 64-bit hashes of accounts that paid them",
    "Airflow's database, parameters of this run": f"airflow db clean, after {DEFAULT_DAYS['airflow_metadata']} days "
    "by default",
    "audit chains": "kept: names of staff and what they wrote of a case; a chain cannot lose a record",
    "lists of blocked accounts": "kept: legitimate interest in preventing fraud; end an entry with change_list",
    "mails, SMS and messages sent": "their receivers and vendors: not this system's any more",
    "backups": "the operator: erase again after restoring one; a request may be made as often as needed",
}


def document(
    plan: ErasurePlan, done: Mapping[str, Mapping[str, int]], finished_at: datetime | None = None
) -> dict[str, Any]:
    """What ``done.json`` and the report say.

    Parameters
    ----------
    done
        Counts by part: ``lake``, ``removed``, ``tokenised``, ``kept``, ``left`` (identifiers found afterwards).
    """
    left = sum(done["left"].values())
    checks = [
        Check("accounts", len(plan.accounts)),
        Check("batches covered", plan.until_batch),
        Check("rows of the lake that got tokens", done["lake"].get("rows", 0)),
        Check("rows removed from Cassandra", sum(done["removed"].values())),
        Check("rows of Cassandra that got tokens", sum(done["tokenised"].values())),
        Check("alerts and messages kept", sum(done["kept"].values())),
        Check("identifiers still found in what was to be erased", left, Bound("==", 0)),
    ]
    return {
        "request": plan.request,
        "person": plan.subject,
        "reason": plan.reason,
        "requested_by": plan.requested_by,
        "asked_at": plan.asked_at.isoformat(),
        "finished_at": (finished_at or datetime.now(UTC)).isoformat(),
        "until_batch": plan.until_batch,
        "lake": dict(done["lake"]),
        "cassandra": {what: dict(done[what]) for what in ("removed", "tokenised", "kept")},
        "bounded_by_retention": dict(BOUNDED),
        "checks": [check.document() for check in checks],
    }


def write(report: Mapping[str, Any], folder: Path) -> tuple[Path, Path]:
    """Write ``erasure-<request>.json`` and ``.html`` among the reports; again replaces them."""
    folder.mkdir(parents=True, exist_ok=True)
    name = f"erasure-{report['request']}"
    data, page = folder / f"{name}.json", folder / f"{name}.html"
    data.write_text(json.dumps(report, indent=1), encoding="utf-8")
    template = templates("include.privacy").get_template("erasure.html.j2")
    page.write_text(template.render(report=report), encoding="utf-8")
    return data, page
