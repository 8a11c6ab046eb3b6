import json

import pytest

from include.evaluation import __main__ as command
from include.evaluation.dataset import load_dataset
from include.evaluation.errors import DatasetRefused
from include.settings import Settings


@pytest.fixture
def evaluate(files, tmp_path, monkeypatch):
    path, mapping = files
    monkeypatch.setattr(command, "settings", lambda: Settings(reports_dir=tmp_path))

    def run(*more: str) -> tuple[int, dict]:
        code = command.main(
            [str(path), "--mapping", str(mapping), "--train-days", "12", "--threads", "1", *more]
        )
        written = tmp_path / "evaluation.json"
        return code, json.loads(written.read_text()) if written.exists() else {}

    return run


@pytest.mark.slow
def test_the_reports_tell_every_fold_the_mean_and_the_checks(evaluate, tmp_path):
    code, document = evaluate("--folds", "2026-01-04,2026-01-06")
    assert [fold["start"] for fold in document["folds"]] == ["2026-01-04", "2026-01-06"]
    for name in ("auc_roc", "average_precision", "card_precision_at_100"):
        values = [fold[name] for fold in document["folds"]]
        assert document["mean"][name] == pytest.approx(sum(values) / 2)
        assert document["standard_deviation"][name] >= 0
    assert document["mean"]["auc_roc"] > 0.8
    checks = {check["name"]: check for check in document["checks"]}
    assert checks["features know no label inside the delay"]["holds"]
    assert set(checks["strict average_precision"]) == {"name", "value", "must", "aim", "holds"}
    assert code == (0 if all(check["holds"] for check in checks.values()) else 1)
    page = (tmp_path / "evaluation.html").read_text()
    assert page.count("<svg") == 2
    assert "2026-01-06" in page
    assert (tmp_path / "evaluation-roc.svg").read_text().startswith("<svg")


@pytest.mark.slow
def test_the_same_seed_gives_the_same_numbers(evaluate):
    metrics = [evaluate("--folds", "2026-01-04")[1]["mean"] for _ in range(2)]
    assert metrics[0] == metrics[1]


def test_a_fold_outside_the_data_is_told_with_exit_code_2(evaluate, capsys):
    assert evaluate("--folds", "2027-01-01") == (2, {})
    assert "choose other FOLDS" in " ".join(capsys.readouterr().out.split())


def test_data_without_labels_is_refused(files, tmp_path):
    path, mapping = files
    bare = tmp_path / "bare.yaml"
    bare.write_text(mapping.read_text().split("labels:")[0])
    with pytest.raises(DatasetRefused, match="mapping with labels"):
        load_dataset(path, bare, 7)
