"""Account numbers as they may be shown: the last four characters, never the whole.

A mail travels in the clear and a log is read by many; neither ever holds a full number.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

MASK = "••••"

#: From this length on a number is also found inside other words and when written in groups.
_SURELY_A_NUMBER = 6
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


def _pattern(number: str) -> re.Pattern[str]:
    if len(number) >= _SURELY_A_NUMBER:
        return re.compile(r"[\s.\-]*".join(re.escape(c) for c in number), re.IGNORECASE)
    return re.compile(rf"(?<![^\W_])(?<!\d[.,]){re.escape(number)}(?![^\W_]|[.,]\d)", re.IGNORECASE)
