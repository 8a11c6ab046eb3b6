"""Reads the text of a PDF back: enough of the format for what fpdf2 writes with core fonts."""

from __future__ import annotations

import re
import zlib

_STREAM = re.compile(rb"stream\r?\n(.*?)\r?\nendstream", re.DOTALL)
_SHOWN = re.compile(rb"\[((?:\((?:\\.|[^\\()])*\)|[-\d.\s])*)\]\s*TJ|(\((?:\\.|[^\\()])*\))\s*Tj", re.DOTALL)
_PART = re.compile(rb"\(((?:\\.|[^\\()])*)\)", re.DOTALL)
_ESCAPED = {b"n": b"\n", b"r": b"\r", b"t": b"\t"}


def text_of(pdf: bytes) -> str:
    """Every text that is shown, one a line."""
    lines = []
    for stream in _STREAM.findall(pdf):
        try:
            content = zlib.decompress(stream)
        except zlib.error:
            continue
        for found in _SHOWN.finditer(content):
            parts = _PART.findall(found.group(0))
            raw = b"".join(re.sub(rb"\\(.)", _unescape, part, flags=re.DOTALL) for part in parts)
            lines.append(raw.decode("cp1252"))
    return "\n".join(lines)


def _unescape(found: re.Match[bytes]) -> bytes:
    return _ESCAPED.get(found.group(1), found.group(1))
