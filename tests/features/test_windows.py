import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from include.features.windows import blocks, distinct, first_at_or_after, maxima, medians_of, ranges, running


@st.composite
def slices(draw):
    values = np.array(draw(st.lists(st.integers(0, 9), min_size=1, max_size=60)), dtype=np.int64)
    bound = st.integers(0, len(values))
    pairs = [sorted(pair) for pair in draw(st.lists(st.tuples(bound, bound), min_size=1, max_size=20))]
    low, high = np.array(pairs, dtype=np.int64).T
    return values, low, high


@settings(max_examples=50, deadline=None)
@given(slices())
def test_answers_about_slices_equal_those_of_python(given_slices):
    values, low, high = given_slices
    cut = [values[a:b].tolist() for a, b in zip(low, high, strict=True)]
    assert maxima(values, low, high, -1).tolist() == [max(part, default=-1) for part in cut]
    assert distinct(values, low, high).tolist() == [len(set(part)) for part in cut]
    sums = running(values)
    assert (sums[high] - sums[low]).tolist() == [sum(part) for part in cut]
    assert ranges(low, high - low).tolist() == [
        i for a, b in zip(low, high, strict=True) for i in range(a, b)
    ]
    ordered = np.sort(values)
    found = first_at_or_after(ordered, low, high, np.full(len(low), 5))
    assert found.tolist() == [a + sum(v < 5 for v in ordered[a:b]) for a, b in zip(low, high, strict=True)]


def test_blocks_cover_every_slice_once_and_medians_ignore_the_padding():
    random = np.random.default_rng(3)
    values = random.integers(0, 1000, 5000)
    low = random.integers(0, 4000, 700)
    high = low + random.integers(0, 900, 700)
    seen = []
    for rows, index, length in blocks(low, high):
        seen += rows.tolist()
        medians = medians_of(values[index], length)
        for row, median in zip(rows, medians, strict=True):
            assert median == np.median(values[low[row] : high[row]])
    assert sorted(seen) == np.flatnonzero(high > low).tolist()
