import numpy as np
import pytest

from include.adaptation.recalibration import alerts, recalibrated, scores_of
from include.adaptation.study.changes import day_number, in_order
from include.adaptation.study.loop import Policy, run
from include.adaptation.study.measures import measure
from include.adaptation.study.operation import History, moment_of, trained
from include.adaptation.study.running import changed
from include.detection.bundle import ModelBundle
from include.evaluation.dataset import DAY_US
from include.evaluation.errors import LeakFound
from include.evaluation.experiment import project_features
from include.evaluation.leakage import turned

pytestmark = pytest.mark.slow
CHANGE = "b amounts inflated"


def operated(history, settings):
    models = []

    def train_at(day, train_days):
        models.append(day)
        return trained(history, day, settings, 0, train_days)

    return run(history, Policy.TRIGGERED, settings, train_at, lambda text: None)


@pytest.fixture(scope="module")
def history(data, settings) -> History:
    return changed(data, CHANGE, settings, 0)


@pytest.fixture(scope="module")
def result(history, settings):
    return operated(history, settings)


def test_the_loop_notices_the_change_and_trains_again(history, settings, result):
    measured = measure(history, result, settings, CHANGE, 0, 0.0)
    assert measured.alarm_after is not None
    assert measured.alarm_after <= 2
    assert measured.retrainings
    assert measured.retrainings[0] >= settings.label_delay_days
    assert [week.first for week in measured.weeks] == [-7, 0, 7]
    assert all(0 <= week.alert_rate < 0.2 for week in measured.weeks)
    assert measured.document()["alarm_after"] == measured.alarm_after


def test_nothing_knows_a_label_before_its_time(history, settings, result):
    """Everything until a day is the same if every label not known by then says the opposite."""
    moment = result.retrainings[0] + 1
    data = history.data
    other = in_order(turned(data, data.time > moment * DAY_US - data.delay))
    again = operated(History(other, project_features(other.transactions, other.labels())), settings)
    for one, two in zip(result.days, again.days, strict=True):
        if one.day < moment:
            assert (one.decision == two.decision).all()
            assert (one.scores.probability == two.scores.probability).all()
    told = [[(day, alarm.id) for day, alarm in r.alarms if day <= moment] for r in (result, again)]
    assert told[0] == told[1]


def test_training_and_labels_refuse_what_is_not_known(history, settings):
    day = day_number(settings.onset)
    with pytest.raises(LeakFound):
        history.labels_of_day(day - 7, day * DAY_US - 1)
    eager = settings.model_copy(update={"label_delay_days": 6})
    with pytest.raises(LeakFound):
        trained(history, day, eager, 0, 15)


def test_a_static_model_is_never_trained_again(history, settings):
    models = []

    def train_at(day, train_days):
        models.append(day)
        return trained(history, day, settings, 0, train_days)

    static = run(history, Policy.STATIC, settings, train_at, lambda text: None)
    assert models == [day_number(settings.first_day)]
    assert np.diff([day.day for day in static.days]).tolist() == [1] * (len(static.days) - 1)


def test_new_thresholds_spend_the_budget_on_the_rows_they_were_found_on(history, settings, tmp_path):
    day = day_number(settings.onset) + 5  # amounts have changed
    bundle = trained(history, day, settings, 0, 15)
    rows = history.rows(day - 3, day)
    features, amounts = history.features_of(rows), history.amounts_of(rows)
    new = recalibrated(bundle, features, amounts, at=moment_of(day + 1))
    rates = [alerts(scores_of(one, features), one.policy, amounts).mean() for one in (bundle, new)]
    assert rates[0] > 0.02
    assert rates[1] == pytest.approx(0.01, abs=0.002)
    assert new.version > bundle.version
    new.save(tmp_path / "model")
    assert ModelBundle.load(tmp_path / "model").policy == new.policy
    assert recalibrated(bundle, features, amounts).version == bundle.version
