"""The event contract as native Spark expressions: no Python in the streaming plan.

Mirrors ``include.transactions.validation``, the reference; ``tests/integration/test_parsing.py`` holds
the two equal over the corpus.
"""

from __future__ import annotations

from datetime import timedelta

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F  # noqa: N812 - its usual name

from include.transactions import contract
from include.transactions.contract import FIELDS, FieldKind, FieldRule, java_full_match

_KNOWN = [rule.name for rule in FIELDS]


def _reason_if(condition: Column, reason: str) -> Column:
    """The reason where the condition is true, else null (also where it is null)."""
    return F.when(condition, F.lit(reason))


def _document(records: DataFrame) -> DataFrame:
    """Add ``text`` and ``doc`` (the JSON object as a variant) and ``record_error``.

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
    one = (
        F.col("as_list").isNotNull()
        & F.col("as_object").isNotNull()
        & (F.size(F.try_variant_get("as_list", "$", "array<variant>")) == 1)
        & (F.size(F.map_keys(F.try_variant_get("as_object", "$", "map<string,variant>"))) == 1)
    )
    judged = wrapped.withColumn(
        "doc", F.when(one & ~_too_deep(F.col("text")), F.try_variant_get("as_list", "$[0]", "variant"))
    )
    is_object = F.schema_of_variant("doc").startswith("OBJECT")
    unpaired = F.lower("text").contains("\\ud") & ~F.col("text").rlike(
        java_full_match(contract.PAIRED_SURROGATES_PATTERN)
    )
    repaired = F.regexp_replace("text", _SURROGATE_ESCAPE, r"\\\\u0020")
    repaired_is_object = F.schema_of_variant(F.try_parse_json(repaired)).startswith("OBJECT") & ~_too_deep(
        repaired
    )
    return judged.withColumn(
        "record_error",
        F.coalesce(
            _reason_if(F.col("value").isNull(), contract.REASON_TOMBSTONE),
            _reason_if(~fits, contract.REASON_SIZE),
            _reason_if(~F.is_valid_utf8("text"), contract.REASON_NOT_UTF8),
            # Spark's parser refuses unpaired surrogates too; with blanks in their place it shows
            # whether they were all that was wrong.
            _reason_if(F.col("doc").isNull() & unpaired & repaired_is_object, contract.REASON_SURROGATE),
            _reason_if(F.col("doc").isNull(), contract.REASON_MALFORMED),
            _reason_if(~is_object, contract.REASON_NOT_OBJECT),
        ),
    )


def _too_deep(text: Column) -> Column:
    """Whether a text, which is JSON, has more levels than the contract allows.

    Spark's parser refuses more than ``_PARSER_DEPTH`` levels: with so many added that the contract's most just fit, it
    parses or the text is too deep. Only what has brackets enough is parsed a second time.
    """
    added = _PARSER_DEPTH - contract.MAX_DEPTH
    brackets = F.length(text) - F.length(F.translate(text, "[{", ""))
    wrapped = F.concat(F.lit("[" * added), text, F.lit("]" * added))
    deep = F.when(brackets > contract.MAX_DEPTH, F.try_parse_json(wrapped).isNull())
    return F.coalesce(deep, F.lit(False))


def _extracted(rule: FieldRule) -> dict[str, Column]:
    """A field's type (null: absent or JSON null) and its text."""
    value = F.try_variant_get("doc", f"$.{rule.name}", "variant")
    kind = F.schema_of_variant(value)
    return {
        f"type_{rule.name}": F.when(kind != "VOID", kind),
        f"text_{rule.name}": F.try_variant_get("doc", f"$.{rule.name}", "string"),
    }


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


def _reasons(rule: FieldRule, retention: timedelta) -> list[Column]:
    """The value rules a field of the right type breaks."""
    text = F.col(f"text_{rule.name}")
    if rule.kind is FieldKind.ID:
        too_long, control = rule.reasons
        return [
            _reason_if(~F.char_length(text).between(1, rule.max_length), too_long),
            _reason_if(text.rlike(contract.CONTROL_CHARACTER_PATTERN), control),
        ]
    if rule.kind is FieldKind.AMOUNT:
        return [_reason_if(F.col("parsed_amount").isNull(), rule.reasons[0])]
    if rule.kind is FieldKind.CODE:
        return [_reason_if(~text.isin(sorted(rule.codes)), rule.reasons[0])]
    bad, ahead, old = rule.reasons
    at = F.col("parsed_occurred_at")
    return [
        _reason_if(at.isNull(), bad),
        _reason_if(at > F.col("arrived_at") + F.expr(_interval(contract.MAX_AHEAD)), ahead),
        _reason_if(at < F.col("arrived_at") - F.expr(_interval(retention)), old),
    ]


def _interval(length: timedelta) -> str:
    return f"interval '{int(length.total_seconds())}' second"


