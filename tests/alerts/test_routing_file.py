from datetime import time, timedelta
from pathlib import Path
from textwrap import dedent

import pytest

from include.alerts.alert import Severity
from include.alerts.errors import RoutingError
from include.alerts.limits import Limits
from include.alerts.quiet_hours import WallHours
from include.alerts.routing import Escalation, Tell
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


FULL = """\
timezone: Europe/Berlin
segments: [retail, wealth]
groups:
  desk: {email: desk@example.com, sms: "+999123456789", slack: C024BE91L0X, webhook: case-system}
  lead: {sms: "+999123456780", language: de}
rules:
  - name: nights
    when: {segment: [wealth], hour: 22-06, typology: [large_amount]}
    tell: [desk, {lead: [sms]}, {customer: [sms, email]}]
escalation:
  HIGH: {after_minutes: 30, tell: [{lead: [sms]}]}
repeats: {window_minutes: 45}
limits: {alerts_per_minute: 60, digest_every_seconds: 90, sends_per_second: {sms: 0.5}}
"""


def test_everything_a_file_may_say(tmp_path: Path) -> None:
    routing = load_routing(_file(tmp_path, FULL), environ={})
    (rule,) = routing.rules
    assert rule.tell == (Tell("desk", ("email",)), Tell("lead", ("sms",)), Tell("customer", ("sms", "email")))
    assert rule.when.segments == {"wealth"}
    assert rule.when.hours == WallHours(time(22), time(6))
    assert routing.zone.key == "Europe/Berlin"
    assert routing.groups["lead"].addresses == {"sms": "+999123456780"}
    assert routing.groups["desk"].addresses.keys() == {"email", "sms", "slack", "webhook"}
    assert routing.escalation == {Severity.HIGH: Escalation(timedelta(minutes=30), (Tell("lead", ("sms",)),))}
    assert routing.repeat_window == timedelta(minutes=45)
    assert routing.limits == Limits(60, timedelta(seconds=90), {"sms": 0.5})


def test_what_a_file_leaves_out_has_a_default(tmp_path: Path) -> None:
    routing = load_routing(_file(tmp_path, GOOD), environ={})
    assert (routing.limits, routing.escalation) == (Limits(), {})
    assert (routing.zone.key, routing.repeat_window) == ("UTC", timedelta(minutes=30))
    assert Limits().alerts_per_minute == 300


def test_an_address_of_any_channel_can_be_replaced(tmp_path: Path) -> None:
    environ = {
        "TIDEWATCH_ALERT_GROUP_DESK_SMS": "+999555555555",
        "TIDEWATCH_ALERT_GROUP_LEAD": "l@example.com",
    }
    groups = load_routing(_file(tmp_path, FULL), {"desk_slack": "C0000000001"}, environ).groups
    assert groups["desk"].addresses["sms"] == "+999555555555"
    assert groups["desk"].addresses["slack"] == "C0000000001"
    assert groups["lead"].address == "l@example.com"


@pytest.mark.parametrize(
    ("text", "begin", "until"),
    [("22-06", "22:00", "06:00"), ("18:30-24", "18:30", "00:00"), ("0 - 6:05", "00:00", "06:05")],
)
def test_hours(tmp_path: Path, text: str, begin: str, until: str) -> None:
    (rule,) = load_routing(_file(tmp_path, FULL.replace("22-06", text)), environ={}).rules
    assert rule.when.hours == WallHours(time.fromisoformat(begin), time.fromisoformat(until))


@pytest.mark.parametrize(
    ("found", "wrong", "line", "expected"),
    [
        ("Europe/Berlin", "Berlin", 1, 'IANA list, such as Europe/Berlin, got "Berlin"'),
        ("retail, wealth", "Retail", 2, "expected a segment of lower-case letters"),
        ("desk@example.com", "desk", 4, "expected one e-mail address for group desk"),
        ('"+999123456789"', "0301", 4, "expected a telephone number as in E.164"),
        ("C024BE91L0X", "'#fraud'", 4, "expected the id of a Slack channel"),
        ("webhook: case-system", "webhook: https://x", 4, "expected the name of a webhook"),
        ("webhook: case-system", "address: b@example.com", 4, "expected address or email"),
        ("webhook: case-system", "pigeon: loft", 4, 'got "pigeon"'),
        ('sms: "+999123456780", language: de', "language: de", 5, "expected an address for group lead"),
        ("[wealth]", "[wealthy]", 8, 'expected one of retail, wealth; got "wealthy"'),
        ("22-06", "22", 8, "expected two different times of day"),
        ("22-06", "22-22", 8, "expected two different times of day"),
        ("22-06", "25-06", 8, "expected two different times of day"),
        ("22-06", "22-26", 8, "expected two different times of day"),
        (
            "tell: [desk, {lead: [sms]}, ",
            "tell: [desk, {lead: [email]}, ",
            9,
            "lead can be reached on (sms), got email",
        ),
        ("tell: [desk, {lead: [sms]}, ", "tell: [desk, lead, ", 9, "lead can be reached on (sms), got email"),
        (
            "{customer: [sms, email]}",
            "{customer: [slack]}",
            9,
            "customer can be reached on (email, sms), got slack",
        ),
        (
            "{customer: [sms, email]}",
            "{customer: [fax]}",
            9,
            'expected one of email, sms, slack, webhook; got "fax"',
        ),
        ("{customer: [sms, email]}", "{customer: []}", 9, "expected a list with at least one entry"),
        (
            "{customer: [sms, email]}",
            "{customer: [sms], desk: [sms]}",
            9,
            "expected one name with its channels",
        ),
        (", typology: [large_amount]", "", 9, "tipping off"),
        ("HIGH: {", "URGENT: {", 11, "expected one of the keys LOW, MEDIUM, HIGH, CRITICAL"),
        ("after_minutes: 30", "after_minutes: soon", 11, "expected a number of minutes of at least 1"),
        ("tell: [{lead: [sms]}]", "tell: [customer]", 11, 'expected one of desk, lead; got "customer"'),
        ("window_minutes: 45", "window_minutes: -1", 12, "of at least 0"),
        ("alerts_per_minute: 60", "alerts_per_minute: 0", 13, "expected a number of alerts of at least 1"),
        ("sms: 0.5", "sms: 0", 13, "expected a number of messages"),
        ("sms: 0.5", "fax: 1", 13, 'got "fax"'),
    ],
)
def test_a_mistake_in_a_full_file_is_reported_with_its_line(
    tmp_path: Path, found: str, wrong: str, line: int, expected: str
) -> None:
    assert found in FULL
    path = _file(tmp_path, FULL.replace(found, wrong, 1))
    with pytest.raises(RoutingError) as caught:
        load_routing(path, environ={})
    assert expected in str(caught.value)
    assert str(caught.value).startswith(f"{path}:{line}: ")
