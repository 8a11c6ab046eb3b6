"""Shares: for which accounts something new is in force.

An account is in or out by a hash of its id and a salt, so it stays on its side from batch to batch, in every
process and in a replay. Raising a share only adds accounts.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from include.governance.errors import ChangeRefused


def in_share(account_ids: Any, share: float, salt: str) -> npt.NDArray[np.bool_]:
    """Whether each account belongs to a share.

    Parameters
    ----------
    account_ids
        ``pyarrow`` array or chunked array of strings, shape (n,).
    share
        0..1, of all accounts.
    salt
        What the share is of, e.g. a rule's id: two salts divide the accounts independently.

    Returns
    -------
    numpy.ndarray
        Shape (n,). Stable over processes and releases; monotone in ``share``.
    """
    if share >= 1:
        return np.ones(len(account_ids), dtype=bool)
    if len(account_ids) == 0 or share <= 0:
        return np.zeros(len(account_ids), dtype=bool)
    key = hashlib.sha256(salt.encode()).hexdigest()[:16]  # pandas' keyed SipHash wants 16 characters
    hashed = pd.util.hash_array(account_ids.to_numpy(zero_copy_only=False), hash_key=key)
    # The upper 53 bits are a float without rounding, so equal shares cut at equal places everywhere.
    return np.asarray((hashed >> np.uint64(11)).astype(np.float64) < share * 2.0**53)


def check_share(share: float) -> float:
    """The share itself; refused unless it is a part of all accounts, or all of them."""
    if not 0 < share <= 1:
        raise ChangeRefused(
            f"expected a share of accounts above 0 and at most 1, got {share}; to take a rule out, retire it"
        )
    return share
