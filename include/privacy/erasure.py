"""A request to erase a customer: who is meant, which tokens take their place, and how far it has come.

::

    erasures/<request>/plan.json   identifiers and their tokens, for as long as the request is being carried out
    erasures/<request>/done.json   counts, without identifiers; written last, then the plan is deleted

Tokens are random, not derived: once the plan is gone nobody can lead them back. They are drawn once, so a request that
was killed goes on with the same.
"""

from __future__ import annotations

import base64
import secrets
import uuid
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict

from include.alerts.alert import NAMESPACE
from include.pipeline.batch_log import batch_numbers
from include.privacy.errors import ErasureRefused
from include.stores.lake.files import Lake
from include.stores.lake.ledger import BatchLedger, Stage, accepted_file
from include.stores.lake.names import ERASURES

_IDENTIFIERS = ("account_id", "customer_id", "device_id")


class ErasurePlan(BaseModel):
    """What is to be erased.

    Attributes
    ----------
    accounts, devices, customer
        Identifiers → tokens.
    until_batch
        Batches before it are covered; later ones were still under way.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    request: str
    reason: str
    requested_by: str
    asked_at: datetime
    customer: dict[str, str]
    accounts: dict[str, str]
    devices: dict[str, str]
    until_batch: int

    @property
    def tokens(self) -> Mapping[str, Mapping[str, str]]:
        """Tokens by the column in which identifiers stand."""
        return {
            "account_id": self.accounts,
            "counterparty_id": self.accounts,
            "customer_id": self.customer,
            "device_id": self.devices,
        }

    @property
    def subject(self) -> str:
        """The person's pseudonym."""
        return next(iter([*self.customer.values(), *self.accounts.values()]))


def request_id(run_id: str) -> str:
    """Name of the request that an Airflow run carries out."""
    return f"E-{uuid.uuid5(NAMESPACE, f'erasure:{run_id}').hex[:10]}"


def open_erasure(
    lake: Lake, run_id: str, customer_id: str, account_ids: Iterable[str], reason: str, requested_by: str
) -> ErasurePlan:
    """Find out what a request is about and write its plan; the same run again gets the plan there is.

    Accounts are those named, and all that the lake's batches have with the customer.

    Raises
    ------
    ErasureRefused
        Nobody is named, no reason is given, a named account is another customer's, or there is nothing to be found
        and no account named.
    """
    request = request_id(run_id)
    if (there := read_plan(lake, request)) is not None:
        return there
    customer_id, named = customer_id.strip(), {one.strip() for one in account_ids if one.strip()}
    if not (customer_id or named) or not reason.strip():
        raise ErasureRefused(
            "expected customer_id or account_ids, and a reason, such as the number of the person's request; "
            f"got customer_id {'given' if customer_id else 'empty'}, {len(named)} accounts, reason {reason!r}"
        )
    ledger = BatchLedger(lake)
    until = min(ledger.cursor(stage).next_batch for stage in Stage)
    accounts, devices = set(named), set()
    for table in _rows_of_people(lake, until):
        mine = _mask(table["customer_id"], {customer_id} if customer_id else set())
        others = pc.and_(
            _mask(table["account_id"], named), pc.and_(pc.is_valid(table["customer_id"]), pc.invert(mine))
        )
        if customer_id and pc.any(others).as_py():
            raise ErasureRefused(
                "expected every named account to be the customer's, the lake has one with another customer; name the "
                "accounts of this customer only, or leave customer_id empty to erase by account"
            )
        accounts |= set(table["account_id"].filter(mine).to_pylist())
        of_account = _mask(table["account_id"], accounts)
        devices |= set(table["device_id"].filter(of_account).drop_null().to_pylist())
    if not accounts:
        raise ErasureRefused(
            "expected accounts of the customer in the lake's batches, got none; name the accounts (account_ids): "
            "the stores beyond the lake are keyed by account"
        )
    # A device that somebody else uses too is not this person's alone.
    for table in _rows_of_people(lake, until):
        foreign = pc.invert(_mask(table["account_id"], accounts))
        devices -= set(table["device_id"].filter(foreign).drop_null().to_pylist())
    plan = ErasurePlan(
        request=request,
        reason=reason.strip(),
        requested_by=requested_by,
        asked_at=datetime.now(UTC),
        customer={customer_id: _token()} if customer_id else {},
        accounts={name: _token() for name in sorted(accounts)},
        devices={name: _token() for name in sorted(devices)},
        until_batch=until,
    )
    lake.write_bytes(_path(request, "plan"), plan.model_dump_json().encode())
    return plan


def read_plan(lake: Lake, request: str) -> ErasurePlan | None:
    """The plan of a request that is being carried out; None before, and once it is done."""
    try:
        return ErasurePlan.model_validate_json(lake.read_bytes(_path(request, "plan")))
    except FileNotFoundError:
        return None


def note(lake: Lake, request: str, part: str, counts: Mapping[str, Any]) -> None:
    """Keep what a part has done; a try that was killed after it had done some adds what the next one finds."""
    path = _path(request, part)
    before = lake.read_json(path) or {}
    lake.write_json(path, {name: max(before.get(name, 0), count) for name, count in counts.items()})


def notes(lake: Lake, request: str, part: str) -> dict[str, int]:
    """What ``note`` kept."""
    return dict(lake.read_json(_path(request, part)) or {})


def close_erasure(lake: Lake, request: str, document: Mapping[str, Any]) -> None:
    """Write what became of a request, and forget who it was about. Idempotent."""
    if not lake.exists(_path(request, "done")):
        lake.write_json(_path(request, "done"), document)
    lake.delete_file(_path(request, "plan"))


def withdraw(lake: Lake, request: str) -> None:
    """Forget a request that was not approved."""
    lake.delete_folder(f"{ERASURES}/{request}")


def read_done(lake: Lake, request: str) -> dict[str, Any] | None:
    """What became of a request; None if it has not been carried out."""
    document = lake.read_json(_path(request, "done"))
    return None if document is None else dict(document)


def _rows_of_people(lake: Lake, until: int) -> Iterable[pa.Table]:
    for batch in batch_numbers(lake, str(Stage.ACCEPTED)):
        if batch < until and lake.exists(accepted_file(batch)):
            yield lake.read_table(accepted_file(batch), _IDENTIFIERS)


def _mask(column: pa.ChunkedArray, names: Iterable[str]) -> pa.ChunkedArray:
    return pc.is_in(column, pa.array(sorted(names), pa.string()))


def _token() -> str:
    """33 characters, as the contract takes them for an account."""
    return "X" + base64.b32encode(secrets.token_bytes(20)).decode()


def _path(request: str, name: str) -> str:
    return f"{ERASURES}/{request}/{name}.json"
