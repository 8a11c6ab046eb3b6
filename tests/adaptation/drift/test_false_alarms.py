"""The simulated bank has weekends, salaries and rents; none of them is drift."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from include.adaptation.drift import DriftSettings, OutcomeLog, Reference, summarise, watch
from include.features.history import features_of_history
from include.transactions.simulator.bank import SimulatedBank

START = datetime(2026, 1, 1, tzinfo=UTC)
LEARNED, LAST = 34, 62  # days: usual ones end, those looked at end


def scored(seed: int) -> pa.Table:
    """Scored rows; score and decision are drawn, since only the features' rhythm is in question."""
    bank = SimulatedBank(seed, 1_500, start=START)
    rows = pa.concat_tables([bank.day(n).transactions for n in range(LAST)])
    features = features_of_history(rows).features
    rng = np.random.default_rng(seed)
    n = rows.num_rows
    struct = pa.StructArray.from_arrays(
        [features[name].combine_chunks() for name in features.column_names], names=features.column_names
    )
    return (
        rows.append_column("features", struct)
        .append_column("decision", pa.array(np.where(rng.random(n) < 0.01, "ALERT", "ALLOW")))
        .append_column("score", pa.array(rng.random(n)))
    )


@pytest.mark.slow
@pytest.mark.parametrize("seed", [3, 4])
def test_the_rhythm_of_weeks_and_months_gives_no_alarm(seed):
    table = scored(seed)
    day = (np.asarray(table["occurred_at"].cast(pa.int64()).to_numpy()) - START.timestamp() * 1e6) // 86.4e9
    settings = DriftSettings()
    usual = table.filter(pa.array((day >= LEARNED - 7) & (day < LEARNED)))
    reference = Reference.learn(usual, settings)
    summaries = summarise(reference, table.filter(pa.array(day >= LEARNED)))
    told = []
    for hours in range(24, (LAST - LEARNED) * 24 + 1, 8):
        now = START + timedelta(days=LEARNED, hours=hours)
        told += watch(reference, summaries, OutcomeLog(), now, settings)
    assert [(alarm.noticed_at, alarm.sentence) for alarm in told] == []
