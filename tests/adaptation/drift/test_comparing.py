import pytest

from include.adaptation.drift import Kind, Reference, compare, merge, summarise


@pytest.fixture(scope="module")
def reference(world, usual) -> Reference:
    return Reference.learn(usual, world.settings, "m1")


@pytest.fixture
def found(world, reference):
    def look(**changes) -> set[tuple[str, str, str]]:
        summary = merge(summarise(reference, world.rows(**({"seed": 5} | changes))))
        return {finding.key for finding in compare(reference, summary, world.settings)}

    return look


@pytest.mark.slow
def test_nothing_is_found_where_nothing_has_changed(found):
    assert [seed for seed in range(100, 120) if found(seed=seed)] == []
    assert [seed for seed in range(200, 210) if found(seed=seed, n=600)] == []


def test_a_shift_is_found_in_its_segment_alone(found):
    keys = found(times=2.5, only="ONLINE")
    assert (Kind.FEATURE, "amount_value", "channel=ONLINE") in keys
    assert {segment for _, _, segment in keys} == {"channel=ONLINE"}


def test_a_shift_everywhere_is_found_everywhere(found):
    keys = found(times=2.5)
    assert {"all", "channel=POS", "transaction_type=TRANSFER"} <= {segment for _, _, segment in keys}
    assert {subject for _, subject, _ in keys} == {"amount_value"}


def test_scores_that_move_are_found(found):
    assert (Kind.SCORE, "score", "all") in found(shift=1.5)


@pytest.mark.parametrize(("alerts", "alarm"), [(0.03, True), (0.012, False), (0.0, True)])
def test_the_alert_rate_is_watched_both_ways(found, alerts, alarm):
    assert ((Kind.ALERT_RATE, "alert_rate", "all") in found(alerts=alerts, n=12_000)) == alarm


def test_missing_values_are_found_and_are_no_shift(found):
    assert found(missing=0.4) == {(Kind.MISSING, "features.is_new_device", "all")}


def test_values_never_seen_are_found(found):
    assert (Kind.UNSEEN, "country", "all") in found(country="KP")


def test_small_samples_are_silent(found):
    assert found(n=300, times=50.0, alerts=0.5, shift=5.0, missing=0.9, country="KP") == set()


def test_a_finding_says_what_it_is_in_words(world, reference):
    summary = merge(summarise(reference, world.rows(5, times=2.5, only="ONLINE")))
    first = compare(reference, summary, world.settings)[0]
    assert first.sentence.startswith("Amount value is spread differently where channel is ONLINE: PSI ")
    assert first.p_value < 1e-6
    assert first.value > first.threshold > first.reference_value == 0
