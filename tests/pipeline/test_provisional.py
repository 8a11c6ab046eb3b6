"""Decisions without history: made at once, marked, never acted on twice, and made again in order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from include.alerts.alert import Severity
from include.detection.errors import ModelRefused
from include.detection.scored import FULL, NO_HISTORY, RULES_ONLY, features_of
from include.features.catalogue import FEATURE_NAMES
from include.features.compute import without_past
from include.governance.audit import AuditChain
from include.governance.decisions import PROVISIONAL
from include.governance.incidents import find_incident, open_incidents
from include.governance.verify import verify_audit
from include.orchestration import degrading, notices
from include.orchestration.notices import DutyDesk, tell_of_provisional_alerts
from include.pipeline.provisional import (
    accepted_and_due,
    decide_without_history,
    provisional_file,
    untold_alerts,
    waiting_for_history,
    what_became_of_it,
    without_history,
)
from include.pipeline.scoring import LocalScorer, score
from include.rules.columns import rule_columns
from include.rules.loader import RULES_DIRECTORY, load_rules
from include.rules.rule import Action, RuleHit, Typology
from include.stores.cassandra.errors import StoreUnavailable
from include.stores.lake.files import Lake
from include.stores.lake.ledger import Stage, scored_file
from include.stores.memory.state import MemoryStateStore
from tests.pipeline.conftest import LiveBank, NoRules

SHIPPED = load_rules(RULES_DIRECTORY, rule_columns())


class Large(NoRules):
    """Alerts on amounts above a bound."""

    version = "large"

    def evaluate(self, table: pa.Table) -> list[Any]:
        hit = RuleHit("large", Severity.HIGH, Typology.LARGE_AMOUNT, Action.ALERT, "large")
        large = pc.greater(table["amount"].cast(pa.float64()), 150).to_pylist()
        return [(hit,) if one else () for one in large]


def decide(bank: LiveBank) -> list[int]:
    return decide_without_history(bank.lake, Large(), accepted_and_due(bank.lake))


def test_what_is_decided_now_is_marked_sealed_and_moves_nothing(bank: LiveBank) -> None:
    bank.accept(2)
    before = {stage: bank.ledger.cursor(stage) for stage in Stage}
    assert decide(bank) == [3, 4]
    table = bank.lake.read_table(provisional_file(3))
    assert set(table["level"].to_pylist()) == {NO_HISTORY}
    assert table["transaction_id"].to_pylist() == [
        one["transaction_id"] for one in bank.stream.slice(3 * 70, 70).to_pylist()
    ]
    assert "ALERT" in table["decision"].to_pylist()
    assert {stage: bank.ledger.cursor(stage) for stage in Stage} == before
    assert [one.subject for one in AuditChain(bank.lake, PROVISIONAL).records()] == ["batch 3", "batch 4"]
    assert decide(bank) == []  # again changes nothing
    assert waiting_for_history(bank.lake).batches == 2


def test_it_is_scored_again_exactly_as_if_the_store_had_never_been_away(bank: LiveBank, tmp_path) -> None:
    banks = [LiveBank(Lake((tmp_path / name).as_uri()), MemoryStateStore(), bank.stream) for name in "ab"]
    undisturbed, disturbed = banks
    undisturbed.run(5)
    disturbed.run(3)
    disturbed.accept(2)
    decide(disturbed)
    disturbed.score(disturbed.ledger.due(Stage.SCORED))
    for batch in range(5):
        one, other = (made.lake.read_table(scored_file(batch)) for made in banks)
        assert features_of(one).to_pandas().equals(features_of(other).to_pandas())  # NaN is NaN there
        said = ["scored_at", "features"]
        assert one.drop_columns(said).equals(other.drop_columns(said))
    accounts = bank.stream["account_id"].unique().to_pylist()
    assert undisturbed.states.read("account", accounts, 99) == disturbed.states.read("account", accounts, 99)
    assert (disturbed.ledger.manifest(Stage.SCORED, 3) or {})["provisional"]["level"] == NO_HISTORY
    assert waiting_for_history(disturbed.lake).batches == 0


def test_what_became_of_it_is_counted(bank: LiveBank) -> None:
    bank.accept(1)
    decide(bank)
    said = bank.lake.read_table(provisional_file(3))
    alerts = said["decision"].to_pylist().count("ALERT")
    assert alerts
    bank.score(bank.ledger.due(Stage.SCORED))  # by no rules: nothing is an alert any more
    manifest = bank.ledger.manifest(Stage.SCORED, 3) or {}
    assert manifest["provisional"]["alerts_withdrawn"] == alerts
    assert (manifest["provisional"]["alerts_confirmed"], manifest["provisional"]["alerts_found_later"]) == (
        0,
        0,
    )
    assert what_became_of_it(bank.lake, 2, said) == {}


def test_only_what_a_transaction_says_by_itself_is_known(bank: LiveBank) -> None:
    decided = without_history(bank.stream.slice(0, 70), NoRules(), datetime.now(UTC))
    features = features_of(decided)
    known = {name for name in FEATURE_NAMES if not np.isnan(features[name].to_numpy()).any()}
    assert "amount_value" in known
    assert not {
        name for name in known if name.startswith(("account_", "counterparty_", "is_new_", "seconds_"))
    }


def test_no_shipped_rule_takes_an_unknown_past_for_a_new_account(bank: LiveBank) -> None:
    """Rules that look at the past do not hit; with all of it unknown, none of the shipped ones may cry."""
    rows = bank.stream.slice(0, 400)
    table = rows
    for name, column in zip(FEATURE_NAMES, without_past(rows).columns, strict=True):
        table = table.append_column(name, column)
    for name in SHIPPED.columns:
        if name not in table.column_names:
            table = table.append_column(name, pa.array(np.zeros(table.num_rows)))
    looking_back = {
        rule.rule_id
        for rule in SHIPPED.rules
        if any(name.startswith(("account_", "counterparty_", "is_new_")) for name in rule.columns)
    }
    assert looking_back
    assert not {hit.rule_id for hits in SHIPPED.evaluate(table) for hit in hits} & looking_back


def test_verification_covers_it(bank: LiveBank) -> None:
    bank.accept(1)
    decide(bank)
    bank.score(bank.ledger.due(Stage.SCORED))
    assert verify_audit(bank.lake).in_files == []
    bank.lake.write_bytes(provisional_file(3), b"something else")
    (problem,) = verify_audit(bank.lake).in_files
    assert problem.where == provisional_file(3)


class Refusing:
    """A scorer whose model is refused where it is used, as a Spark worker would."""

    def __init__(self, inner: LocalScorer) -> None:
        self.inner = inner

    def __call__(self, batch: int, configuration: Any) -> pa.Table:
        if configuration.model is not None:
            raise ModelRefused("model m: expected its files as published, got others")
        return self.inner(batch, configuration)


@pytest.mark.slow
def test_a_model_refused_where_it_is_used_leaves_the_rules_and_an_incident(with_champion) -> None:
    bank = with_champion(2)
    assert (bank.ledger.manifest(Stage.SCORED, 1) or {})["level"] == FULL
    bank.accept(1)
    inner = LocalScorer(bank.lake, bank.states, bank.registry, NoRules())
    score(range(2, 3), bank.ledger, bank.lake, bank.registry, NoRules(), lambda rows: Refusing(inner))
    table = bank.lake.read_table(scored_file(2))
    assert set(table["level"].to_pylist()) == {RULES_ONLY}
    manifest = bank.ledger.manifest(Stage.SCORED, 2) or {}
    assert (manifest["level"], manifest["model"]) == (RULES_ONLY, None)
    assert [one.key for one in open_incidents(bank.lake)] == ["model-refused"]
    bank.run(1)
    assert open_incidents(bank.lake) == ()
    # Done again it is done with what it was done with: a model that is refused then is an error.
    with pytest.raises(ModelRefused):
        score(range(1, 2), bank.ledger, bank.lake, bank.registry, NoRules(), lambda rows: Refusing(inner))


def test_patience_begins_with_whoever_notices_first(bank: LiveBank) -> None:
    now = datetime.now(UTC)
    assert not degrading.store_is_away_for_long(bank.lake, 20, now)
    assert not degrading.store_is_away_for_long(bank.lake, 20, now + timedelta(seconds=19))
    assert degrading.store_is_away_for_long(bank.lake, 20, now + timedelta(seconds=20))


def test_the_incident_says_how_much_and_ends_with_the_last_of_it(bank: LiveBank) -> None:
    bank.accept(2)
    words = degrading.decide_for_now(bank.lake, Large(), accepted_and_due(bank.lake), "no node answers")
    assert words.startswith("140 transactions in 2 batches are decided without history")
    bank.score(range(3, 4))
    degrading.over_if_caught_up(bank.lake)
    assert [one.key for one in open_incidents(bank.lake)] == ["no-history"]
    bank.score(range(4, 5))
    degrading.over_if_caught_up(bank.lake)
    over = find_incident(bank.lake, "no-history")
    assert over is not None
    assert not over.is_open


def test_a_workers_error_is_known_by_its_text() -> None:
    text = "PythonException: include.stores.cassandra.errors.StoreUnavailable: expected a Cassandra node"
    assert degrading.is_store_away(RuntimeError(text))
    assert degrading.is_store_away(StoreUnavailable("away"))
    assert not degrading.is_store_away(RuntimeError("something else"))


@pytest.fixture
def mails(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    sent: list[Any] = []

    class Channel:
        def send(self, message: Any) -> None:
            sent.append(message)

        def close(self) -> None:
            """Nothing to close."""

    monkeypatch.setattr(notices, "open_channels", lambda: lambda: [Channel()])
    return sent


def alerts_without_history(bank: LiveBank, batches: list[int]) -> list[str]:
    rows = [row for batch in batches for row in bank.lake.read_table(provisional_file(batch)).to_pylist()]
    return [row["transaction_id"] for row in rows if row["decision"] == "ALERT"]


def test_the_duty_desk_is_told_of_alerts_nobody_else_sees(bank: LiveBank, mails: list[Any]) -> None:
    desk = DutyDesk(address="duty@bank.example")
    assert not tell_of_provisional_alerts(bank.lake, desk)
    bank.accept(1)
    decide(bank)
    assert tell_of_provisional_alerts(bank.lake, desk)
    assert not tell_of_provisional_alerts(bank.lake, desk)
    (mail,) = mails
    named = alerts_without_history(bank, [3])
    assert named
    assert all(name in mail.text for name in named)
    assert f"{len(named)} transactions were decided ALERT" in mail.text
    assert "more are named in no mail" not in mail.text


def test_a_mail_that_does_not_name_all_alerts_says_how_many_there_are(
    bank: LiveBank, mails: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    bank.accept(2)
    decide(bank)
    total = len(alerts_without_history(bank, [3, 4]))
    assert total > 3
    monkeypatch.setattr(notices, "untold_alerts", lambda lake: untold_alerts(lake, 2))
    assert tell_of_provisional_alerts(bank.lake, DutyDesk(address="duty@bank.example"))
    (mail,) = mails
    assert f"{total} transactions were decided ALERT" in mail.text
    assert f"These are the first 2 of {total}: {total - 2} more are named in no mail" in mail.text
    assert sum(name in mail.text for name in alerts_without_history(bank, [3, 4])) == 2
    untold = untold_alerts(bank.lake)
    assert (untold.batches, untold.total) == ((), 0)
