"""Where people can be reached: groups of staff, and customers with what they consent to."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

from include.alerts.errors import CustomerError
from include.alerts.masking import mask_account, mask_contacts
from include.alerts.quiet_hours import WallHours

EMAIL = "email"
SMS = "sms"

_EMAIL = re.compile(r"[^@\s<>,;\"]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
_PHONE = re.compile(r"\+[1-9][0-9]{6,14}")
#: What an address looks like on each channel, and how to say so.
ADDRESSES: Mapping[str, tuple[re.Pattern[str], str]] = {
    EMAIL: (_EMAIL, "one e-mail address"),
    SMS: (_PHONE, "a telephone number as in E.164, such as +49301234567"),
    "slack": (re.compile(r"[CGDUW][A-Z0-9]{6,20}"), "the id of a Slack channel, such as C024BE91L0X"),
    "webhook": (re.compile(r"[a-z][a-z0-9_-]*"), "the name of a webhook, such as case-system"),
}
CHANNELS = tuple(ADDRESSES)
CUSTOMER_CHANNELS = (EMAIL, SMS)

SEGMENTS = ("private", "premium", "business")
_SEGMENT = re.compile(r"[a-z][a-z0-9_]*")
_LANGUAGE = re.compile(r"[a-z]{2}")
#: What may stand in the local part of an address as it is.
_PLAIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]{0,53}[A-Za-z0-9])?")


@dataclass(frozen=True, slots=True)
class Contact:
    """A group of staff: an address for each channel it can be reached on."""

    addresses: Mapping[str, str]
    language: str  # ISO 639-1

    @property
    def address(self) -> str | None:
        """The e-mail address."""
        return self.addresses.get(EMAIL)


@dataclass(frozen=True, slots=True)
class Customer:
    """The holder of an account, as far as alerts need to know.

    Raises
    ------
    CustomerError
        Something in it cannot be meant; the message names all of it.
    """

    customer_id: str
    segment: str
    language: str  # ISO 639-1
    email: str | None
    phone: str | None  # E.164
    consent_email: bool
    consent_sms: bool
    quiet_from: time | None  # on the customer's clock, whole minutes
    quiet_until: time | None
    timezone: str  # IANA
    updated_at: datetime

    def __post_init__(self) -> None:
        problems = list(_problems(self))
        if problems:
            # Into logs: so the customer is masked, and of an address only its length is told.
            raise CustomerError(f"customer {mask_account(self.customer_id)}: {'; '.join(problems)}")

    def address_on(self, channel: str) -> str | None:
        """The address on a channel, or None."""
        return {EMAIL: self.email, SMS: self.phone}.get(channel)

    def consents(self, channel: str) -> bool:
        """Whether messages may be sent on ``channel``: consent given, and an address to send to."""
        agreed = {EMAIL: self.consent_email, SMS: self.consent_sms}.get(channel, False)
        return agreed and self.address_on(channel) is not None

    @property
    def quiet_hours(self) -> WallHours | None:
        """When the customer is not to be disturbed, on a clock in ``zone``."""
        if self.quiet_from is None or self.quiet_until is None:
            return None
        return WallHours(self.quiet_from, self.quiet_until)

    @property
    def zone(self) -> ZoneInfo:
        """The time zone."""
        return ZoneInfo(self.timezone)


def _problems(customer: Customer) -> Iterator[str]:
    """What cannot be meant, in words."""
    if not 1 <= len(customer.customer_id) <= 64:
        yield f"expected a customer_id of 1 to 64 characters, got {len(customer.customer_id)}"
    if not _SEGMENT.fullmatch(customer.segment):
        yield f'expected a segment of lower-case letters, digits and _, got "{mask_contacts(customer.segment)}"'
    if not _LANGUAGE.fullmatch(customer.language):
        yield f'expected a language as in ISO 639-1, such as en, got "{mask_contacts(customer.language)}"'
    if customer.email is not None and not _EMAIL.fullmatch(customer.email):
        yield f"expected {ADDRESSES[EMAIL][1]}, got another text of {len(customer.email)} characters"
    if customer.phone is not None and not _PHONE.fullmatch(customer.phone):
        yield f"expected {ADDRESSES[SMS][1]}, got another text of {len(customer.phone)} characters"
    yield from _quiet_problems(customer.quiet_from, customer.quiet_until)
    if zone_named(customer.timezone) is None:
        yield f'expected a time zone of the IANA list, such as Europe/Berlin, got "{mask_contacts(customer.timezone)}"'
    if customer.updated_at.tzinfo is None:
        yield f"expected updated_at with a zone, got {customer.updated_at.isoformat()}"


def _quiet_problems(quiet_from: time | None, quiet_until: time | None) -> Iterator[str]:
    if quiet_from is None and quiet_until is None:
        return
    if quiet_from is None or quiet_until is None:
        yield "expected quiet_from and quiet_until or neither, got one of them"
    elif quiet_from == quiet_until:
        yield f"expected quiet_until to differ from quiet_from, got {quiet_from:%H:%M} for both"
    elif any(at.second or at.microsecond or at.tzinfo for at in (quiet_from, quiet_until)):
        yield f"expected quiet hours in whole minutes without a zone, got {quiet_from} and {quiet_until}"


def zone_named(name: str) -> ZoneInfo | None:
    """The time zone of the IANA list with this name, or None."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # unknown, not a name at all, a folder of names
        return None


def simulated_customers(customer_ids: Iterable[str]) -> Iterator[Customer]:
    """Invented customers for simulated accounts, each the same whenever asked for.

    Nobody receives what is sent to them: their addresses are at example.com, their telephone numbers in
    +999, which is not assigned to any country.
    """
    for customer_id in customer_ids:
        digest = hashlib.sha256(customer_id.encode()).digest()
        name = customer_id if _PLAIN.fullmatch(customer_id) else digest.hex()[:16]
        quiet = digest[8] % 4 == 0
        yield Customer(
            customer_id=customer_id,
            segment=("private", "private", "premium", "business")[digest[4] % 4],
            language=("en", "de")[int.from_bytes(digest[:4]) % 2],
            email=f"customer+{name}@example.com",
            phone=f"+999{int.from_bytes(digest[16:24]) % 10**9:09d}",
            consent_email=digest[5] % 10 != 0,
            consent_sms=digest[6] % 4 != 0,
            quiet_from=time(22) if quiet else None,
            quiet_until=time(7) if quiet else None,
            timezone=("Europe/Lisbon", "Europe/Berlin", "Europe/London")[digest[7] % 3],
            updated_at=datetime(2026, 1, 1, tzinfo=UTC),
        )


class SimulatedCustomers:
    """Every id is a customer, an invented one: for simulated accounts whose customers nobody has stored."""

    def get_many(self, customer_ids: Sequence[str]) -> dict[str, Customer]:
        """An invented customer for each id."""
        return {
            customer.customer_id: customer for customer in simulated_customers(dict.fromkeys(customer_ids))
        }
