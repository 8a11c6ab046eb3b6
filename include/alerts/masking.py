"""Account numbers as they may be shown: the last four characters, never the whole.

A mail travels in the clear and a log is read by many; neither ever holds a full number.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

MASK = "••••"

#: From this length on a number is also found inside other words and when written in groups.
_SURELY_A_NUMBER = 6
_ADDRESS = re.compile(r"(?:\"[^\"\s]+\"|[^\s<>\"'(),:;@\[\]\\]+)@([^\s<>\"'(),:;@\[\]\\]+)")
_TELEPHONE = re.compile(r"(?<![\w+])\+\d(?:[\s.\-/()]{0,2}\d){6,14}(?!\w)")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


def mask_account(number: str) -> str:
    """Mask an account number, keeping its last four characters.

    Parameters
    ----------
    number
        IBAN, card or account token, with or without grouping blanks.

    Returns
    -------
    str
        Four bullets and at most four characters; of a number of less than eight characters at most
        its last half, so that the mask always hides something.

    Examples
    --------
    >>> mask_account("DE89 3704 0044 0532 0130 00")
    '••••3000'
    >>> mask_account("A17")
    '••••7'
    """
    compact = "".join(number.split())
    kept = min(4, len(compact) // 2)
    return MASK + compact[len(compact) - kept :]


def mask_in(text: str, numbers: Iterable[str]) -> str:
    """Mask every occurrence of ``numbers`` in free text, and fold control characters to a blank.

    Free text is what others wrote: reasons of rules, ids of transactions. Numbers of six characters
    and more are found in any case, inside words, and grouped by blanks, dots or hyphens; shorter
    ones only as words of their own and not within a decimal number, or half the text would be masked.
    """
    clean = _CONTROL.sub(" ", text)
    # Longest first: a number that contains another must not be cut up by it.
    for number in sorted({"".join(n.split()) for n in numbers} - {""}, key=lambda n: (-len(n), n)):
        replacement = mask_account(number)
        clean = _pattern(number).sub(lambda _, mask=replacement: mask, clean)  # type: ignore[misc]
    return clean


def mask_contacts(text: str, recipient: str = "") -> str:
    """Mask e-mail addresses and telephone numbers in what a vendor said, and fold control characters to a blank.

    Vendors quote the recipient in their answers, also as they have rewritten it. Of an address its host is kept,
    of a number its last four digits.

    Parameters
    ----------
    recipient
        The message's own, masked however it looks.

    Examples
    --------
    >>> mask_contacts("550 <jane.doe@example.com>: no such user")
    '550 <••••@example.com>: no such user'
    >>> mask_contacts("+49 170 1234567 is not a mobile number")
    '••••4567 is not a mobile number'
    """
    own = recipient.strip()
    if own:
        hidden = f"{MASK}@{own.rpartition('@')[2]}" if "@" in own else mask_account(own)
        text = re.sub(re.escape(own), lambda _: hidden, text, flags=re.IGNORECASE)
        if "@" not in own:
            text = mask_in(text, (own, own.lstrip("+")))
    text = _ADDRESS.sub(lambda found: f"{MASK}@{found[1]}", _CONTROL.sub(" ", text))
    return _TELEPHONE.sub(lambda found: mask_account(re.sub(r"\D", "", found[0])), text)


def _pattern(number: str) -> re.Pattern[str]:
    if len(number) >= _SURELY_A_NUMBER:
        return re.compile(r"[\s.\-]*".join(re.escape(c) for c in number), re.IGNORECASE)
    return re.compile(rf"(?<![^\W_])(?<!\d[.,]){re.escape(number)}(?![^\W_]|[.,]\d)", re.IGNORECASE)
