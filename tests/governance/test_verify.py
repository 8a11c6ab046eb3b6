"""Whatever is changed in a sealed lake is found, and told with its file; what retention deletes is not."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from include.auditing import verify as command
from include.governance.audit import AuditChain
from include.governance.decisions import decision_chain, seal_batch, seal_of, sealed_files
from include.governance.verify import verify_audit
from include.pipeline.retention import delete_batches
from include.reports.checks import exit_code
from include.settings import settings
from include.stores.lake.ledger import Stage, batch_folder
from tests.pipeline.audited_bank import BATCHES, LABELLED, flip


def found(bank):
    return [problem.where for problem in verify_audit(bank.lake).problems]


def test_a_lake_as_it_was_scored_holds(audited):
    result = verify_audit(audited.lake)
    assert result.problems == []
    assert exit_code(result.checks) == 0
    assert (result.sealed, result.files, result.models, result.scored) == (
        BATCHES,
        2 * BATCHES + 1,
        1,
        BATCHES,
    )


def test_a_seal_has_hashes_versions_and_configuration(audited):
    content = seal_of(audited.lake, LABELLED).content
    assert set(content["files"]) == set(sealed_files(LABELLED))
    assert content["versions"]["model"] == next(iter(content["models"])) == audited.registry.versions()[0]
    assert content["rulesets"] == audited.scored(0)["ruleset_version"].unique().to_pylist()
    assert {"xgboost", "scikit-learn", "pyarrow", "python"} <= set(content["code"]["libraries"])
    assert content["rows"] == 70


@examples(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_changed_byte_of_a_sealed_file_is_found(audited, data):
    batch = data.draw(st.integers(0, BATCHES - 1))
    name = data.draw(st.sampled_from([path for path in sealed_files(batch) if audited.lake.exists(path)]))
    path = audited.folder / name
    before = path.read_bytes()
    flip(path, data.draw(st.integers(0, len(before) - 1)))
    try:
        assert found(audited) == [name]
    finally:
        path.write_bytes(before)


@pytest.mark.parametrize("name", ["data.parquet", "labels.parquet"])
def test_a_removed_file_is_found(audited, name):
    path = audited.path(Stage.SCORED, LABELLED, name)
    path.unlink()
    assert found(audited) == [f"scored/batch=0000000001/{name}"]


def test_added_labels_and_a_changed_manifest_are_found(audited):
    shutil.copy(audited.path(Stage.SCORED, LABELLED, "labels.parquet"), audited.path(Stage.SCORED, 0).parent)
    path = audited.path(Stage.SCORED, 2, "manifest.json")
    path.write_text(json.dumps(json.loads(path.read_text()) | {"scored_at": "2020-01-01T00:00:00+00:00"}))
    assert found(audited) == [
        "scored/batch=0000000000/labels.parquet",
        "scored/batch=0000000002/manifest.json",
    ]


def test_a_batch_nobody_sealed_is_found(audited):
    folder = audited.path(Stage.SCORED, 0).parent
    shutil.copytree(folder, folder.with_name("batch=0000000003"))
    audited.ledger.complete(Stage.SCORED, 3, {})
    result = verify_audit(audited.lake)
    assert [str(problem) for problem in result.without_seal] == [
        "scored/batch=0000000003: expected a seal of batch 3, got none"
    ]
    assert exit_code(result.checks) == 1


def test_a_batch_sealed_twice_keeps_its_seal_and_one_scored_otherwise_gets_another(audited):
    seal = seal_of(audited.lake, 1)
    assert seal_batch(audited.lake, 1, seal.content["versions"]) == seal
    audited.change(Stage.SCORED, 1, lambda rows: rows[0].update(severity="LOW"))
    assert len(found(audited)) == 1
    another = seal_batch(audited.lake, 1, seal.content["versions"], actor="eve")
    assert (another.earlier, another.actor) == (seal.number, "eve")  # seen: the amendment stays
    assert found(audited) == []
    assert decision_chain(audited.lake).head().number == BATCHES + 1


def test_changed_models_and_promotions_are_found(audited):
    version = audited.registry.versions()[0]
    model, promotion = f"models/versions/{version}", "models/promotions/00000001.json"
    flip(audited.folder / model / "policy.json")
    (audited.folder / model / "extra.json").write_text("{}")
    assert found(audited) == [f"{model}/policy.json", f"{model}/extra.json"]
    (audited.folder / model / "extra.json").unlink()
    document = json.loads((audited.folder / promotion).read_text())
    (audited.folder / promotion).write_text(json.dumps(document | {"manifest_sha256": "0" * 64}))
    assert found(audited) == [f"{model}/policy.json", promotion]


def test_a_manifest_that_was_written_to_fit_changed_files_is_found_by_seal_and_promotion(audited):
    version = audited.registry.versions()[0]
    path = audited.folder / f"models/versions/{version}/manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"seed": 2}))
    assert found(audited) == [f"models/versions/{version}/manifest.json"] * BATCHES + [
        "models/promotions/00000001.json"
    ]


def done(bank, count):
    for stage in (Stage.ALERTED, Stage.STORED):
        for number in range(count):
            bank.ledger.complete(stage, number, {})


def test_what_retention_deletes_is_gone_and_no_problem(audited):
    done(audited, BATCHES)
    later = datetime.now(UTC) + timedelta(days=3)
    assert delete_batches(audited.lake, audited.ledger, timedelta(days=1), later, checked=2) == 2
    result = verify_audit(audited.lake)
    assert (result.problems, result.deleted, result.sealed) == ([], 2, BATCHES)
    record = next(AuditChain(audited.lake, "retention").records())
    assert record.content["from_to"] == [[0, 1]]
    shutil.rmtree(audited.path(Stage.SCORED, 2).parent)
    assert found(audited) == ["scored/batch=0000000002/data.parquet"]


def test_what_is_left_of_a_batch_that_retention_deletes_must_be_as_it_was_sealed(audited, monkeypatch):
    class Killed(BaseException):
        pass

    def killed(lake, path):
        if path.startswith("accepted"):
            raise Killed
        original(lake, path)

    original = type(audited.lake).delete_folder
    monkeypatch.setattr(type(audited.lake), "delete_folder", killed)
    done(audited, BATCHES)
    later = datetime.now(UTC) + timedelta(days=3)
    with pytest.raises(Killed):
        delete_batches(audited.lake, audited.ledger, timedelta(days=1), later, checked=1)
    monkeypatch.undo()
    assert found(audited) == []
    flip(audited.path(Stage.ACCEPTED, 0))
    assert found(audited) == ["accepted/batch=0000000000/data.parquet"]


def test_a_deletion_by_hand_is_not_excused_by_a_later_one_of_retention(audited):
    done(audited, BATCHES)
    for stage in (Stage.ACCEPTED, Stage.SCORED):
        shutil.rmtree(audited.folder / batch_folder(stage, 1))
    later = datetime.now(UTC) + timedelta(days=3)
    delete_batches(audited.lake, audited.ledger, timedelta(days=1), later, checked=BATCHES)
    assert set(found(audited)) == {
        "accepted/batch=0000000001/data.parquet",
        "scored/batch=0000000001/data.parquet",
        "scored/batch=0000000001/labels.parquet",
    }


class SecondStore:
    """Has every row of every batch, unless told otherwise."""

    def __init__(self, bank, rows=None, heads=None):
        self.rows = rows or {batch: bank.scored(batch).num_rows for batch in range(BATCHES)}
        self.heads = heads or {}
        self.compared = []

    def witnesses(self):
        return self.heads

    def row_problems(self, scored, batch):
        self.compared.append((batch, scored.num_rows))
        return []

    def rows_by_batch(self):
        return {"decisions": self.rows}


def test_stored_batches_are_compared_and_no_others(audited):
    done(audited, 2)
    store = SecondStore(audited)
    result = verify_audit(audited.lake, store)
    assert store.compared == [(0, 70), (1, 70)]
    assert (result.problems, result.rows_compared) == ([], 140)
    assert exit_code(result.checks) == 0


def test_rows_nobody_accounts_for_are_found(audited):
    done(audited, BATCHES)
    rows = {0: 70, 1: 71, 2: 70, BATCHES: 1}
    problems = verify_audit(audited.lake, SecondStore(audited, rows)).problems
    assert [problem.where for problem in problems] == ["decisions, batch 1", f"decisions, batch {BATCHES}"]


def test_a_chain_the_lake_no_longer_has_is_found_by_its_witness(audited):
    heads = {name: [decision_chain(audited.lake).head()] for name in ("decisions", "actions")}
    problems = verify_audit(audited.lake, SecondStore(audited, heads=heads)).problems
    assert [problem.where for problem in problems] == ["audit/actions/0000000003.json"]


def test_the_command_writes_a_report_and_fails_without_cassandra(audited, monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("TIDEWATCH_LAKE_URI", audited.folder.as_uri())
    monkeypatch.setenv("TIDEWATCH_REPORTS_DIR", str(tmp_path / "reports"))
    settings.cache_clear()
    try:
        assert command.main(["--lake-only"]) == 0
        document = json.loads((tmp_path / "reports/audit.json").read_text())
        assert document["heads"]["decisions"]["number"] == BATCHES
        assert all(check["holds"] for check in document["checks"])
        head = document["heads"]["decisions"]["sha256"]
        assert f"chain decisions: {BATCHES} records, head {head}" in capsys.readouterr().out
        assert command.main(["--cassandra-port", "1"]) == 1
        assert "LAKE_ONLY=1" in capsys.readouterr().out
        flip(audited.path(Stage.SCORED, 0))
        assert command.main(["--lake-only"]) == 1
        assert "found: scored/batch=0000000000/data.parquet" in capsys.readouterr().out
    finally:
        settings.cache_clear()
