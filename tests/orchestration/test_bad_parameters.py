"""Variables and parameters of runs as people mistype them: used, or refused in words, once and for all."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from airflow.sdk.definitions.retry_policy import RetryAction
from airflow.sdk.exceptions import AirflowSkipException
from hypothesis import given
from hypothesis import strategies as st

from include.alerts.errors import CustomerError
from include.governance.errors import ChangeRefused, GovernanceError
from include.governance.incidents import raise_incident
from include.orchestration import (
    adaptation,
    bank,
    dead_letters,
    erasing,
    governance_rules,
    notices,
    reporting,
    retries,
    upkeep,
)
from include.orchestration.run_parameters import (
    Backtest,
    ChallengerWanted,
    CustomersWanted,
    Erasure,
    Resending,
    RuleChange,
)
from include.orchestration.variables import InputRefused, Names, checked, variable
from include.pipeline.models import rule_book
from include.privacy.errors import ErasureRefused
from include.reports.periods import Period, PeriodRefused
from include.reports.summary import Subscriber
from include.rules.errors import RulesError
from include.rules.loader import RULES_DIRECTORY
from include.settings import settings
from include.stores.lake.files import Lake
from include.transactions.corrections import corrected, corrections_of
from include.transactions.errors import TransactionsError
from tests.fuzzing import fuzzed
from tests.nonsense import deep, texts, values

REFUSALS = (
    InputRefused, GovernanceError, RulesError, TransactionsError, PeriodRefused, AirflowSkipException, CustomerError,
    ErasureRefused,
)  # fmt: skip
USUAL = {
    "simulated_bank": {"seed": 7, "customers": 5000, "training_days": 30, "rate": 20, "seconds": 300},
    "retention_days": {"airflow_metadata": 3, "arrivals": 3, "batches": 40, "labels": 180},
    "adaptation": {"train_days": 60, "drift": {}},
    "approvers": ["admin"],
    "report_subscribers": [{"address": "a@bank.example"}],
    "duty_desk": {"address": "duty@bank.example", "after_minutes": 5},
}
READERS: dict[str, Callable[[], object]] = {
    "simulated_bank": lambda: bank.BankOrder.of({}),
    "retention_days": lambda: upkeep._days_wanted(),
    "adaptation": adaptation._wanted,
    "approvers": lambda: variable("approvers", Names, []),
    "report_subscribers": lambda: variable("report_subscribers", list[Subscriber], []),
    "duty_desk": lambda: _told_duty_desk(),
}


def _told_duty_desk() -> notices.DutyDesk:
    """As far as telling it goes without a mail server: whether an incident has lasted for long enough."""
    desk = variable("duty_desk", notices.DutyDesk, {})
    with TemporaryDirectory() as folder:
        lake = Lake(Path(folder).as_uri())
        raise_incident(lake, "no-history", "for the test")
        before_it = datetime(2020, 1, 1, tzinfo=UTC)
        assert notices.tell_of_lasting_incidents(lake, desk, before_it) == 0
    return desk


@dataclass(frozen=True)
class Run:
    """What a body sees of its run."""

    run_id: str = "run"
    triggering_user_name: str | None = "ann"


@pytest.fixture
def set_variable(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str | None], None]:
    from airflow.sdk import Variable

    held: dict[str, str] = {}

    def get(name: str, default: Any = None, deserialize_json: bool = False) -> Any:
        assert not deserialize_json
        return held.get(name, default)

    monkeypatch.setattr(Variable, "get", get)

    def put(name: str, text: str | None) -> None:
        held.clear()
        if text is not None:
            held[name] = text

    return put


def refused(do: Callable[[], object]) -> str:
    """Why it is refused; empty if it is not. Anything but a refusal is raised."""
    try:
        do()
    except REFUSALS as error:
        return str(error) or "skipped"
    return ""


@pytest.mark.parametrize("name", sorted(READERS))
def test_usual_variables_are_read(set_variable: Any, name: str) -> None:
    set_variable(name, json.dumps(USUAL[name]))
    assert READERS[name]()


@pytest.mark.parametrize("name", sorted(READERS))
def test_variables_full_of_nonsense(set_variable: Any, name: str) -> None:
    @fuzzed(150)
    @given(data=st.data())
    def holds(data: st.DataObject) -> None:
        usual = json.loads(json.dumps(USUAL[name]))
        if isinstance(usual, dict) and data.draw(st.booleans()):
            key = data.draw(st.sampled_from(sorted(usual)) | texts)
            text = json.dumps(usual | {key: data.draw(values)})
        else:
            text = data.draw(values.map(json.dumps) | texts)
        set_variable(name, text)
        words = refused(READERS[name])
        assert not words or name in words

    holds()


@pytest.mark.parametrize("name", ["simulated_bank", "retention_days"])
def test_a_variable_that_is_missing_is_named(set_variable: Any, name: str) -> None:
    set_variable(name, None)
    assert f"variable {name}: expected" in refused(READERS[name])


@pytest.fixture
def lake(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lake]:
    monkeypatch.setenv("TIDEWATCH_LAKE_URI", tmp_path_factory.mktemp("lake").as_uri())
    settings.cache_clear()
    lake = Lake(settings().lake)
    rule_book(lake).publish_shipped(RULES_DIRECTORY)
    yield lake
    settings.cache_clear()


PARAMETERS: dict[str, dict[str, Any]] = {
    "change_rule": {"rule": "large_amount", "kind": "change", "share": 1.0, "shadow_batches": 20, "author": ""},
    "backtest_rules": {"rule": "", "share": 1.0, "from": "", "until": "", "labels_as_of": ""},
    "change_list": {
        "kind": "ADD", "list": "BLOCKED", "subject": "ACCOUNT", "value": "A1", "reason": "r", "valid_from": "",
        "valid_until": "", "entries": [], "author": "",
    },
    "resend_dead_letters": {"places": ["0:1"], "reason": "", "limit": 10, "corrections": [], "author": ""},
    "build_reports": {"kind": "daily", "period": "2026-11-24"},
    "erase_customer": {"customer_id": "C1", "account_ids": ["A1"], "reason": "R-1", "requested_by": ""},
    "load_customers": {"file": "", "seed": 7, "customers": 50},
    "ingest_transactions": {"seed": 7, "customers": 50, "training_days": 3, "rate": 20, "seconds": 300},
    "train_models": {"seed": 7, "customers": 50, "training_days": 3, "only_if_missing": True},
}  # fmt: skip


def _bodies() -> dict[str, Callable[[dict[str, Any]], object]]:
    """As far as each DAG's first task goes without servers."""
    now = datetime(2026, 11, 29, tzinfo=UTC)

    def resend(params: dict[str, Any]) -> None:
        wanted = checked("the parameters of the run", Resending, params)
        governance_rules.author_of(params, Run())
        done = corrected(b'{"currency":"eur","x":1}', corrections_of(wanted.corrections))
        assert isinstance(done, bytes)
        list(dead_letters._chosen(_NoLetters(), wanted))  # type: ignore[arg-type]

    def report(params: dict[str, Any]) -> None:
        asked = checked("the parameters of the run", reporting.ReportWanted, params)
        period = Period.parse(asked.kind, asked.period)
        assert period.since < period.until

    def list_change(params: dict[str, Any]) -> None:
        governance_rules.author_of(params, Run())
        from include.governance.list_entries import Entries

        Entries().changed(governance_rules.list_entries(params, now))

    return {
        "change_rule": lambda params: governance_rules.check_draft(params, Run()),
        "backtest_rules": lambda params: checked("the parameters of the run", Backtest, params),
        "change_list": list_change,
        "resend_dead_letters": resend,
        "build_reports": report,
        "erase_customer": lambda params: erasing.requested_erasure(
            Lake(settings().lake), params, Run(uuid.uuid4().hex)
        ),
        "load_customers": bank.load_customers,
        "ingest_transactions": bank.ingest,
        "train_models": _train,
    }