def _field_errors(rule: FieldRule, retention: timedelta) -> Column:
    """Array of the reasons for one field, with nulls where a rule holds."""
    kind = F.col(f"type_{rule.name}")
    wanted = kind == "STRING"
    if rule.kind is FieldKind.AMOUNT:
        wanted = wanted | kind.rlike(r"^(BIGINT|DOUBLE|DECIMAL.*|FLOAT)$")
    missing = F.array(F.lit(rule.reason_missing)) if rule.reason_missing else F.array().cast("array<string>")
    return (
        F.when(kind.isNull(), missing)
        .when(~wanted, F.array(F.lit(rule.reason_type)))
        .otherwise(F.array(*_reasons(rule, retention)))
    )


def parse(records: DataFrame, retention: timedelta) -> DataFrame:
    """Turn Kafka records into ``ARRIVAL_SCHEMA`` rows, valid ones and invalid ones alike.

    Parameters
    ----------
    records
        Columns of Spark's Kafka source.
    retention
        Oldest age of an event at its arrival.
    """
    staged = _document(records.withColumn("arrived_at", F.col("timestamp")))
    columns: dict[str, Column] = {}
    for rule in FIELDS:
        columns |= _extracted(rule)
    staged = staged.withColumns(columns)
    # Two reasons to look again at the text as it was written: a number with an exponent or many
    # digits is a double in a variant, and a double does not remember its digits.
    staged = staged.withColumns(
        {
            "parsed_amount": _amount_of(_written_amount()),
            "parsed_occurred_at": _time_of(F.col("text_occurred_at")),
        }
    )
    fields = F.flatten(F.array(*[_field_errors(rule, retention) for rule in FIELDS]))
    key_error = _reason_if(
        (F.col("type_account_id") == "STRING")
        & ~F.coalesce(F.col("key") == F.col("text_account_id").cast("binary"), F.lit(False)),
        contract.REASON_KEY,
    )
    per_field = F.array_compact(F.concat(fields, F.array(key_error)))
    errors = F.when(F.col("record_error").isNotNull(), F.array("record_error")).otherwise(per_field)
    staged = staged.withColumn("errors", errors)
    invalid = F.size("errors") > 0
    return staged.select(
        *[_value_of(rule) for rule in FIELDS[:3]],
        F.col("parsed_amount").alias("amount"),
        *[_value_of(rule) for rule in FIELDS[4:8]],
        F.col("parsed_occurred_at").alias("occurred_at"),
        *[_value_of(rule) for rule in FIELDS[9:]],
        _extra().alias("extra"),
        F.col("partition").cast("int").alias("kafka_partition"),
        F.col("offset").alias("kafka_offset"),
        "arrived_at",
        "errors",
        F.when(invalid, F.col("key")).alias("raw_key"),
        F.when(invalid, F.col("value")).alias("raw_value"),
    )


def _value_of(rule: FieldRule) -> Column:
    text = F.col(f"text_{rule.name}")
    return F.when(F.col(f"type_{rule.name}") == "STRING", text).alias(rule.name)


def _written_amount() -> Column:
    """The amount's text as it stood in the record, a number's or the string's.

    A variant does not remember how a number was written, and a name may stand again within a nested object: of all that
    is written as ``"amount": <number>`` the last counts that is the number the variant has.
    """
    kind, text, exact = F.col("type_amount"), F.col("text_amount"), "decimal(38,18)"

    def same(candidate: Column) -> Column:
        is_decimal = kind.startswith("DECIMAL")
        exactly = candidate.try_cast(exact) == text.try_cast(exact)
        return F.when(is_decimal, exactly).otherwise(candidate.try_cast("double") == text.try_cast("double"))

    written = F.filter(F.regexp_extract_all("text", F.lit(_NUMBER_AFTER_AMOUNT), F.lit(1)), same)
    return F.when(
        kind.rlike("^(DOUBLE|FLOAT|DECIMAL.*)$"), F.coalesce(F.try_element_at(written, F.lit(-1)), text)
    ).otherwise(text)


_NUMBER_AFTER_AMOUNT = r'"amount"\s*:\s*(-?[0-9][0-9.eE+-]*)'
_SURROGATE_ESCAPE = r"\\u[dD][89a-fA-F][0-9a-fA-F]{2}"
#: Levels of JSON that Spark's parser (Jackson, with its defaults) reads.
_PARSER_DEPTH = 1_000


def _extra() -> Column:
    """Unknown fields as a JSON object, keys sorted (a variant keeps them so); null when there are none."""
    fields = F.try_variant_get("doc", "$", "map<string,variant>")
    unknown = F.map_filter(fields, lambda name, _: ~name.isin(_KNOWN))
    return F.when(F.size(unknown) > 0, F.to_json(unknown, {"ignoreNullFields": "false"}))
