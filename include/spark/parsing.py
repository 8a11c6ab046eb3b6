"""The event contract as native Spark expressions: no Python in the streaming plan.

The plan proves of a record that it keeps the contract. What it cannot prove it leaves undecided, with its bytes, and
the reference (``include.transactions.validation``) judges it when the batch is settled: reasons for a refusal have
one home, and the plan stays small, for analysing and planning it is most of what a small batch costs
(``docs/performance.md``). ``tests/integration/test_parsing.py`` holds it to the reference over the corpus, and to
deciding whatever a bank usually sends.
"""

from __future__ import annotations

from datetime import timedelta
from functools import reduce
from operator import and_

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F  # noqa: N812 - its usual name

from include.transactions import contract
from include.transactions.contract import FIELDS, FieldKind, FieldRule, java_full_match

_NAMES = [rule.name for rule in FIELDS]
_VARIANTS = f"struct<{', '.join(f'{name}: variant' for name in _NAMES)}>"
_CONTROL_CLASS = contract.CONTROL_CHARACTER_PATTERN.removeprefix("[")
_NUMBER_AFTER_AMOUNT = r'"amount"\s*:\s*([0-9][0-9.eE+-]*)\s*[,}]'


def parse(records: DataFrame, retention: timedelta) -> DataFrame:
    """Turn Kafka records into ``ARRIVAL_SCHEMA`` rows, parsed as far as possible: sound or undecided (``errors`` null).

    Parameters
    ----------
    records
        Columns of Spark's Kafka source.
    retention
        Oldest age of an event at its arrival.
    """
    staged = _documents(records)
    staged = staged.withColumns(
        {
            **{rule.name: _text_of(rule.name) for rule in FIELDS if rule.kind is not FieldKind.AMOUNT},
            "amount": _amount_of(_written_amount()),
        }
    )
    staged = staged.withColumn("at", _time_of(F.col("occurred_at")))
    is_sound = F.coalesce(reduce(and_, _proofs(retention)), F.lit(False))
    staged = staged.withColumn("is_sound", is_sound)
    sound, undecided = F.col("is_sound"), ~F.col("is_sound")
    values = {name: F.col(name) for name in _NAMES} | {"occurred_at": F.col("at"), "extra": _extra()}
    return staged.select(
        *[value.alias(name) for name, value in values.items()],
        F.col("partition").cast("int").alias("kafka_partition"),
        F.col("offset").alias("kafka_offset"),
        F.col("timestamp").alias("arrived_at"),
        F.when(sound, F.array().cast("array<string>")).alias("errors"),
        F.when(undecided, F.col("key")).alias("raw_key"),
        F.when(undecided, F.col("value")).alias("raw_value"),
    )


def _documents(records: DataFrame) -> DataFrame:
    """Add ``text``, ``as_list`` and ``as_object`` (variants around the JSON value), ``doc`` and its ``fields``.

    Spark's JSON parser ignores what follows the first value. Whatever could follow unseen inside
    ``[…]`` must begin with ``]`` or a comma, inside ``{"v":…}`` with ``}`` or a comma; both wrappings
    parse to one element only if nothing follows at all.
    """
    fits = F.octet_length("value") <= contract.MAX_VALUE_BYTES
    text = F.when(fits, F.col("value").cast("string"))  # nothing else is done with what is too large
    wrapped = records.withColumns(
        {
            "text": text,
            "as_list": F.try_parse_json(F.concat(F.lit("["), text, F.lit("]"))),
            "as_object": F.try_parse_json(F.concat(F.lit('{"v":'), text, F.lit("}"))),
        }
    )
    return wrapped.withColumn("doc", F.try_variant_get("as_list", "$[0]", "variant")).withColumn(
        "fields", F.try_variant_get("doc", "$", _VARIANTS)
    )


def _text_of(name: str) -> Column:
    """Text of a field that is a JSON string, null for anything else."""
    value = F.col(f"fields.{name}")
    return F.when(F.schema_of_variant(value) == "STRING", F.try_variant_get(value, "$", "string"))


def _written_amount() -> Column:
    """The amount's text as it stood in the record: a variant does not remember how a number was written.

    Null where the text does not tell beyond doubt which number is meant: its name stands there more than once, or may
    be written with escapes, or is that of something within another field.
    """
    text = F.col("text")
    only_name = (F.regexp_count(text, F.lit('"amount"')) == 1) & ~text.contains("\\u")
    beyond_doubt = only_name & F.col("fields.amount").isNotNull()
    number = F.when(beyond_doubt, F.regexp_extract(text, _NUMBER_AFTER_AMOUNT, 1))
    return F.coalesce(_text_of("amount"), number)


def _amount_of(text: Column) -> Column:
    """Exact amount, null where the rule for amounts is broken."""
    wide = text.try_cast("decimal(38,18)")
    exact = wide.try_cast(f"decimal(18,{contract.AMOUNT_DECIMALS})")
    keeps = (wide > 0) & (wide <= F.lit(contract.MAX_AMOUNT).cast("decimal(38,18)")) & (exact == wide)
    return F.when(text.rlike(java_full_match(contract.AMOUNT_PATTERN)) & keeps, exact)


def _time_of(text: Column) -> Column:
    """UTC time, null where the text is no RFC 3339 time."""
    pattern = java_full_match(contract.OCCURRED_AT_PATTERN)
    return F.when(text.rlike(pattern), F.upper(text).try_cast("timestamp"))


def _proofs(retention: timedelta) -> list[Column]:
    """What is true of a sound record, and false or null of any other."""
    text = F.col("text")
    brackets = F.length(text) - F.length(F.translate(text, "[{", ""))
    return [
        F.is_valid_utf8(text),
        F.size(F.try_variant_get("as_list", "$", "array<variant>")) == 1,
        F.size(F.try_variant_get("as_object", "$", "map<string,variant>")) == 1,
        brackets <= contract.MAX_DEPTH,  # as many as there can be levels
        *[_proof(rule, retention) for rule in FIELDS],
        F.col("key") == F.col("account_id").cast("binary"),
    ]


def _proof(rule: FieldRule, retention: timedelta) -> Column:
    text = F.col(rule.name)
    if rule.kind is FieldKind.AMOUNT:
        return text.isNotNull()
    if rule.kind is FieldKind.CODE:
        return F.find_in_set(text, F.lit(",".join(sorted(rule.codes)))) > 0
    if rule.kind is FieldKind.TIME:
        at, arrived_at = F.col("at"), F.col("timestamp")
        earliest, latest = arrived_at - _interval(retention), arrived_at + _interval(contract.MAX_AHEAD)
        return at.between(earliest, latest)
    keeps = text.rlike(java_full_match(f"[^{_CONTROL_CLASS}{{1,{rule.max_length}}}"))
    if rule.reason_missing is not None:
        return keeps
    is_absent = F.coalesce(F.schema_of_variant(f"fields.{rule.name}") == "VOID", F.lit(True))
    return keeps | is_absent


def _interval(length: timedelta) -> Column:
    return F.expr(f"interval '{int(length.total_seconds())}' second")


def _extra() -> Column:
    """Unknown fields as a JSON object, keys sorted (a variant keeps them so); null when there are none."""
    fields = F.try_variant_get("doc", "$", "map<string,variant>")
    unknown = F.map_filter(fields, lambda name, _: ~name.isin(_NAMES))
    return F.when(F.size(unknown) > 0, F.to_json(unknown, {"ignoreNullFields": "false"}))
