"""A decision is recomputed to the byte; after a change somewhere it is said where."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace as changed

import pytest

from include.auditing import replay as command
from include.pipeline import parity
from include.pipeline.models import model_registry
from include.pipeline.replay import UnknownTransaction, as_then, replay
from include.settings import settings
from include.stores.lake.ledger import Stage, batch_folder
from tests.pipeline.audited_bank import BATCHES, LABELLED, flip, shipped_rules, template_registry
from tests.pipeline.conftest import NoRules

LAST = BATCHES - 1


def again(bank, transaction_id, rules=None, registry=None, **named):
    rules, registry = rules or shipped_rules().current(), registry or template_registry(bank.template)
    return replay(bank.lake, transaction_id, as_then(registry, lambda facts: rules), **named)


def differing(result):
    return {part.name: [one.field for one in part.differences] for part in result.parts if not part.same}


@pytest.mark.parametrize(("batch", "decision"), [(0, "ALLOW"), (LABELLED, "ALERT"), (LAST, "ALERT")])
def test_every_part_of_a_decision_is_recomputed_to_the_byte(audited, batch, decision):
    result = again(audited, audited.an_id(batch, decision))
    assert result.broken_off is None
    assert differing(result) == {}
    assert [part.name for part in result.parts] == [
        "transaction", "features", "rule hits", "model outputs", "decision", "reasons", "versions",
    ]  # fmt: skip
    assert (result.same, result.batch, result.start, result.problems) == (True, batch, 0, ())
    assert result.stored["decision"] == decision


def test_there_is_something_to_recompute(audited):
    rows = audited.scored(LAST).to_pylist()
    assert any(row["rule_hits"] for batch in range(BATCHES) for row in audited.scored(batch).to_pylist())
    assert all(row["score_isolation_forest"] is not None and row["level"] == "FULL" for row in rows)


def test_it_starts_from_states_a_clean_check_kept(audited):
    cursor = audited.folder / "cursors/scored.json"
    now = cursor.read_text()
    cursor.write_text(json.dumps({"next_batch": LAST}))  # as it was before the last batch
    assert parity.check(audited.lake).holds
    cursor.write_text(now)
    name = audited.an_id(LAST)
    for whole, start in ((False, LAST), (True, 0)):
        result = again(audited, name, whole=whole)
        assert (result.same, result.start) == (True, start)


def test_a_hint_to_the_wrong_batch_does_no_harm(audited):
    assert again(audited, audited.an_id(0), batch=LAST).batch == 0
    assert again(audited, audited.an_id(0), batch=99).same


def test_an_unknown_id_says_what_the_lake_has(audited):
    with pytest.raises(UnknownTransaction, match=r"those from 0 to 2.*'nobody'.*retention"):
        again(audited, "nobody")


def test_changed_values_of_the_stored_decision_are_named_part_by_part(audited):
    name = audited.an_id(LAST)
    values = {
        "currency": "XXX", "rule_hits": ["invented"], "score": 0.5, "severity": "LOW", "reasons": ["invented"],
        "contributions": "{}", "level": "RULES_ONLY",
    }  # fmt: skip

    def change(rows):
        next(row for row in rows if row["transaction_id"] == name).update(values)

    audited.change(Stage.SCORED, LAST, change)
    result = again(audited, name)
    assert differing(result) == {
        "transaction": ["currency"],
        "rule hits": ["rule_hits"],
        "model outputs": ["score"],
        "decision": ["severity"],
        "reasons": ["reasons", "contributions"],
        "versions": ["level"],
    }
    assert "currency: stored 'XXX', recomputed 'EUR'" in str(result.parts[0].differences[0])
    assert not result.same
    assert [problem.where for problem in result.problems] == ["scored/batch=0000000002/data.parquet"]


def test_a_float_may_not_differ_in_its_last_bit(audited):
    name = audited.an_id(LAST)

    def change(rows):
        row = next(row for row in rows if row["transaction_id"] == name)
        row["features"]["amount_value"] *= 1 + 2**-52

    audited.change(Stage.SCORED, LAST, change)
    assert differing(again(audited, name)) == {"features": ["amount_value"]}


def test_a_changed_decision_of_another_transaction_is_told_by_the_seal_alone(audited):
    audited.change(Stage.SCORED, LAST, lambda rows: rows[0].update(typology="invented"))
    result = again(audited, audited.scored(LAST)["transaction_id"][-1].as_py())
    assert differing(result) == {}
    assert not result.same


def test_a_decision_that_was_removed_is_found_through_the_log(audited):
    name = audited.an_id(LAST)
    audited.change(
        Stage.SCORED, LAST, lambda rows: rows.remove(next(r for r in rows if r["transaction_id"] == name))
    )
    assert differing(again(audited, name)) == {"row": ["rows with this id"]}


def test_a_changed_transaction_shows_in_what_was_made_of_it(audited):
    name = audited.an_id(LAST)

    def change(rows):
        row = next(row for row in rows if row["transaction_id"] == name)
        row["amount"] *= 2

    audited.change(Stage.ACCEPTED, LAST, change)
    result = again(audited, name)
    assert differing(result)["transaction"] == ["amount"]
    assert "amount_value" in differing(result)["features"]
    assert result.problems[0].where == "accepted/batch=0000000002/data.parquet"


def test_a_change_in_an_earlier_batch_is_told_with_its_file(audited):
    audited.change(Stage.ACCEPTED, 0, lambda rows: [row.update(amount=row["amount"] * 3) for row in rows])
    accounts = set(audited.scored(0)["account_id"].to_pylist())
    rows = audited.scored(LAST).to_pylist()
    result = again(audited, next(row["transaction_id"] for row in rows if row["account_id"] in accounts))
    assert [problem.where for problem in result.problems] == ["accepted/batch=0000000000/data.parquet"]
    assert "account_mean_30d" in differing(result)["features"]


def test_changed_labels_are_told_and_show_in_the_features(audited):
    path = "scored/batch=0000000001/labels.parquet"
    told = {
        row["counterparty_id"] for row in audited.lake.read_table(path).to_pylist() if not row["is_fraud"]
    }
    audited.change(
        Stage.SCORED, LABELLED, lambda rows: [row.update(is_fraud=True) for row in rows], "labels.parquet"
    )
    rows = audited.scored(LABELLED).to_pylist()
    last = next(row for row in rows[::-1] if row["counterparty_id"] in told)
    result = again(audited, last["transaction_id"])
    assert [problem.where for problem in result.problems] == [path]
    assert any("fraud" in name for name in differing(result)["features"])


def test_labels_added_to_a_batch_that_had_none_are_told(audited):
    shutil.copy(
        audited.path(Stage.SCORED, LABELLED, "labels.parquet"), audited.path(Stage.SCORED, LAST).parent
    )
    result = again(audited, audited.an_id(LAST))
    assert "expected no labels beside batch 2" in str(result.problems[0])


def test_a_changed_model_is_not_run(audited):
    version = audited.registry.versions()[0]
    name = audited.an_id(LAST)
    flip(audited.folder / f"models/versions/{version}/policy.json")
    result = again(audited, name, registry=audited.registry)
    assert not result.same
    assert "ModelRefused" in result.broken_off
    assert "policy.json" in result.broken_off
    shutil.rmtree(audited.folder / f"models/versions/{version}")
    assert "expected a stored version" in again(audited, name, registry=audited.registry).broken_off


@pytest.mark.parametrize("stage", [Stage.ACCEPTED, Stage.SCORED])
def test_a_file_that_cannot_be_read_is_told(audited, stage):
    name = audited.an_id(LAST)
    flip(audited.path(stage, LAST), at=1)  # the format's own mark
    result = again(audited, name, batch=LAST)
    assert not result.same
    assert f"{stage}/batch=0000000002/data.parquet" in {problem.where for problem in result.problems}


def test_another_model_in_the_manifest_does_not_mislead(audited):
    path = audited.path(Stage.SCORED, LAST, "manifest.json")
    path.write_text(json.dumps(json.loads(path.read_text()) | {"model": "another"}))
    result = again(audited, audited.an_id(LAST))
    assert differing(result) == {}
    assert "expected model = " in str(result.problems[0])
    assert "got 'another'" in str(result.problems[0])


def test_rules_of_another_version_are_told_as_that(audited):
    rules = shipped_rules().current()
    result = again(audited, audited.an_id(LAST), changed(rules, version="other"))
    assert differing(result) == {"versions": ["ruleset_version"]}
    assert f"decided with rule set {rules.version}; at hand is other" in result.notes[0]


def test_a_batch_without_a_seal_is_told(audited):
    audited.path(Stage.SCORED, LAST, "seal.json").unlink()
    result = again(audited, audited.an_id(LAST))
    assert differing(result) == {}
    assert "expected a seal of batch 2, got none" in str(result.problems[0])


def test_a_batch_that_does_not_say_what_it_was_scored_with_is_not_guessed_at(audited):
    for name in ("seal.json", "manifest.json"):
        audited.path(Stage.SCORED, LAST, name).unlink()
    assert "got no lists and no model and no ruleset" in again(audited, audited.an_id(LAST)).broken_off


def test_the_command_ends_with_0_1_and_2(audited, monkeypatch, capsys):
    monkeypatch.setenv("TIDEWATCH_LAKE_URI", audited.folder.as_uri())
    settings.cache_clear()
    try:
        name = audited.an_id(LAST)
        assert command.main([name, "--lake-only"]) == 0
        assert "the same to the byte" in capsys.readouterr().out
        audited.change(Stage.SCORED, LAST, lambda rows: [row.update(severity="?") for row in rows])
        assert command.main([name, "--lake-only"]) == 1
        assert "decision differ in severity: stored '?'" in capsys.readouterr().out
        assert command.main(["nobody", "--lake-only"]) == 2
    finally:
        settings.cache_clear()


def test_a_batch_that_a_candidate_decided_a_share_of_is_replayed(make_bank, bundle, other_bundle):
    bank = make_bank()
    registry = model_registry(bank.lake, gate=lambda: None)
    registry.publish(bundle)
    registry.publish(other_bundle, promote=False)
    registry.promote(other_bundle.version, share=0.4, by="ann")
    live = changed(bank, registry=registry)
    live.run(2)
    rows = live.lake.read_table(f"{batch_folder(Stage.SCORED, 1)}/data.parquet")
    by_model = dict(zip(rows["model_version"].to_pylist(), rows["transaction_id"].to_pylist(), strict=True))
    assert set(by_model) == {bundle.version, other_bundle.version}
    for transaction_id in by_model.values():
        result = replay(
            live.lake, transaction_id, as_then(model_registry(live.lake), lambda facts: NoRules())
        )
        assert result.same, result
