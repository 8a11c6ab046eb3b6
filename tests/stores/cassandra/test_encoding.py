"""The encoder of columns against the driver's own encoding of values."""

import math
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pyarrow as pa
import pytest
from cassandra.cqltypes import (
    ByteType,
    DateType,
    DecimalType,
    DoubleType,
    Int32Type,
    ListType,
    LongType,
    MapType,
    ShortType,
    UTF8Type,
)
from cassandra.query import UNSET_VALUE
from hypothesis import given, settings
from hypothesis import strategies as st

from include.stores.cassandra.clock import join, split
from include.stores.cassandra.encoding import bigint, encode, microseconds_below, numbers, sparse

PROTOCOL = 5
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

TEXTS = ListType.apply_parameters([UTF8Type])
NUMBERS = MapType.apply_parameters([UTF8Type, DoubleType])

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
# The driver counts in floats, which hold milliseconds of these years.
moments = st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))
milliseconds = moments.map(lambda moment: split(moment)[0])


def integers(bits):
    return st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


KINDS = [
    (pa.string(), UTF8Type, text),
    (pa.large_string(), UTF8Type, text),
    (pa.float64(), DoubleType, st.floats()),
    (pa.int64(), LongType, integers(64)),
    (pa.int32(), Int32Type, integers(32)),
    (pa.int16(), ShortType, integers(16)),
    (pa.int8(), ByteType, integers(8)),
    (pa.timestamp("us", tz="UTC"), DateType, milliseconds),
    (pa.timestamp("ms", tz="UTC"), DateType, milliseconds),
    (pa.list_(pa.string()), TEXTS, st.lists(text, max_size=5)),
]


def ours(kind, values, cut):
    """Encoded as whole, as a slice of a longer array, and in two chunks: always the same."""
    whole = encode(pa.array(values, kind))
    padded = pa.array([None, *values, None], kind)
    assert encode(padded.slice(1, len(values))) == whole
    chunks = pa.chunked_array([pa.array(values[:cut], kind), pa.array(values[cut:], kind)])
    assert encode(chunks) == whole
    return list(whole)


@pytest.mark.parametrize(("kind", "driver", "values"), KINDS, ids=[str(kind) for kind, _, _ in KINDS])
def test_a_column_is_encoded_as_the_driver_does(kind, driver, values):
    @settings(deadline=None)
    @given(st.lists(st.none() | values, max_size=12), st.integers(0, 12))
    def same(column, cut):
        expected = [None if value is None else driver.serialize(value, PROTOCOL) for value in column]
        assert ours(kind, column, cut) == expected

    same()


@settings(deadline=None)
@given(st.lists(st.none() | st.decimals(1 - 10**14, 10**14 - 1, places=4), max_size=12), st.integers(0, 12))
def test_decimals_mean_what_the_driver_means(column, cut):
    encoded = ours(pa.decimal128(18, 4), column, cut)
    decoded = [None if value is None else DecimalType.deserialize(value, PROTOCOL) for value in encoded]
    assert decoded == column
    assert all(value is None or value.as_tuple().exponent == -4 for value in decoded)


@pytest.mark.parametrize("unscaled", [0, 1, -1, 127, 128, -128, -129, 255, 256, -32768, 10**37, -(10**37)])
def test_decimals_at_the_edges_of_a_byte(unscaled):
    value = Decimal(unscaled).scaleb(-4)
    (encoded,) = encode(pa.array([value], pa.decimal128(38, 4)))
    assert DecimalType.deserialize(encoded, PROTOCOL) == value


@settings(deadline=None)
@given(st.lists(st.none() | st.dictionaries(text, st.floats(), max_size=6), max_size=6), st.integers(0, 6))
def test_maps_are_encoded_as_the_driver_does_with_their_keys_in_order(column, cut):
    pairs = [None if value is None else list(value.items()) for value in column]
    expected = [
        None
        if value is None
        else NUMBERS.serialize(dict(sorted(value.items(), key=lambda entry: entry[0].encode())), PROTOCOL)
        for value in column
    ]
    assert ours(pa.map_(pa.string(), pa.float64()), pairs, cut) == expected


def test_nan_stays_nan():
    decoded = NUMBERS.deserialize(numbers([("b", math.nan), ("a", 1.0)]), PROTOCOL)
    assert list(decoded) == ["a", "b"]
    assert math.isnan(decoded["b"])


@settings(deadline=None)
@given(integers(64))
def test_one_bigint(value):
    assert bigint(value) == LongType.serialize(value, PROTOCOL)


@settings(deadline=None)
@given(st.lists(st.none() | st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))))
def test_times_come_back_to_the_microsecond(column):
    """Before 1970 too: milliseconds are rounded down, so that what lies below them is never negative."""
    array = pa.chunked_array([pa.array(column, pa.timestamp("us", tz="UTC"))])
    below = microseconds_below(array).to_pylist()
    for moment, whole, micros in zip(column, encode(array), below, strict=True):
        if moment is None:
            assert (whole, micros) == (None, None)
            continue
        stored = EPOCH + timedelta(milliseconds=int.from_bytes(whole, "big", signed=True))
        assert (stored, micros) == split(moment)
        assert join(stored.replace(tzinfo=None), micros) == moment


def test_sparse_leaves_nulls_unset():
    assert sparse([b"a", None, b""]) == [b"a", UNSET_VALUE, b""]


def test_an_unknown_type_is_refused():
    with pytest.raises(TypeError, match="expected a type this encoder knows"):
        encode(pa.array([True]))
