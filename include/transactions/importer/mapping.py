"""The YAML mapping: where each field of the contract comes from in a historical file."""

from __future__ import annotations

import codecs
import re
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

import pandas as pd
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from include.transactions.contract import FIELD_NAMES, FIELDS
from include.transactions.errors import MappingError

#: Formats of times that are numbers since 1970, and their unit.
EPOCHS = {"epoch_s": "s", "epoch_ms": "ms", "epoch_us": "us"}


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Source(_Strict):
    """Where a text field comes from: a column, a constant, or a column with a default.

    Attributes
    ----------
    column, constant
        Exactly one of them.
    default
        Takes the place of empty and null values.
    prefix
        Put before every value (an id that is unique in its file only).
    values
        Translates values; what is not in it stays as it is, unless ``default`` is given.
    upper
        Turn into capitals before translating.
    """

    column: str | None = None
    constant: str | None = None
    default: str | None = None
    prefix: str = ""
    values: dict[str, str] = Field(default_factory=dict)
    upper: bool = False

    @model_validator(mode="after")
    def _one_origin(self) -> Source:
        if (self.column is None) == (self.constant is None):
            raise ValueError("expected either column or constant")
        return self


class CounterpartySource(Source):
    """``is_account``: the column holds accounts, which are pseudonymised like the account_id."""

    is_account: bool = False


class AmountSource(Source):
    """Transforms of an amount, in this order.

    Attributes
    ----------
    decimal_comma
        "1.234,56" is 1234.56; otherwise commas are taken for thousands.
    minor_units
        Decimal places to shift: 2 if the column holds cents.
    absolute
        Drop the sign (booked debits are negative).
    round
        Round half up to so many decimals: for columns of binary floats.
    """

    decimal_comma: bool = False
    minor_units: int = Field(default=0, ge=0, le=4)
    absolute: bool = False
    round: int | None = Field(default=None, ge=0, le=4)


class TimeSource(Source):
    """How to read a time.

    Attributes
    ----------
    format
        As of ``strptime``; or ``iso`` or, for numbers since 1970, ``epoch_s``, ``epoch_ms``, ``epoch_us``.
    timezone
        IANA name that times without offset are in; times that its clock changes make ambiguous are refused.
    """

    format: str = "iso"
    timezone: str = "UTC"

    @model_validator(mode="after")
    def _can_be_read(self) -> TimeSource:
        try:
            ZoneInfo(self.timezone)
        except (ValueError, OSError, KeyError):
            raise ValueError(
                f"expected a time zone of the IANA list, such as Europe/Berlin, got {self.timezone[:60]!r}"
            ) from None
        if self.format != "iso" and not self.format.startswith("epoch_"):
            to_datetime: Any = pd.to_datetime  # the stubs know no dynamic format
            try:
                to_datetime(pd.Series(["2026-01-31"]), format=self.format, errors="coerce")
            except (ValueError, re.error) as error:
                raise ValueError(
                    f"expected a format of strptime, got {self.format[:60]!r} ({error})"
                ) from None
        elif self.format not in ("iso", *EPOCHS):
            raise ValueError(
                f"expected iso, {', '.join(EPOCHS)} or a format of strptime, got {self.format[:60]!r}"
            )
        return self


class FraudSource(_Strict):
    """``true_values`` mean fraud, ``false_values`` none (as does an empty value); others are refused."""

    column: str
    true_values: list[str] = Field(default_factory=lambda: ["1", "true", "True"])
    false_values: list[str] = Field(default_factory=lambda: ["0", "false", "False", ""])


class LabelSources(_Strict):
    """The truth about a transaction, if the file knows it; ``typology`` says of which kind a fraud was."""

    is_fraud: FraudSource
    typology: Source | None = None


class CsvOptions(_Strict):
    """How a CSV file is written; column names come from its first line unless given here."""

    delimiter: str = Field(default=",", min_length=1, max_length=1)
    encoding: str = "utf-8"
    column_names: list[str] | None = None

    @model_validator(mode="after")
    def _can_be_read(self) -> CsvOptions:
        try:
            codecs.lookup(self.encoding)
        except (LookupError, ValueError):
            raise ValueError(
                f"expected a character encoding such as latin-1, got {self.encoding[:60]!r}"
            ) from None
        if self.delimiter in '"\r\n' or not self.delimiter.isascii():
            raise ValueError(f"expected a delimiter such as , or ; or a tab, got {self.delimiter!r}")
        return self


class FieldSources(_Strict):
    """One source a field of the contract; the optional fields may be left out."""

    transaction_id: Source
    account_id: Source
    counterparty_id: CounterpartySource
    amount: AmountSource
    currency: Source
    transaction_type: Source
    channel: Source
    country: Source
    occurred_at: TimeSource
    device_id: Source | None = None
    customer_id: Source | None = None

    def by_name(self) -> dict[str, Source]:
        """Sources that are there, in the contract's order."""
        named = {rule.name: getattr(self, rule.name) for rule in FIELDS}
        return {name: source for name, source in named.items() if source is not None}


class Mapping(_Strict):
    """A whole mapping.

    Attributes
    ----------
    format
        Of the file; by its ending if left out.
    extra
        Further columns to keep, as text, in the event's ``extra``.
    """

    format: Literal["csv", "jsonl", "parquet"] | None = None
    csv: CsvOptions = CsvOptions()
    fields: FieldSources
    labels: LabelSources | None = None
    extra: list[str] = Field(default_factory=list)

    @model_validator(mode="after")
    def _extra_is_extra(self) -> Mapping:
        taken = sorted(FIELD_NAMES.intersection(self.extra))
        if taken:
            raise ValueError(f"extra columns {taken} are fields of the contract; rename them in the file")
        return self

    def columns(self) -> list[str]:
        """Columns of the file the mapping needs, each once."""
        found = [source.column for source in self.fields.by_name().values()]
        if self.labels is not None:
            found.append(self.labels.is_fraud.column)
            found.append(self.labels.typology.column if self.labels.typology else None)
        return list(dict.fromkeys(column for column in [*found, *self.extra] if column is not None))


def load_mapping(path: Path) -> Mapping:
    """Read and check a mapping.

    Raises
    ------
    MappingError
        The file is missing, no YAML, or says something the importer does not know.
    """
    try:
        return Mapping.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise MappingError(
            f"expected a mapping at {path}, got {error.strerror}; give the path of a YAML file"
        ) from error
    except UnicodeDecodeError as error:
        raise MappingError(f"expected UTF-8 text in {path}, got: {error}; save it as UTF-8") from error
    except RecursionError as error:
        raise MappingError(
            f"expected YAML of a few levels in {path}, got too many; correct the file"
        ) from error
    except ValidationError as error:
        details = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise MappingError(
            f"mapping {path} does not fit: {details}; see include/transactions/mappings/example.yaml"
        ) from error
    except (yaml.YAMLError, ValueError) as error:
        raise MappingError(f"expected YAML in {path}, got: {error}; correct the file") from error
