"""Dead letters: what was refused and why, corrected by hand, and sent again, each at most once."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, ConfigDict, Field

from include.pipeline.desk_audit import DeskAudit
from include.reports.csv_export import DEAD_LETTER_COLUMNS
from include.transactions.dead_letter import DeadLetter, Place, position_of, position_text
from include.transactions.resending import Checked
from include.transactions.resent import Resent, ResentState
from plugins.fraud_desk.access import Analyst
from plugins.fraud_desk.bank import BankDep
from plugins.fraud_desk.rendering import page
from plugins.fraud_desk.resending import Resending, ResendingDep
from plugins.fraud_desk.taking_out import Taker, taken_out

router = APIRouter()

PAGE = 50
#: Characters of a text that the list shows, and most that are edited.
_SHOWN, LONGEST = 400, 200_000
#: What a person would not see, or would take for something else: controls, separators, bidirectional marks.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]"
)


@dataclass(frozen=True, slots=True)
class Row:
    """A dead letter, and what has become of it."""

    letter: DeadLetter
    resent: Resent | None
    can_be_sent: bool
    abandoned: bool

    @property
    def status(self) -> str:
        """In a word."""
        if self.resent is None:
            return "new"
        if self.resent.state is ResentState.SENT:
            return "sent again"
        return "interrupted" if self.abandoned else "being sent"


class Text(BaseModel):
    """A corrected text."""

    model_config = ConfigDict(extra="forbid")

    text: str = Field(max_length=LONGEST)

    def value(self) -> bytes:
        """As a record has it; lone surrogates, which no record can have, make it one that is refused."""
        return self.text.encode("utf-8", "surrogatepass")


class Judgement(BaseModel):
    """What the contract says of a text."""

    transaction_id: str
    reasons: tuple[str, ...]

    @classmethod
    def of(cls, checked: Checked) -> Judgement:
        """Of a check."""
        return cls(transaction_id=checked.transaction_id, reasons=checked.reasons)


class Sent(BaseModel):
    """What was sent."""

    place: str
    transaction_id: str
    by: str
    at: datetime

    @classmethod
    def of(cls, resent: Resent) -> Sent:
        """Of its record."""
        return cls(
            place=str(resent.place),
            transaction_id=resent.transaction_id,
            by=resent.by,
            at=resent.claimed_at,
        )


@router.get("/dead-letters", response_class=HTMLResponse)
def dead_letters_page(
    request: Request, resending: ResendingDep, before: str = "", reason: str = ""
) -> HTMLResponse:
    """The list, the newest first."""
    wanted = _reason(reason)
    found = resending.box.page(PAGE, position_of(before), wanted=_with(wanted))
    rows = _rows(resending, found.letters)
    return page(
        request,
        "dead_letters.html",
        section="dead-letters",
        rows=rows,
        shown=_SHOWN,
        visible=visible,
        reason=wanted,
        older=None if found.older is None else position_text(found.older),
        newest=not before,
        looked_at=found.looked_at,
    )


@router.get("/dead-letters.csv")
def dead_letters_csv(person: Taker, resending: ResendingDep, bank: BankDep, reason: str = "") -> Response:
    """The list as a file, whole records and all."""
    wanted = _reason(reason)
    audit = DeskAudit(bank.lake)
    rows = _told(resending, wanted)
    return taken_out(
        audit, person, "dead letters", {"reason": wanted}, rows, DEAD_LETTER_COLUMNS, "dead-letters.csv"
    )


@router.get("/dead-letters/{place}", response_class=HTMLResponse)
def dead_letter_page(request: Request, place: str, resending: ResendingDep) -> HTMLResponse:
    """One of them, to be corrected."""
    letter = _letter(resending, place)
    (row,) = _rows(resending, (letter,))
    sent = row.resent.value.decode("utf-8", "backslashreplace") if row.resent else ""
    return page(
        request,
        "dead_letter.html",
        section="dead-letters",
        row=row,
        raw=visible(letter.text()),
        key=visible((letter.key or b"").decode("utf-8", "backslashreplace")),
        draft=readable(letter.text()),
        sent=visible(sent),
        longest=LONGEST,
    )


@router.post("/api/dead-letters/{place}/check")
def check_text(place: str, text: Text, _: Analyst, resending: ResendingDep) -> Judgement:
    """What would have a text refused again, by the very code of the stream; nothing is sent."""
    letter = _letter(resending, place)
    return Judgement.of(resending.resender.check(letter, text.value(), datetime.now(UTC)))


@router.post("/api/dead-letters/{place}/resend")
def resend(place: str, text: Text, person: Analyst, resending: ResendingDep) -> Sent:
    """Send it again; 422 if it was before, or would be refused."""
    return Sent.of(resending.resender.resend(_letter(resending, place), text.value(), person.name))


@router.post("/api/dead-letters/{place}/take-up")
def take_up(place: str, person: Analyst, resending: ResendingDep) -> Sent:
    """Bring an interrupted one to its end."""
    return Sent.of(resending.resender.take_up(_letter(resending, place), person.name))


def visible(text: str) -> str:
    """A text in which whatever a person would not see stands as its code."""
    return _UNSEEN.sub(lambda found: _code(found.group()), text)


def readable(text: str) -> str:
    """A JSON object with a line a field, to be edited; anything else as it is.

    Numbers stay as they were written; of a name given twice the last one stays, as the contract reads it.
    """
    from include.transactions import json_text

    document = json_text.read_object(text.encode("utf-8", "surrogatepass"))
    if isinstance(document, str):
        return text
    members = (
        f"  {json.dumps(name, ensure_ascii=False)}: {_written(value)}" for name, value in document.items()
    )
    return "{\n" + ",\n".join(members) + "\n}" if document else "{}"


def _written(value: Any) -> str:
    from include.transactions import json_text

    return json_text.write(value)


def _code(character: str) -> str:
    return f"⟨U+{ord(character):04X}⟩"


def _reason(asked: str) -> str:
    return asked.strip()[:200]


def _with(reason: str) -> Callable[[DeadLetter], bool]:
    return lambda letter: not reason or any(reason in said for said in letter.reasons)


def _told(resending: Resending, reason: str) -> Iterator[dict[str, Any]]:
    """Every dead letter with such a reason as a row of a file, a page at a time."""
    before = None
    while True:
        found = resending.box.page(PAGE, before, wanted=_with(reason))
        for row in _rows(resending, found.letters):
            letter, sent = row.letter, row.resent
            yield {name: getattr(letter, name, None) for name in DEAD_LETTER_COLUMNS} | {
                "record": letter.text(),
                "status": row.status,
                "resent_by": sent.by if sent else None,
            }
        if (before := found.older) is None:
            return


def _rows(resending: Resending, letters: tuple[DeadLetter, ...]) -> list[Row]:
    resender, now = resending.resender, datetime.now(UTC)
    taken = resender.store.get_many([letter.place for letter in letters])
    return [
        Row(
            letter,
            resent := taken.get(letter.place),
            letter.source_topic == resender.topic,
            resent is not None and resent.abandoned(now),
        )
        for letter in letters
    ]


def _letter(resending: Resending, place: str) -> DeadLetter:
    letter = resending.box.get(Place.of(place))
    if letter is None:
        raise HTTPException(404)
    return letter
