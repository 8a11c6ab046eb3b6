from datetime import timedelta

import pyarrow as pa
import pytest

from include.features.compute import compute
from include.features.errors import StateFormatError
from include.features.packing import ACCOUNT, COUNTERPARTY
from include.features.transactions import stable_hash
from tests.features.reference import START, Payment, table

GOLDEN_HASHES = [8839516934798235754, 9888954501666989617, 6826431872174642110]


def test_sizes_are_those_the_docs_speak_of():
    assert (ACCOUNT.size, COUNTERPARTY.size) == (40, 40)
    for layout in (ACCOUNT, COUNTERPARTY):
        assert layout.header.itemsize == layout.bucket.itemsize == layout.event.itemsize


def test_the_hash_is_the_one_stored_states_were_written_with():
    assert stable_hash(pa.array(["", "FR7630006000011234567890189", "é"])).tolist() == GOLDEN_HASHES


def test_a_state_holds_a_header_and_the_events():
    payments = [Payment(f"t{i}", START + timedelta(days=i)) for i in range(3)]
    states = compute(table(payments), {}).states
    assert len(states["account"]["A"]) == 4 * 40
    assert len(states["counterparty"]["M"]) == 4 * 40


@pytest.mark.parametrize(
    "spoil",
    [
        lambda state: b"",
        lambda state: state[:-1],
        lambda state: state[:-40],
        lambda state: b"\0" * len(state),
        lambda state: state[:4] + b"\x63\0" + state[6:],
        lambda state: state[:6] + b"\x02\0" + state[8:],
    ],
    ids=["empty", "cut", "event missing", "zeroes", "version 99", "other kind"],
)
def test_bytes_that_are_no_state_are_refused_by_key(spoil):
    batch = table([Payment("a", START)])
    states = compute(batch, {}).states
    spoilt = {"account": {"A": spoil(states["account"]["A"])}}
    with pytest.raises(StateFormatError, match="account state of 'A'"):
        compute(batch, spoilt)
