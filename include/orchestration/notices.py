"""Notices: mails to the model owner and to readers of reports, each of which stands in the lake as well.

``notices/<id>.json`` is written before the mail and says afterwards that it has left (``sent``).
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from html import escape

from pydantic import BaseModel, ConfigDict, Field

from include.alerts.alert import NAMESPACE
from include.alerts.errors import DeliveryFailure
from include.alerts.gsm import to_gsm
from include.alerts.message import Message
from include.governance.incidents import open_incidents
from include.orchestration.connections import open_channels
from include.orchestration.variables import variable
from include.pipeline.provisional import note_told, untold_alerts
from include.stores.lake.files import Lake
from include.stores.lake.names import NOTICES

log = logging.getLogger(__name__)


def tell(lake: Lake, recipient: str, key: str, subject: str, paragraphs: Sequence[str]) -> bool:
    """Tell somebody something; returns whether the mail has left.

    What is told is in the lake and in Airflow too: a mail server that is away stops nothing.

    Parameters
    ----------
    key
        The same is the same message: the receiver can drop a repetition.
    """
    identity, now = _identity(key), datetime.now(UTC)
    notice = {"to": recipient, "subject": subject, "text": list(paragraphs), "at": now.isoformat()}
    lake.write_json(_path(identity), notice)
    message = Message(
        delivery_id=identity,
        alert_id=identity,
        message_id=f"<{identity}@tidewatch>",
        recipient=recipient,
        language="en",
        subject=subject,
        text="\n\n".join(paragraphs),
        html="".join(f"<p>{escape(text)}</p>" for text in paragraphs),
        short=to_gsm(subject)[:160],
        payload={"event": "notice", "text": list(paragraphs)},
        written_at=now,
    )
    try:
        for channel in open_channels()():
            try:
                channel.send(message)
            finally:
                channel.close()
    except DeliveryFailure as failure:
        log.error("nobody could be told of %r: %s", subject, failure)
        return False
    lake.write_json(_path(identity), {**notice, "sent": True})
    return True


def tell_of_incidents(lake: Lake, recipient: str) -> None:
    """Tell of each open incident until the mail has left: what stops nothing is seen by nobody else."""
    for one in open_incidents(lake):
        key = f"incident:{one.key}:{one.since.isoformat()}"
        if not told_before(lake, key):
            words = [one.words, f"Since {one.since:%Y-%m-%d %H:%M} UTC."]
            tell(lake, recipient, key, f"Incident: {one.key}", words)


class DutyDesk(BaseModel):
    """The variable ``duty_desk``: who is told of incidents that last; without an address nobody is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    address: str = Field("", pattern=r"^([^@\s]+@[^@\s]+)?$")
    after_minutes: float = Field(
        5.0, ge=0, le=525_600, allow_inf_nan=False
    )  # a year: beyond, nobody is meant


def tell_duty_desk(lake: Lake) -> None:
    """Tell the duty desk, once, of each incident that has been open for longer than it wants to wait."""
    desk = variable("duty_desk", DutyDesk, {})
    if desk.address:
        tell_of_lasting_incidents(lake, desk, datetime.now(UTC))
        tell_of_provisional_alerts(lake, desk)


def tell_of_lasting_incidents(lake: Lake, desk: DutyDesk, now: datetime) -> int:
    """As ``tell_duty_desk``, of what lasts at ``now``; returns how many mails have left.

    Two observers that tell at the same moment send the same message id twice.
    """
    left = 0
    for one in open_incidents(lake):
        key = f"duty:{one.key}:{one.since.isoformat()}"
        if now - one.since >= timedelta(minutes=desk.after_minutes) and not told_before(lake, key):
            words = [one.words, f"Since {one.since:%Y-%m-%d %H:%M} UTC. It clears by itself once it is over."]
            left += tell(lake, desk.address, key, f"Incident that lasts: {one.key}", words)
    return left


def tell_of_provisional_alerts(lake: Lake, desk: DutyDesk) -> bool:
    """Tell the duty desk of alerts that were decided without history, which nobody else is told of yet.

    One mail for all that have come since the last; the alert store is away, so they are in no queue. Each becomes
    an ordinary alert, or is withdrawn, once its batch is scored. Of very many the mail names the first, and says so.
    """
    untold = untold_alerts(lake)
    batches, alerts = untold.batches, untold.alerts
    if not batches:
        return False
    rows = [
        f"{one['transaction_id']}: {one['amount']} {one['currency']}, {one['severity']}, {', '.join(one['rule_hits'])}"
        for one in alerts
    ]
    words = [
        f"Cassandra is away. {untold.total:,} transactions were decided ALERT by rules that need no history; they are "
        "in no queue yet and will be scored again.",
        *rows,
        *_cut(len(rows), untold.total),
        f"Batches {batches[0]} to {batches[-1]}; all of them are in the lake, provisional/batch=….",
    ]
    key = f"provisional:{batches[0]}-{batches[-1]}"
    if left := told_before(lake, key) or tell(
        lake, desk.address, key, "Alerts decided without history", words
    ):
        note_told(lake, batches[-1])
    return left


def _cut(shown: int, total: int) -> list[str]:
    """What stands below a list that does not name all."""
    if shown == total:
        return []
    return [
        f"These are the first {shown:,} of {total:,}: {total - shown:,} more are named in no mail; they stand in the "
        "batches below."
    ]


def told_before(lake: Lake, key: str) -> bool:
    """Whether a mail with this key has left."""
    return bool((lake.read_json(_path(_identity(key))) or {}).get("sent"))


def _identity(key: str) -> uuid.UUID:
    return uuid.uuid5(NAMESPACE, f"owner:{key}")


def _path(identity: uuid.UUID) -> str:
    return f"{NOTICES}/{identity}.json"
