"""Parameters of the DAGs that people trigger, as checked records: whoever types nonsense is told so, by name."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from include.governance.list_entries import parse_time
from include.governance.rule_life import ChangeKind
from include.transactions.dead_letter import MANY

_FIRST, _LAST = datetime.fromisoformat("1970-01-01T00:00:00Z"), datetime.fromisoformat("2999-12-31T00:00:00Z")


def _moment(value: Any) -> datetime | None:
    if value in (None, ""):
        return None
    if not isinstance(value, str | datetime):
        raise ValueError("expected a time as in RFC 3339, such as 2026-03-01T12:00:00Z")
    try:
        return parse_time(value)
    except ValueError:
        raise ValueError("expected a time as in RFC 3339, such as 2026-03-01T12:00:00Z") from None


def _near(moment: datetime | None) -> datetime | None:
    if moment is not None and not _FIRST <= moment <= _LAST:
        raise ValueError(f"expected a time between {_FIRST:%Y} and {_LAST:%Y}")
    return moment


def _encodable(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("expected text that can be written as UTF-8") from None
    return text


#: A moment; nothing for an empty text.
Moment = Annotated[datetime | None, BeforeValidator(_moment), AfterValidator(_near)]
_EMPTY, _STORABLE = BeforeValidator(lambda value: "" if value is None else value), AfterValidator(_encodable)
#: An empty text where Airflow's form has none.
Text = Annotated[str, Field(max_length=100_000), _EMPTY, _STORABLE]
Share = Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)]


class _Parameters(BaseModel):
    """Others than those named are left alone: each task reads what it needs."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)


class RuleChange(_Parameters):
    """Of ``change_rule``."""

    rule: Text
    kind: ChangeKind = ChangeKind.CHANGE
    share: Share = 1.0
    shadow_batches: int = Field(20, ge=0, le=1_000_000)


class ReplayedTime(_Parameters):
    """From when until when to back-test."""

    since: Moment = Field(None, alias="from")
    until: Moment = None


class Backtest(ReplayedTime):
    """Of ``backtest_rules``."""

    rule: Text = ""
    share: Share = 1.0
    labels_as_of: Moment = None


class ReportWanted(_Parameters):
    """Of ``build_reports``."""

    kind: Text = ""
    period: Text = ""


class Resending(_Parameters):
    """Of ``resend_dead_letters``."""

    places: list[str] = Field(default_factory=list, max_length=MANY)
    reason: Text = ""
    limit: int = Field(MANY, ge=1)
    corrections: list[Any] = Field(default_factory=list, max_length=1_000)


class Erasure(_Parameters):
    """Of ``erase_customer``; ids as long as the contract has them."""

    customer_id: Annotated[str, Field(max_length=64), _EMPTY, _STORABLE] = ""
    account_ids: list[Annotated[str, Field(max_length=34), _STORABLE]] = Field(
        default_factory=list, max_length=10_000
    )
    reason: Text = ""
    requested_by: Text = ""


class CustomersWanted(_Parameters):
    """Of ``load_customers``: a file of the bank, or nothing."""

    file: Text = ""


class ChallengerWanted(_Parameters):
    """Of ``train_models``."""

    only_if_missing: bool = False
    seed: int = Field(0, ge=0, lt=2**32)


class ListChange(_Parameters):
    """Of ``change_list``: entries, or the parts of one."""

    entries: list[dict[str, Any]] = Field(default_factory=list, max_length=100_000)
