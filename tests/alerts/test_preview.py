import json
from pathlib import Path

import pytest

from include.alerts import preview, rendering
from include.alerts.preview import main
from include.alerts.rendering import AUDIENCES, DIGEST
from include.alerts.routing_file import LANGUAGES


@pytest.mark.parametrize("audience", [*AUDIENCES, DIGEST])
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_audience_can_be_looked_at(
    audience: str, language: str, capsys: pytest.CaptureFixture[str]
) -> None:
    choice = ["--audience", audience, "--language", language]
    shown = {}
    for form in ("text", "html", "sms", "json"):
        assert main([*choice, "--format", form]) == 0
        shown[form] = capsys.readouterr().out
    assert shown["text"].startswith("To: ")
    assert f'<html lang="{language}">' in shown["html"]
    assert len(shown["sms"].strip()) <= 306
    assert "link" in json.loads(shown["json"])
    assert "DE02120300000000202051" not in "".join(shown.values())


def test_all_of_them_can_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--out", str(tmp_path / "previews")]) == 0
    written = {path.name for path in (tmp_path / "previews").iterdir()}
    assert len(written) == 4 * len(LANGUAGES) * 4
    assert {"customer.de.txt", "digest.en.html", "staff.de.sms.txt", "escalation.en.json"} <= written
    first = {path.name: path.read_text() for path in (tmp_path / "previews").iterdir()}
    main(["--out", str(tmp_path / "previews")])
    assert {path.name: path.read_text() for path in (tmp_path / "previews").iterdir()} == first
    assert "32 files" in capsys.readouterr().out


def test_links_can_be_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--without-links"])
    without = capsys.readouterr().out
    assert "holds no link" in without
    assert "http" not in without


def test_a_template_that_fails_is_said_plainly(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(rendering, "values_of", lambda *_: {})
    assert preview.main(["--audience", "staff"]) == 1
    assert "expected the templates staff.en.* to render" in capsys.readouterr().err


def test_a_folder_that_cannot_be_written_is_said_plainly(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    assert main(["--out", str(tmp_path / "file" / "below")]) == 1
    assert capsys.readouterr().err.startswith("preview: ")
