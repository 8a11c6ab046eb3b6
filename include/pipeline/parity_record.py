"""What the last parity check found, kept in the lake, and whether a model may be promoted after it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any, Self

from include.detection.errors import PromotionRefused
from include.features.errors import ParityBroken
from include.reports.checks import Bound, Check
from include.stores.lake.files import Lake

#: The newest check's record; the next one replaces it.
RECORD = "checks/parity.json"

_TOLD = 3  # mismatches in an error's message; the record has more


@dataclass(frozen=True, slots=True)
class CleanCheck:
    """A check that found nothing: where the next one may go on."""

    checked_at: datetime
    next_batch: int


@dataclass(frozen=True, slots=True)
class ParityRecord:
    """A parity check.

    Attributes
    ----------
    checked_at
        When it began, UTC.
    first_batch, next_batch
        The batches compared, from the first up to but without ``next_batch``.
    rows, values, mismatched
        Transactions and feature values compared, and how many of these differ.
    mismatches
        The first of them, in words.
    not_compared
        Batches that were written again after a clean check and that nothing is left to compute from.
    broken_off
        Why it could not be brought to its end; None if it was.
    last_clean
        The last clean check, this one if it is; None if there was none.
    """

    checked_at: datetime
    next_batch: int
    last_clean: CleanCheck | None
    first_batch: int = 0
    rows: int = 0
    values: int = 0
    mismatched: int = 0
    mismatches: tuple[str, ...] = ()
    not_compared: tuple[int, ...] = ()
    broken_off: str | None = None

    @property
    def batches(self) -> int:
        """How many batches were compared."""
        return self.next_batch - self.first_batch

    @property
    def holds(self) -> bool:
        """Whether everything agrees; never true as long as nothing has been scored."""
        return self.next_batch > 0 and self.mismatched == 0 and self.broken_off is None

    @property
    def checks(self) -> list[Check]:
        """What must hold, and what is told beside it."""
        return [
            Check("batches scored so far", self.next_batch, Bound(">=", 1)),
            Check("batches compared", self.batches),
            Check("values that differ", self.mismatched, Bound("==", 0)),
            Check("batches written again and not to be compared", len(self.not_compared)),
            Check("went to its end", self.broken_off is None, Bound("==", True)),
        ]

    def document(self) -> dict[str, Any]:
        """As ``parity.json`` has it, in the lake and among the reports."""
        checks = [check.document() for check in self.checks]
        document = asdict(self) | {"batches": self.batches, "holds": self.holds, "checks": checks}
        document["checked_at"] = self.checked_at.isoformat()
        if self.last_clean is not None:
            document["last_clean"]["checked_at"] = self.last_clean.checked_at.isoformat()
        return document

    @classmethod
    def of(cls, document: dict[str, Any]) -> Self:
        """Back from a document."""
        record = {field.name: document[field.name] for field in fields(cls)}
        record["checked_at"] = datetime.fromisoformat(record["checked_at"])
        if record["last_clean"] is not None:
            at, next_batch = record["last_clean"]["checked_at"], record["last_clean"]["next_batch"]
            record["last_clean"] = CleanCheck(datetime.fromisoformat(at), next_batch)
        for name in ("mismatches", "not_compared"):
            record[name] = tuple(record[name])
        return cls(**record)

    @property
    def trouble(self) -> str:
        """What was found, in a sentence's part."""
        if self.broken_off is not None:
            return f"a check that broke off: {self.broken_off}"
        more = "; …" if self.mismatched > _TOLD else ""
        return f"{self.mismatched:,} that differ ({'; '.join(self.mismatches[:_TOLD])}{more})"

    def require_clean(self) -> None:
        """Raise if this check was not clean.

        Raises
        ------
        ParityBroken
            Names feature, account and batch of the first values that differ.
        """
        if not self.holds:
            raise ParityBroken(
                f"expected the features of batches {self.first_batch} to {self.next_batch - 1} as live scoring "
                f"used them, got {self.trouble}. Until a check is clean no model is promoted: compare the "
                "stored state of the account, score the batch again (clear its run of score_transactions), "
                "then run check_parity"
            )


def read_record(lake: Lake) -> ParityRecord | None:
    """The newest check; None if none has been made."""
    document = lake.read_json(RECORD)
    return None if document is None else ParityRecord.of(document)


def write_record(lake: Lake, record: ParityRecord) -> None:
    """Make it the newest check; the same again changes nothing."""
    lake.write_json(RECORD, record.document())


def checked_until(lake: Lake) -> int:
    """The first batch no clean check has gone over."""
    record = read_record(lake)
    return record.last_clean.next_batch if record and record.last_clean else 0


def refuse_unless_clean(record: ParityRecord) -> None:
    """Refuse a promotion after a check that was not clean.

    Raises
    ------
    PromotionRefused
        The models would learn from, and be asked about, features that are not what they are said to be.
    """
    if not record.holds:
        raise PromotionRefused(
            "expected a clean parity check before another model becomes current, got one of "
            f"{record.checked_at:%Y-%m-%d %H:%M} UTC with {record.trouble}; score the batches again or mend what "
            "made them differ, run check_parity until it is clean, then train or promote again"
        )