def _train(params: dict[str, Any]) -> None:
    """Each task of the DAG, whatever has become of the one before."""
    for body in (bank.prepare_history, bank.load_states, bank.train_first_model):
        refused(lambda body=body: body(params))  # type: ignore[misc]
    adaptation.train_challenger(params, "manual", "ann", [])


@pytest.fixture
def bank_without_servers(set_variable: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bodies go as far as a store and a bank that is not simulated."""

    def no_bank(order: bank.BankOrder, lake: Lake) -> None:
        raise AirflowSkipException(f"of {order.customers} customers")

    set_variable("simulated_bank", json.dumps(USUAL["simulated_bank"]))
    monkeypatch.setattr(bank, "cassandra_session", lambda: nullcontext())
    monkeypatch.setattr(bank.BankOrder, "feed", no_bank)


class _NoLetters:
    def get(self, place: object) -> None: ...

    def page(self, *_: Any, **__: Any) -> Any:
        from include.transactions.dead_letter_box import Page

        return Page((), None, 0)


@pytest.mark.parametrize("dag", sorted(PARAMETERS))
@pytest.mark.usefixtures("lake", "bank_without_servers")
def test_parameters_full_of_nonsense(dag: str) -> None:
    body = _bodies()[dag]

    @fuzzed(120)
    @given(changes=st.dictionaries(st.sampled_from(sorted(PARAMETERS[dag])), values, min_size=1, max_size=3))
    def holds(changes: dict[str, Any]) -> None:
        refused(lambda: body(PARAMETERS[dag] | changes))

    holds()
    for name in PARAMETERS[dag]:
        for value in (
            deep,
            {name: deep},
            [[]],
            [None],
            [{}],
            {},
            True,
            10**400,
            float("nan"),
            "\ud800",
            "x" * 200_000,
        ):
            refused(lambda name=name, value=value: body(PARAMETERS[dag] | {name: value}))  # type: ignore[misc]
        refused(lambda name=name: body({k: v for k, v in PARAMETERS[dag].items() if k != name}))  # type: ignore[misc]


@fuzzed(150)
@given(given_=st.lists(st.fixed_dictionaries({"do": st.sampled_from(["set", "rename", "drop"])}, optional={
    "field": texts, "value": values, "to": texts}) | values, max_size=3))  # fmt: skip
def test_corrections_full_of_nonsense(given_: list[Any]) -> None:
    def do() -> None:
        done = corrected(b'{"currency":"eur","amount":1.50,"x":{"y":[1e2]}}', corrections_of(given_))
        assert isinstance(done, bytes)

    refused(do)


@pytest.mark.parametrize(
    ("kind", "given_", "said"),
    [
        (RuleChange, {"rule": "x", "share": "all"}, "share: input should be a valid number"),
        (
            RuleChange,
            {"rule": "x", "kind": "chnage"},
            "kind: input should be 'change' or 'retire', got 'chnage'",
        ),
        (Backtest, {"from": "yesterday"}, "from: expected a time as in RFC 3339"),
        (Backtest, {"until": "0001-01-01"}, "until: expected a time between 1970 and 2999"),
        (Resending, {"limit": "many"}, "limit: input should be a valid integer"),
        (Erasure, {"customer_id": "C1", "account_ids": "A1"}, "account_ids: input should be a valid list"),
        (Erasure, {"account_ids": ["A" * 35]}, "account_ids.0: string should have at most 34 characters"),
        (CustomersWanted, {"file": 7}, "file: input should be a valid string"),
        (ChallengerWanted, {"seed": "x"}, "seed: input should be a valid integer"),
    ],
)
def test_what_is_wrong_is_named(kind: Any, given_: dict[str, Any], said: str) -> None:
    with pytest.raises(InputRefused) as error:
        checked("the parameters of the run", kind, given_)
    assert str(error.value).startswith("the parameters of the run: ")
    assert said in str(error.value)
    assert str(error.value).endswith("; trigger the run again")


def test_refusals_are_not_tried_again() -> None:
    names = {
        name for rule in retries.POLICY.rules if rule.action is RetryAction.FAIL for name in rule.exception
    }
    for refusal in (InputRefused, ChangeRefused, PeriodRefused, CustomerError, ErasureRefused):
        assert f"{refusal.__module__}.{refusal.__qualname__}" in names


def test_only_files_of_the_project_are_read_as_drafts(lake: Lake) -> None:
    for name in ("../../../etc/passwd", "/etc/passwd", "large_amount.sql", "..", "con", "large_amount\x00"):
        assert refused(
            lambda name=name: governance_rules.check_draft(PARAMETERS["change_rule"] | {"rule": name}, Run())
        )  # type: ignore[misc]
    assert Path(RULES_DIRECTORY).exists()


@pytest.mark.parametrize("minutes", ["1e400", "1e300", "-1", "NaN"])
def test_a_duty_desk_waits_no_longer_than_one_can_count(set_variable: Any, minutes: str) -> None:
    set_variable("duty_desk", f'{{"address": "duty@bank.example", "after_minutes": {minutes}}}')
    assert "variable duty_desk: " in refused(READERS["duty_desk"])


def test_account_ids_that_are_no_list_erase_nobody(lake: Lake) -> None:
    """Taken letter by letter, a text would have named accounts nobody meant."""
    params = PARAMETERS["erase_customer"] | {"account_ids": "A1"}
    assert "account_ids: input should be a valid list" in refused(
        lambda: erasing.requested_erasure(lake, params, Run())
    )
    assert lake.names("erasures") == []
