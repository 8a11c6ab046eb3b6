"""The alphabet of SMS (GSM 03.38), in which two parts hold 306 characters instead of Unicode's 134."""

from __future__ import annotations

import unicodedata

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = frozenset("^{}\\[~]|€")  # an escape and a character: two places
_STAND_INS = str.maketrans({"•": "*", "–": "-", "—": "-", "‘": "'", "’": "'", "“": '"', "”": '"', "…": "..."})

_ONE_PART, _OF_SEVERAL = 160, 153


def to_gsm(text: str) -> str:
    """Write ``text`` on one line in the alphabet of SMS; what it lacks becomes its nearest, or ``?``.

    Examples
    --------
    >>> to_gsm("••••3000  Überweisung nach Łódź")
    '****3000 Überweisung nach ?odz'
    """
    folded = []
    for character in " ".join(unicodedata.normalize("NFC", text).translate(_STAND_INS).split()):
        if character in _BASIC or character in _EXTENDED:
            folded.append(character)
            continue
        near = "".join(c for c in unicodedata.normalize("NFKD", character) if c in _BASIC or c in _EXTENDED)
        folded.append(near.strip() or "?")
    return "".join(folded)


def parts_of(text: str) -> int:
    """Number of SMS that carry ``text``, which is in the alphabet already.

    Raises
    ------
    ValueError
        A character is not in the alphabet.
    """
    widths = [_width(character) for character in text]
    if sum(widths) <= _ONE_PART:
        return 1
    parts, room = 1, _OF_SEVERAL
    for width in widths:
        if width > room:  # an escape and its character stay together
            parts, room = parts + 1, _OF_SEVERAL
        room -= width
    return parts


def _width(character: str) -> int:
    if character in _BASIC:
        return 1
    if character in _EXTENDED:
        return 2
    raise ValueError(
        f"expected a character of the GSM alphabet, got {character!r}; pass the text through to_gsm"
    )
