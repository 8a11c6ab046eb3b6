"""How much the property tests try: a bounded, repeatable number in CI, more and at random in ``make fuzz``."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

#: Examples a test; set by ``make fuzz EXAMPLES=``.
EXAMPLES = int(os.environ.get("TIDEWATCH_FUZZ_EXAMPLES", "0"))


def fuzzed(usual: int, *, share: float = 1.0) -> settings:
    """Settings of a property test.

    Parameters
    ----------
    usual
        Examples where nobody asks for more; then they are the same every time.
    share
        Of the examples ``make fuzz`` asks for: less where one example is costly.
    """
    return settings(
        max_examples=max(usual, int(EXAMPLES * share)),
        derandomize=not EXAMPLES,
        database=None,
        deadline=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )
