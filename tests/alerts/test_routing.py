from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.alerts.alert import Alert, Severity
from include.alerts.contacts import Contact, SimulatedCustomers
from include.alerts.routing import NEVER_TOLD_TO_CUSTOMERS, Condition, Router, Routing, RoutingRule, Tell
from include.alerts.routing_file import TYPOLOGIES, load_routing
from tests.alerts.examples import alert

ROUTER = Router(load_routing(environ={}), SimulatedCustomers())
DESK, LEAD, AML = "fraud-desk@example.com", "fraud-lead@example.com", "aml-desk@example.com"
LEAD_ON_SLACK = "C0FRAUDLEAD"
CUSTOMER = "customer+C-77@example.com"

ALERTS = st.builds(
    alert,
    severity=st.sampled_from(Severity),
    typology=st.sampled_from(TYPOLOGIES),
    amount=st.decimals(Decimal("0.01"), Decimal("1e6"), places=2),
    channel=st.sampled_from(("POS", "ONLINE", "ATM", "BRANCH", "MOBILE")),
    customer_id=st.sampled_from((None, "C-77")),
)


def told(of: Alert, router: Router = ROUTER) -> set[str]:
    return {d.recipient for d in router.deliveries_of(of)}


@pytest.mark.parametrize(
    "typology", ["account_takeover", "impossible_travel", "card_testing", "large_amount"]
)
@pytest.mark.parametrize("severity", [Severity.HIGH, Severity.CRITICAL])
def test_the_customer_is_told_of_what_he_can_stop(typology: str, severity: Severity) -> None:
    assert CUSTOMER in told(alert(typology=typology, severity=severity))


def test_the_customer_is_not_told_of_a_medium_alert() -> None:
    assert told(alert(severity=Severity.MEDIUM)) == {DESK}


def test_laundering_goes_to_its_desk_and_never_to_the_customer() -> None:
    assert told(alert(typology="structuring", severity=Severity.CRITICAL)) == {DESK, LEAD, LEAD_ON_SLACK, AML}


def test_large_sums_online_go_to_the_lead() -> None:
    large: dict[str, Any] = {"amount": Decimal(25000), "severity": Severity.MEDIUM}
    assert told(alert(**large)) == {DESK, LEAD}
    assert told(alert(**large, channel="BRANCH")) == {DESK}


def test_an_alert_without_a_customer_goes_to_staff_only() -> None:
    assert told(alert(customer_id=None)) == {DESK}


def test_language_comes_with_the_contact() -> None:
    languages = {d.recipient: d.language for d in ROUTER.deliveries_of(alert(typology="mule_account"))}
    assert languages == {DESK: "en", AML: "de"}


@given(ALERTS)
@settings(max_examples=60)
def test_laws_of_the_file_in_the_repository(of: Alert) -> None:
    deliveries = ROUTER.deliveries_of(of)
    assert deliveries == ROUTER.deliveries_of(of)
    assert (
        len({d.delivery_id for d in deliveries}) == len({d.recipient for d in deliveries}) == len(deliveries)
    )
    assert DESK in {d.recipient for d in deliveries}
    if of.typology in NEVER_TOLD_TO_CUSTOMERS:
        assert all(d.audience == "staff" for d in deliveries)


@given(ALERTS, st.sampled_from(Severity))
@settings(max_examples=40)
def test_a_graver_alert_is_told_to_no_fewer(of: Alert, other: Severity) -> None:
    lesser, graver = sorted((of.severity, other), key=lambda s: s.rank)
    assert told(alert(typology=of.typology, amount=of.amount, severity=lesser)) <= told(
        alert(typology=of.typology, amount=of.amount, severity=graver)
    )


def _routing(match: str, rules: Iterable[tuple[Condition, tuple[str, ...]]]) -> Router:
    groups = {
        "a": Contact({"email": "a@example.com"}, "en"),
        "b": Contact({"email": "b@example.com"}, "en"),
        "twin": Contact({"email": "a@example.com"}, "de"),
    }
    made = tuple(
        RoutingRule(str(i), when, tuple(Tell(name) for name in tell)) for i, (when, tell) in enumerate(rules)
    )
    return Router(Routing(groups, "first" if match == "first" else "all", made), SimulatedCustomers())


def test_first_match_stops_at_the_first_rule_that_fits() -> None:
    rules = [
        (Condition(currencies=frozenset({"USD"})), ("b",)),
        (Condition(currencies=frozenset({"EUR"})), ("a",)),
        (Condition(), ("b",)),
    ]
    assert told(alert(), _routing("first", rules)) == {"a@example.com"}
    assert told(alert(), _routing("all", rules)) == {"a@example.com", "b@example.com"}


def test_two_groups_with_one_address_get_one_message() -> None:
    deliveries = _routing("all", [(Condition(), ("a", "twin"))]).deliveries_of(alert())
    assert [d.recipient for d in deliveries] == ["a@example.com"]


def test_a_routing_built_in_code_cannot_tip_off_either() -> None:
    router = _routing("all", [(Condition(), ("customer",))])
    assert told(alert(typology="mule_account"), router) == set()
