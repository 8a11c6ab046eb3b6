"""Shares of accounts that are stable: over batches, processes, machines and releases."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from include.governance.errors import ChangeRefused

#: SipHash's key; another would move every account.
_KEY = "tidewatch-shares"
_RANGE = float(2**64)


def in_share(account_ids: pa.Array | pa.ChunkedArray, share: float, salt: str) -> npt.NDArray[np.bool_]:
    """Which accounts are in a share.

    Parameters
    ----------
    account_ids
        n strings.
    share
        0..1; who is in a smaller share is also in a larger one of the same salt.
    salt
        What the share is of, e.g. a model's version: two shares of different salts are independent.

    Returns
    -------
    numpy.ndarray
        Shape (n,).
    """
    if share >= 1:
        return np.ones(len(account_ids), dtype=bool)  # exactly all: the largest hashes round to 1
    ids = account_ids.combine_chunks() if isinstance(account_ids, pa.ChunkedArray) else account_ids
    salted = pc.binary_join_element_wise(pa.scalar(salt), ids, "|").to_numpy(zero_copy_only=False)
    hashed = pd.util.hash_array(salted.astype(object), hash_key=_KEY, categorize=False)
    return np.asarray(hashed.astype(np.float64) / _RANGE < share)


def check_share(share: float) -> float:
    """The share itself; refused unless it is a part of all accounts, or all of them."""
    if not 0 < share <= 1:
        raise ChangeRefused(
            f"expected a share of accounts above 0 and at most 1, got {share}; to take a rule out, retire it"
        )
    return share
