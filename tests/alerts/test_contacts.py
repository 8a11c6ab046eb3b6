import dataclasses
from datetime import datetime, time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.alerts.contacts import (
    CUSTOMER_CHANNELS,
    SEGMENTS,
    Customer,
    SimulatedCustomers,
    simulated_customers,
)
from include.alerts.errors import CustomerError

(GOOD,) = simulated_customers(["C-1"])


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ({"customer_id": ""}, "expected a customer_id of 1 to 64 characters"),
        ({"segment": "Private"}, 'lower-case letters, digits and _, got "Private"'),
        ({"language": "english"}, 'ISO 639-1, such as en, got "english"'),
        ({"email": "a@b, c@d.example"}, "expected one e-mail address"),
        ({"phone": "0301234567"}, "E.164, such as \\+49301234567, got another text of 10 characters"),
        ({"quiet_from": time(22), "quiet_until": None}, "quiet_from and quiet_until or neither"),
        ({"quiet_from": time(22), "quiet_until": time(22)}, "differ from quiet_from, got 22:00 for both"),
        ({"quiet_from": time(22), "quiet_until": time(7, 0, 1)}, "in whole minutes"),
        ({"timezone": "Europe/Atlantis"}, 'IANA list, such as Europe/Berlin, got "Europe/Atlantis"'),
        ({"timezone": "Europe"}, "IANA list"),
        ({"timezone": "../etc/passwd"}, "IANA list"),
        ({"updated_at": datetime(2026, 1, 1)}, "updated_at with a zone"),
    ],
)
def test_what_cannot_be_meant_is_refused(wrong: dict[str, object], expected: str) -> None:
    with pytest.raises(CustomerError, match=expected):
        dataclasses.replace(GOOD, **wrong)


def test_all_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(CustomerError, match=r"(?s)customer ••••1.*segment.*language.*time zone"):
        dataclasses.replace(GOOD, segment="", language="", timezone="")


@pytest.mark.parametrize(
    ("changes", "email", "sms"),
    [
        ({"consent_email": True, "consent_sms": True}, True, True),
        ({"consent_email": False, "consent_sms": True}, False, True),
        ({"consent_email": True, "consent_sms": True, "phone": None}, True, False),
        ({"consent_email": True, "consent_sms": False, "email": None}, False, False),
    ],
)
def test_a_customer_consents_where_there_is_consent_and_an_address(
    changes: dict[str, object], email: bool, sms: bool
) -> None:
    customer = dataclasses.replace(GOOD, **changes)
    assert [customer.consents(channel) for channel in ("email", "sms", "slack")] == [email, sms, False]


@given(st.text(min_size=1, max_size=64))
@settings(max_examples=60)
def test_an_invented_customer_is_always_the_same_and_nobody(customer_id: str) -> None:
    (customer,) = simulated_customers([customer_id])
    assert SimulatedCustomers().get_many([customer_id]) == {customer_id: customer}
    local, _, domain = str(customer.email).partition("@")
    assert domain == "example.com"
    assert local.removeprefix("customer+").replace("-", "").replace("_", "").isalnum()
    assert local.isascii()
    assert len(local) <= 64
    assert str(customer.phone).startswith("+999")
    assert customer.segment in SEGMENTS


def test_invented_customers_are_of_all_kinds() -> None:
    many: list[Customer] = list(simulated_customers(f"C-{n}" for n in range(300)))
    assert {one.segment for one in many} == set(SEGMENTS)
    assert {one.language for one in many} == {"en", "de"}
    for channel in CUSTOMER_CHANNELS:
        assert {one.consents(channel) for one in many} == {True, False}
    assert {one.quiet_hours is None for one in many} == {True, False}
    assert len({one.phone for one in many}) == len({one.email for one in many}) == 300
