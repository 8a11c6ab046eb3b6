from pathlib import Path
from textwrap import dedent

import pytest

from include.alerts.errors import RoutingError
from include.alerts.routing_file import load_routing

GOOD = """\
groups:
  desk: {address: desk@example.com}
match: all
rules:
  - name: everything
    tell: [desk]
"""


def _file(folder: Path, text: str) -> Path:
    path = folder / "routing.yaml"
    path.write_text(dedent(text), encoding="utf-8")
    return path


def test_the_file_in_the_repository_is_good() -> None:
    routing = load_routing(environ={})
    assert set(routing.groups) == {"fraud_desk", "fraud_lead", "aml_desk"}
    assert all(contact.address.endswith("@example.com") for contact in routing.groups.values())


def test_an_address_comes_from_the_argument_before_the_environment_before_the_file(tmp_path: Path) -> None:
    path = _file(tmp_path, GOOD)
    environ = {"TIDEWATCH_ALERT_GROUP_DESK": "environment@example.com"}
    assert load_routing(path, environ={}).groups["desk"].address == "desk@example.com"
    assert load_routing(path, environ=environ).groups["desk"].address == "environment@example.com"
    argument = load_routing(path, {"desk": "argument@example.com"}, environ)
    assert argument.groups["desk"].address == "argument@example.com"


def test_an_address_for_a_group_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RoutingError, match="desks, which is no group of this file"):
        load_routing(_file(tmp_path, GOOD), {"desks": "a@example.com"}, environ={})


@pytest.mark.parametrize(
    ("found", "wrong", "line", "expected"),
    [
        ("match: all", "match: some", 3, 'expected one of all, first; got "some"'),
        ("match: all", "mach: all", 3, "expected one of the keys groups, rules, match, timezone"),
        ("tell: [desk]", "tell: [dsk]", 6, 'expected one of desk, customer; got "dsk"'),
        ("tell: [desk]", "tell: []", 6, "expected a list with at least one entry"),
        ("tell: [desk]", "tell: desk", 6, "expected a list with at least one entry"),
        ("tell: [desk]", "tell: [customer]", 6, "tipping off"),
        (
            "tell: [desk]",
            "tell: [customer]\n    when: {typology: [mule_account]}",
            6,
            "without mule_account and structuring",
        ),
        (
            "tell: [desk]",
            "when: {severity: [HIHG]}\n    tell: [desk]",
            6,
            'LOW, MEDIUM, HIGH, CRITICAL; got "HIHG"',
        ),
        ("tell: [desk]", "when: {typology: [theft]}\n    tell: [desk]", 6, "expected one of card_testing"),
        ("tell: [desk]", "when: {channel: [PHONE]}\n    tell: [desk]", 6, "expected one of POS"),
        ("tell: [desk]", "when: {amount_at_least: -5}\n    tell: [desk]", 6, "expected an amount above 0"),
        ("tell: [desk]", "when: {amount_at_least: much}\n    tell: [desk]", 6, "expected an amount above 0"),
        ("tell: [desk]", "when: {amount_at_least: .nan}\n    tell: [desk]", 6, "expected an amount above 0"),
        ("tell: [desk]", "when: {currency: [euro]}\n    tell: [desk]", 6, "ISO 4217"),
        (
            "tell: [desk]",
            "when: {severity: [LOW], severity_at_least: HIGH}\n    tell: [desk]",
            6,
            "severity or severity_at_least, got both",
        ),
        ("    tell: [desk]", "", 5, "expected the key tell, which is missing"),
        ("desk@example.com", "desk", 2, "expected one e-mail address for group desk"),
        ("desk@example.com", '"a@example.com, b@example.com"', 2, "expected one e-mail address"),
        ("desk: {", "Desk: {", 2, "expected a group name"),
        ("desk: {", "customer: {", 2, "expected a group name"),
        ("match: all", "match: all\nmatch: first", 4, "stands here twice"),
        ("rules:", "rules: [", 5, "expected YAML"),
    ],
)
def test_a_mistake_is_reported_with_file_line_and_what_was_expected(
    tmp_path: Path, found: str, wrong: str, line: int, expected: str
) -> None:
    assert found in GOOD
    path = _file(tmp_path, GOOD.replace(found, wrong, 1))
    with pytest.raises(RoutingError) as caught:
        load_routing(path, environ={})
    assert expected in str(caught.value)
    assert str(caught.value).startswith(f"{path}:{line}: ")


def test_an_empty_or_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RoutingError, match="empty file"):
        load_routing(_file(tmp_path, "# nothing\n"), environ={})
    with pytest.raises(RoutingError, match="expected a readable UTF-8 file"):
        load_routing(tmp_path / "nowhere.yaml", environ={})
