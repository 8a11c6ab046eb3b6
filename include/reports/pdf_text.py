"""Text that a PDF can show without a font file.

The fonts every PDF reader has know the characters of Windows-1252: Western European letters, the usual signs.
Other letters lose their accents if that is all they need (``ł`` has none to lose); what is left is written as its
code points, ``[U+0416]``, so nothing is lost, doubled or shown as another sign. The exact text stands in the JSON.
"""

from __future__ import annotations

import re
import unicodedata

_ENCODING = "cp1252"
#: Signs that have a usual spelling.
_SPELLED = str.maketrans(
    {
        "\u2010": "-", "\u2011": "-", "\u2012": "-", "\u2015": "—", "\u2212": "-", "\u2192": "->", "\u2264": "<=",
        "\u2265": ">=", "\u2260": "!=", "\u25a0": "•", "\u202f": "\u00a0", "\u2009": "\u00a0", "\t": " ",
        "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ı": "i",
    }
)  # fmt: skip
_LINE_ENDS = re.compile(r"\r\n|[\r\v\f\x85\u2028\u2029]")
_KEPT = {"\n"}


def printable(text: str) -> str:
    """The text in characters of Windows-1252 and line ends.

    Examples
    --------
    >>> printable("Dvořák pays 5 € → Жора")
    'Dvorák pays 5 € -> [U+0416 U+043E U+0440 U+0430]'
    """
    text = _LINE_ENDS.sub("\n", unicodedata.normalize("NFC", text)).translate(_SPELLED)
    parts: list[str] = []
    codes: list[str] = []
    for character in text:
        shown = _shown(character)
        if shown is None:
            codes.append(f"U+{ord(character):04X}")
            continue
        if codes:
            parts.append(f"[{' '.join(codes)}]")
            codes = []
        parts.append(shown)
    if codes:
        parts.append(f"[{' '.join(codes)}]")
    return "".join(parts)


def _shown(character: str) -> str | None:
    """The character, or what stands for it; None if nothing does."""
    if character in _KEPT or _has(character):
        return character
    plain = "".join(
        part for part in unicodedata.normalize("NFKD", character) if not unicodedata.combining(part)
    )
    return plain if plain and all(_has(part) for part in plain) else None


def _has(character: str) -> bool:
    if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Cn"):
        return False
    try:
        character.encode(_ENCODING)
    except UnicodeEncodeError:
        return False
    return True
