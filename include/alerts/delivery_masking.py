"""Deliveries as they may be shown, on pages and in exports: addresses masked, errors without what they may quote."""

from __future__ import annotations

import re

from include.alerts.delivery import CUSTOMER, Delivery
from include.alerts.masking import MASK, mask_account


def shown_recipient(delivery: Delivery) -> str:
    """The recipient as it may be shown: colleagues' addresses whole, a customer's masked, of a link the server."""
    recipient = delivery.recipient
    if recipient.startswith(("https://", "http://")):
        scheme, _, rest = recipient.partition("://")
        return f"{scheme}://{rest.partition('/')[0].rpartition('@')[2]}/{MASK}"
    if delivery.audience != CUSTOMER:
        return recipient
    name, at, domain = recipient.rpartition("@")
    return f"{name[:1]}{MASK}@{domain}" if at else mask_account(recipient)


def shown_error(delivery: Delivery) -> str | None:
    """What went wrong, the recipient in it masked: a mail server likes to repeat the address it refuses."""
    error = delivery.last_error
    if not error or not delivery.recipient:
        return error
    return re.sub(
        re.escape(delivery.recipient), lambda _: shown_recipient(delivery), error, flags=re.IGNORECASE
    )
