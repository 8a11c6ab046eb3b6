"""Vectorised answers about slices ``[low, high)`` of one long array, thousands of slices at a time.

Every function takes the slice bounds as integer arrays; nothing here knows about keys or time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt

Int = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]
Float = npt.NDArray[np.float64]

#: Most cells of a padded block of slices: 4 MiB of int64, about a core's share of cache.
BLOCK_CELLS = 1 << 19
#: Below this many cells one padded block beats several tight ones.
SMALL_BLOCK = 1 << 15

_LOW_HALF = 0xFFFF_FFFF


def ranges(start: Int, count: Int) -> Int:
    """``start[i], start[i]+1, …`` (``count[i]`` of them) for every i, one after the other."""
    ends = np.cumsum(count)
    total = int(ends[-1]) if len(ends) else 0
    return np.asarray(np.arange(total, dtype=np.int64) + np.repeat(start - (ends - count), count))


def first_at_or_after(times: Int, low: Int, high: Int, moment: Int) -> Int:
    """First index in ``[low, high)`` whose time is at or after ``moment``; ``high`` if there is none.

    One bisection for all slices at once; each slice of ``times`` has to be sorted.
    """
    low, high = low.copy(), high.copy()
    for _ in range(int((high - low).max(initial=0)).bit_length()):
        middle = (low + high) >> 1
        before = times[np.minimum(middle, len(times) - 1)] < moment
        searching = low < high
        low = np.where(searching & before, middle + 1, low)
        high = np.where(searching & ~before, middle, high)
    return low


def first_not_before(
    times: Int, ties: npt.NDArray[np.uint64], low: Int, high: Int, moment: Int, tie: npt.NDArray[np.uint64]
) -> Int:
    """As :func:`first_at_or_after`, with the order of equal times settled by a second array."""
    low, high = low.copy(), high.copy()
    for _ in range(int((high - low).max(initial=0)).bit_length()):
        middle = (low + high) >> 1
        probe = np.minimum(middle, len(times) - 1)
        then = times[probe]
        before = (then < moment) | ((then == moment) & (ties[probe] < tie))
        searching = low < high
        low = np.where(searching & before, middle + 1, low)
        high = np.where(searching & ~before, middle, high)
    return low


def running(values: npt.NDArray[np.generic]) -> Int:
    """Cumulative sums with a leading 0: ``r[high] - r[low]`` is the sum of a slice (exact, modulo 2^64)."""
    sums = np.empty(len(values) + 1, dtype=np.int64)
    sums[0] = 0
    np.cumsum(values, dtype=np.int64, out=sums[1:])
    return sums


def halves(amounts: Int) -> tuple[Int, Int]:
    """High and low 32 bits of amounts, so that sums of many never leave int64."""
    return amounts >> 32, amounts & _LOW_HALF


def joined(high: Int, low: Int) -> Float:
    """The one float nearest to ``high * 2^32 + low``."""
    return high.astype(np.float64) * 4294967296.0 + low.astype(np.float64)


def maxima(values: Int, low: Int, high: Int, empty: int) -> Int:
    """Largest value of each slice; ``empty`` for an empty one.

    A sparse table, of which only the level at work is held: level k gives the maximum of every
    stretch of 2^k, and two of them cover a slice of 2^k to 2^(k+1) - 1.
    """
    answer = np.full(len(low), empty, dtype=np.int64)
    length = high - low
    level = np.where(length > 0, np.frexp(length.astype(np.float64))[1] - 1, -1)
    table = values
    for k in range(int(level.max(initial=-1)) + 1):
        if k:
            table = np.maximum(table[: -(1 << (k - 1))], table[1 << (k - 1) :])
        rows = np.flatnonzero(level == k)
        if len(rows):
            answer[rows] = np.maximum(table[low[rows]], table[high[rows] - (1 << k)])
    return answer


def blocks(low: Int, high: Int) -> Iterator[tuple[Int, Int, Int]]:
    """Gather indices of slices, padded into rectangles; slices of like length share one.

    Yields
    ------
    rows
        Which slices, shape ``(n,)``; empty slices are in no block.
    index
        Shape ``(n, width)``: the slice's indices in order, its last one repeated as padding.
    length
        Length of each slice, shape ``(n,)``.
    """
    length = high - low
    order = np.argsort(length, kind="stable")
    order = order[np.searchsorted(length[order], 0, side="right") :]
    sizes = length[order]
    i, n = 0, len(order)
    while i < n:
        widest = int(sizes[-1])
        j = n
        if (n - i) * widest > SMALL_BLOCK:
            widest = 1 << (int(sizes[i]) - 1).bit_length()
            fitting = int(np.searchsorted(sizes, max(widest, 8), side="right"))
            j = min(fitting, i + max(1, BLOCK_CELLS // max(widest, 8)))
        rows = order[i:j]
        offsets = np.arange(int(sizes[j - 1]), dtype=np.int64)
        yield rows, np.minimum(low[rows, None] + offsets, high[rows, None] - 1), length[rows]
        i = j


def distinct_in(block: npt.NDArray[np.generic]) -> Int:
    """Number of distinct values in each row of a block (padding repeats a value, so it does not count)."""
    answer = np.ones(len(block), dtype=np.int64)
    mixed = np.flatnonzero(block.min(axis=1) != block.max(axis=1))
    if len(mixed):
        ordered = np.sort(block[mixed], axis=1)
        answer[mixed] += np.count_nonzero(ordered[:, 1:] != ordered[:, :-1], axis=1)
    return answer


def distinct(values: npt.NDArray[np.generic], low: Int, high: Int) -> Int:
    """Number of distinct values in each slice."""
    answer = np.zeros(len(low), dtype=np.int64)
    for rows, index, _ in blocks(low, high):
        answer[rows] = distinct_in(values[index])
    return answer


def distinct_nested(values: npt.NDArray[np.generic], lows: Mapping[str, Int], high: Int) -> dict[str, Float]:
    """Number of distinct values of several windows by name, the shortest first.

    Rows where a window begins where the one before it began are not counted anew.
    """
    found: dict[str, Float] = {}
    counts, last = np.zeros(len(high), dtype=np.int64), high
    for name, low in lows.items():
        wider = np.flatnonzero(low != last)
        counts[wider] = distinct(values, low[wider], high[wider])
        found[name], last = counts.astype(np.float64), low
    return found


def medians_of(block: Int, length: Int) -> Float:
    """Median of the first ``length`` values of each row; the mean of the middle two for an even number."""
    columns = np.arange(block.shape[1])
    ordered = np.where(columns < length[:, None], block, np.iinfo(np.int64).max)
    ordered.sort(axis=1)
    row = np.arange(len(block))
    return (ordered[row, (length - 1) // 2] + ordered[row, length // 2]) / 2.0
