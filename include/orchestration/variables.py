"""Variables of Airflow as checked records: what a person typed into the UI is refused here, by name, or used."""

from __future__ import annotations

from collections.abc import Mapping
from reprlib import Repr
from typing import Annotated, Any, TypeVar

from pydantic import Field, TypeAdapter, ValidationError

T = TypeVar("T")

_SHOWN = Repr()
_SHOWN.maxstring = _SHOWN.maxother = 60

#: Days to keep something, by what it is.
Days = dict[str, Annotated[int, Field(gt=0, le=36_500)]]
#: Names of users.
Names = list[Annotated[str, Field(min_length=1, max_length=200)]]


class InputRefused(ValueError):
    """What a person typed, a variable or the parameters of a run, makes no sense; trying again finds the same."""


def variable(name: str, kind: type[T], default: Any = None) -> T:
    """The variable of this name.

    Parameters
    ----------
    kind
        What it has to be: a pydantic model, or a type pydantic knows.
    default
        JSON to take its place where it is not set; without one it has to be.

    Raises
    ------
    InputRefused
        It is missing, no JSON, or something else; the message names it.
    """
    from airflow.sdk import Variable

    text = Variable.get(name, default=None)
    if text is None and default is None:
        raise InputRefused(
            f"variable {name}: expected JSON, found no such variable; set it, see airflow_settings.yaml"
        )
    adapter = TypeAdapter(kind)
    try:
        return adapter.validate_python(default) if text is None else adapter.validate_json(text)
    except ValidationError as error:
        raise InputRefused(
            f"variable {name}: {reasons_of(error)}; correct it, see airflow_settings.yaml"
        ) from None


def checked(what: str, kind: type[T], given: Any) -> T:
    """What a person gave, as a record.

    Parameters
    ----------
    what
        For the message, e.g. ``the parameters of the run``.

    Raises
    ------
    InputRefused
        It makes no sense; the message names every part.
    """
    try:
        return TypeAdapter(kind).validate_python(given)
    except ValidationError as error:
        raise InputRefused(f"{what}: {reasons_of(error)}; trigger the run again") from None
    except RecursionError:
        raise InputRefused(f"{what}: expected a few levels, got too many; trigger the run again") from None


def reasons_of(error: ValidationError) -> str:
    """Every reason in words: where, what was expected, what came."""
    return "; ".join(map(_reason, error.errors(include_url=False)))


def _reason(problem: Mapping[str, Any]) -> str:
    where = ".".join(map(str, problem["loc"]))
    said = str(problem["msg"]).removeprefix("Value error, ")
    got = "" if isinstance(problem["input"], dict | list) else f", got {_SHOWN.repr(problem['input'])}"
    return f"{f'{where}: ' if where else ''}{said[0].lower()}{said[1:]}{got}"
