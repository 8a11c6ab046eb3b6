from __future__ import annotations

import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.governance.errors import ChangeRefused
from include.governance.shares import check_share, in_share

ACCOUNTS = pa.array([f"DE{number:08d}" for number in range(20_000)])
shares = st.floats(0, 1)


@settings(max_examples=40, deadline=None)
@given(low=shares, high=shares, salt=st.text(max_size=8))
def test_raising_a_share_only_adds_accounts(low: float, high: float, salt: str) -> None:
    low, high = sorted((low, high))
    few = ACCOUNTS.slice(0, 200)
    assert not (in_share(few, low, salt) & ~in_share(few, high, salt)).any()


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5, 0.9])
def test_a_share_is_that_share_of_the_accounts(share: float) -> None:
    assert in_share(ACCOUNTS, share, "salt").mean() == pytest.approx(share, abs=0.01)


def test_all_and_none_are_exact() -> None:
    assert in_share(ACCOUNTS, 1.0, "salt").all()
    assert not in_share(ACCOUNTS, 0.0, "salt").any()
    assert in_share(ACCOUNTS.slice(0, 0), 0.5, "salt").shape == (0,)


def test_two_salts_divide_the_accounts_independently() -> None:
    one, other = (in_share(ACCOUNTS, 0.5, salt) for salt in ("a", "b"))
    assert (one & other).mean() == pytest.approx(0.25, abs=0.02)


def test_company_and_order_do_not_matter() -> None:
    whole = in_share(ACCOUNTS, 0.3, "salt")
    assert (in_share(ACCOUNTS[::-1], 0.3, "salt")[::-1] == whole).all()
    assert [bool(in_share(ACCOUNTS.slice(row, 1), 0.3, "salt")[0]) for row in range(50)] == whole[
        :50
    ].tolist()
    assert (in_share(pa.chunked_array([ACCOUNTS[:7], ACCOUNTS[7:]]), 0.3, "salt") == whole).all()


def test_another_process_and_another_release_divide_alike() -> None:
    """The digits are pinned: a change would move accounts from one side to the other."""
    code = (
        "import pyarrow as pa; from include.governance.shares import in_share; "
        "print(''.join(str(int(x)) for x in in_share(pa.array([f'a{n}' for n in range(24)]), .5, 'salt')))"
    )
    there = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    here = in_share(pa.array([f"a{n}" for n in range(24)]), 0.5, "salt").astype(int)
    assert there.strip() == "".join(map(str, here)) == "011000001110011001101110"


@pytest.mark.parametrize("share", [0, -0.1, 1.01, np.nan])
def test_what_is_no_share_is_refused(share: float) -> None:
    with pytest.raises(ChangeRefused, match="above 0 and at most 1"):
        check_share(share)
