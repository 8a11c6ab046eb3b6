"""From text columns to contract columns; each function also says which rows break which rule."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from include.transactions import contract
from include.transactions.contract import FieldKind, FieldRule
from include.transactions.importer.mapping import EPOCHS, AmountSource, FraudSource, Source, TimeSource
from include.transactions.schema import AMOUNT, TIME

REASON_LABEL = "is_fraud: expected one of the mapping's true_values or false_values"

Mask = npt.NDArray[np.bool_]

_PLAIN_NUMBER = r"^-?[0-9]{1,17}(?:\.[0-9]{1,18})?$"


@dataclass(frozen=True, slots=True)
class Converted:
    """A column of the contract, null where the row is refused, and (mask, reason) of each broken rule."""

    values: pa.Array
    refused: tuple[tuple[Mask, str], ...]


def source_text(source: Source, columns: pa.Table) -> pa.StringArray:
    """Text of a source for each row; empty values are null unless it has a default."""
    if source.column is None:
        text = pa.array([source.constant] * columns.num_rows, pa.string())
    else:
        text = columns[source.column].combine_chunks()
        text = pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)
    if source.upper:
        text = pc.utf8_upper(text)
    if source.values:
        found = pc.index_in(text, pa.array(list(source.values), pa.string()))
        translated = pa.array(list(source.values.values()), pa.string()).take(found)
        # With a default nothing untranslated gets through; without one it does.
        text = translated if source.default is not None else pc.coalesce(translated, text)
    if source.default is not None:
        text = pc.fill_null(text, source.default)
    if source.prefix:
        text = pc.binary_join_element_wise(source.prefix, text, "")
    return text


def convert_text(rule: FieldRule, text: pa.StringArray) -> Converted:
    """Ids and codes."""
    refused = _missing(rule, text)
    if rule.kind is FieldKind.CODE:
        wrong = pc.invert(pc.is_in(text, pa.array(sorted(rule.codes), pa.string())))
        refused.append((_mask(pc.and_(pc.is_valid(text), wrong)), rule.reasons[0]))
    else:
        length = pc.utf8_length(text)
        bad_length = pc.or_(pc.less(length, 1), pc.greater(length, rule.max_length))
        refused.append((_mask(bad_length), rule.reasons[0]))
        control = pc.match_substring_regex(text, "[\x01-\x1f\x7f-\u009f]")
        control = pc.or_(control, pc.match_substring(text, "\x00"))
        refused.append((_mask(control), rule.reasons[1]))
    return Converted(text, _only_hits(refused))


def convert_amount(rule: FieldRule, source: AmountSource, text: pa.StringArray) -> Converted:
    """Exact amounts."""
    refused = _missing(rule, text)
    plain = pc.utf8_trim_whitespace(text)
    if source.decimal_comma:
        plain = pc.replace_substring(pc.replace_substring(plain, ".", ""), ",", ".")
    else:
        plain = pc.replace_substring(plain, ",", "")
    plain = _without_exponent(plain)
    fits = pc.match_substring_regex(plain, _PLAIN_NUMBER)
    numbers = pc.if_else(fits, plain, pa.scalar(None, pa.string())).cast(pa.decimal256(38, 18))
    if source.minor_units:
        # decimal(38,18) to decimal(42,22): the same digits, read as so many places smaller.
        numbers = pc.multiply(numbers, pa.scalar(Decimal(1).scaleb(-source.minor_units), pa.decimal256(5, 4)))
    if source.absolute:
        numbers = pc.abs(numbers)
    if source.round is not None:
        numbers = pc.round(numbers, source.round, round_mode="half_towards_infinity")
    four = pc.round(numbers, contract.AMOUNT_DECIMALS)
    good = pc.and_(
        pc.and_(pc.greater(numbers, pa.scalar(0, numbers.type)), pc.equal(four, numbers)),
        pc.less_equal(numbers, pa.scalar(int(contract.MAX_AMOUNT), numbers.type)),
    )
    good = pc.fill_null(good, False)
    refused.append((_mask(pc.and_(pc.is_valid(text), pc.invert(good))), rule.reasons[0]))
    values = pc.if_else(good, four, pa.scalar(None, four.type)).cast(AMOUNT)
    return Converted(values, _only_hits(refused))


def convert_time(rule: FieldRule, source: TimeSource, text: pa.StringArray) -> Converted:
    """Times, in UTC microseconds."""
    refused = _missing(rule, text)
    series = text.to_pandas()
    to_datetime: Any = pd.to_datetime  # the stubs know no dynamic format
    if source.format in EPOCHS:
        numbers = pd.to_numeric(series, errors="coerce")
        times = to_datetime(numbers, unit=EPOCHS[source.format], errors="coerce", utc=True)
    else:
        times = _parse_times(series, source)
    times = times.dt.as_unit("us")
    values = pa.Array.from_pandas(times).cast(TIME)
    refused.append((_mask(pc.and_(pc.is_valid(text), pc.is_null(values))), rule.reasons[0]))
    return Converted(values, _only_hits(refused))


def convert_fraud(source: FraudSource, columns: pa.Table) -> Converted:
    """Fraud or not, from a label column."""
    text = pc.fill_null(columns[source.column].combine_chunks(), "")
    fraud = pc.is_in(text, pa.array(source.true_values, pa.string()))
    honest = pc.is_in(text, pa.array(source.false_values, pa.string()))
    return Converted(fraud, _only_hits([(_mask(pc.invert(pc.or_(fraud, honest))), REASON_LABEL)]))


def _parse_times(series: pd.Series[Any], source: TimeSource) -> Any:
    form = "ISO8601" if source.format == "iso" else source.format
    if source.format == "iso":
        has_offset = series.str.contains(r"(?:[Zz]|[+-][0-9]{2}:?[0-9]{2})$", na=False, regex=True)
        has_offset &= series.str.len() > 10  # the end of 2026-01-31 is no offset
    else:
        has_offset = pd.Series("%z" in source.format, index=series.index)
    to_datetime: Any = pd.to_datetime
    absolute = to_datetime(series.where(has_offset), format=form, errors="coerce", utc=True)
    local = to_datetime(series.where(~has_offset), format=form, errors="coerce")
    zoned = local.dt.tz_localize(source.timezone, ambiguous="NaT", nonexistent="NaT").dt.tz_convert("UTC")
    return absolute.where(has_offset, zoned)


def _without_exponent(text: pa.StringArray) -> pa.StringArray:
    scientific = pc.fill_null(pc.match_substring_regex(text, "^[^eE]+[eE][+-]?[0-9]{1,2}$"), False)
    if not pc.any(scientific).as_py():
        return text
    # Floats print so beyond 1e16 and below 1e-4; few rows, so one by one.
    words = text.to_pylist()
    for row in np.flatnonzero(scientific.to_numpy(zero_copy_only=False)):
        words[row] = _plain(words[row])
    return pa.array(words, pa.string())


def _plain(word: str) -> str:
    try:
        return format(Decimal(word), "f")
    except InvalidOperation:
        return word


def _missing(rule: FieldRule, text: pa.StringArray) -> list[tuple[Mask, str]]:
    return [] if rule.reason_missing is None else [(_mask(pc.is_null(text)), rule.reason_missing)]


def _mask(condition: pa.BooleanArray) -> Mask:
    mask: Mask = pc.fill_null(condition, False).to_numpy(zero_copy_only=False)
    return mask


def _only_hits(refused: list[tuple[Mask, str]]) -> tuple[tuple[Mask, str], ...]:
    return tuple((mask, reason) for mask, reason in refused if mask.any())
