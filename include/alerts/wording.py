"""Codes and numbers in the reader's language: amounts, times, typologies, types of transaction."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from decimal import Decimal

#: Codes in words, by language. A code that is not listed is shown as it is, with blanks for underscores.
WORDS: dict[str, dict[str, str]] = {
    "en": {
        "unknown": "unusual behaviour",
        "account_takeover": "account takeover",
        "CARD_PAYMENT": "card payment",
        "ATM_WITHDRAWAL": "cash withdrawal",
        "TRANSFER": "transfer",
        "DIRECT_DEBIT": "direct debit",
        "DEPOSIT": "deposit",
        "POS": "at a till",
        "ONLINE": "online",
        "ATM": "at a cash machine",
        "BRANCH": "in a branch",
        "MOBILE": "by mobile app",
    },
    "de": {
        "unknown": "ungewöhnliches Verhalten",
        "card_testing": "Kartentest",
        "account_takeover": "Kontoübernahme",
        "mule_account": "Finanzagent",
        "compromised_merchant": "kompromittierter Händler",
        "structuring": "Stückelung",
        "impossible_travel": "unmögliche Reise",
        "dormant_account": "ruhendes Konto",
        "large_amount": "hoher Betrag",
        "LOW": "NIEDRIG",
        "MEDIUM": "MITTEL",
        "HIGH": "HOCH",
        "CRITICAL": "KRITISCH",
        "CARD_PAYMENT": "Kartenzahlung",
        "ATM_WITHDRAWAL": "Bargeldabhebung",
        "TRANSFER": "Überweisung",
        "DIRECT_DEBIT": "Lastschrift",
        "DEPOSIT": "Einzahlung",
        "POS": "an einer Kasse",
        "ONLINE": "online",
        "ATM": "am Geldautomaten",
        "BRANCH": "in einer Filiale",
        "MOBILE": "per App",
    },
}

_TIME_FORMATS = {"en": "%Y-%m-%d %H:%M:%S UTC", "de": "%d.%m.%Y %H:%M:%S UTC"}
_NOT_SCORED = {"en": "not scored (rules only)", "de": "nicht bewertet (nur Regeln)"}


def words_of(code: str, language: str) -> str:
    """A code in words."""
    return WORDS[language].get(code) or code.replace("_", " ")


def amount_of(amount: Decimal, currency: str, language: str) -> str:
    """An exact amount: thousands grouped, at least two decimals and no zeros after those.

    Examples
    --------
    >>> amount_of(Decimal("1234.5000"), "EUR", "en")
    '1,234.50 EUR'
    >>> amount_of(Decimal("1234.5670"), "EUR", "de")
    '1.234,567 EUR'
    """
    whole, _, fraction = f"{amount:,f}".partition(".")
    text = f"{whole}.{fraction.rstrip('0').ljust(2, '0')}"
    if language == "de":
        text = text.translate(str.maketrans(",.", ".,"))
    return f"{text} {currency}"


def time_of(moment: datetime, language: str) -> str:
    """A moment in UTC, to the second."""
    return moment.astimezone(UTC).strftime(_TIME_FORMATS[language])


def score_of(score: float, language: str) -> str:
    """A probability in percent; in words when no model took part."""
    if math.isnan(score):
        return _NOT_SCORED[language]
    text = f"{100 * score:.1f} %"
    return text.replace(".", ",") if language == "de" else text
