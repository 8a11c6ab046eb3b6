"""Simple corrections of refused records: what a source got wrong in the same way many times over."""

from __future__ import annotations

import json
from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from include.transactions import json_text
from include.transactions.errors import CorrectionRefused
from include.transactions.json_text import JsonValue

_ONE_VALUE = json.JSONDecoder(parse_int=json_text.NumberText, parse_float=json_text.NumberText)


class What(StrEnum):
    """What is done to a field."""

    SET = "set"  # to a value, whatever it was
    RENAME = "rename"  # to another name, if it is there
    DROP = "drop"  # if it is there


class Correction(BaseModel):
    """One correction.

    Attributes
    ----------
    do, field
        What to do to which field.
    value
        With ``set``: any JSON value.
    to
        With ``rename``: the new name.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    do: What
    field: str = Field(min_length=1)
    value: Any = None
    to: str = ""

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.do is What.SET:
            _json(self.value)
        if self.do is What.RENAME and not self.to:
            raise ValueError("expected the new name in `to`")
        if self.do is not What.SET and "value" in self.model_fields_set:
            raise ValueError(f"expected no value to {self.do} a field")
        if self.do is not What.RENAME and self.to:
            raise ValueError(f"expected no new name to {self.do} a field")
        return self

    def apply(self, document: dict[str, JsonValue]) -> None:
        """Correct a document in place."""
        if self.do is What.SET:
            # Numbers keep the text they were given in, as everywhere in the contract.
            document[self.field] = _ONE_VALUE.decode(_json(self.value))
        elif self.field in document:
            value = document.pop(self.field)
            if self.do is What.RENAME:
                document[self.to] = value


def _json(value: Any) -> str:
    try:
        return json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"expected a JSON value to set, of a few levels, got none ({error})") from error


def corrections_of(given: Sequence[Any]) -> tuple[Correction, ...]:
    """Corrections, from what a person typed.

    Raises
    ------
    CorrectionRefused
        One makes no sense.
    """
    if not isinstance(given, list | tuple):
        raise CorrectionRefused(
            f"expected a list of corrections, got {type(given).__name__}; write them in brackets"
        )
    made = []
    for place, one in enumerate(given, start=1):
        try:
            made.append(Correction.model_validate(one))
        except (ValidationError, RecursionError) as error:
            problems = error.errors() if isinstance(error, ValidationError) else []
            reasons = (
                "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in problems)
                or "too many levels"
            )
            raise CorrectionRefused(
                f"correction {place} of {len(given)}: {reasons}; e.g. "
                '{"do": "rename", "field": "ccy", "to": "currency"}'
            ) from error
    return tuple(made)


def corrected(value: bytes | None, corrections: Sequence[Correction]) -> bytes | None:
    """A record's value with corrections; what is no JSON object, or needs none, stays byte for byte."""
    if not corrections:
        return value
    document = json_text.read_object(value)
    if isinstance(document, str):
        return value
    for correction in corrections:
        correction.apply(document)
    # A lone surrogate makes it a record that is refused, not an error.
    return json_text.write(document).encode("utf-8", "surrogatepass")
