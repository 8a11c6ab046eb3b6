import logging
from datetime import timedelta

import pytest

from include.cases.case import Action, Status
from include.cases.customer_answer import GOOD_FOR, AnswerLinks, CustomerAnswers
from include.cases.errors import LinkRefused
from tests.alerts.examples import NOON
from tests.cases.examples import LATER, deed, fresh_alert
from tests.cases.world import World

KEY, BASE = "a key of sixteen characters", "https://bank.example/fraud-desk/answer"


@pytest.fixture
def world():
    return World()


@pytest.fixture
def answers(world):
    return CustomerAnswers(AnswerLinks([KEY], BASE), world.casework)


@pytest.fixture
def alert(world):
    one = fresh_alert(typology="card_testing")
    world.raised(one)
    return one


@pytest.fixture
def token(answers, alert):
    return answers.links.link(alert).removeprefix(f"{BASE}/")


def refusal(what):
    with pytest.raises(LinkRefused) as refused:
        what()
    return refused.value.reason


def test_the_link_asks_and_asking_changes_nothing(world, answers, alert, token):
    for _ in range(3):
        assert answers.question(token, LATER) == alert
    assert world.labels == world.recorded == []


@pytest.mark.parametrize(("genuine", "status"), [(True, Status.DISMISSED), (False, Status.ESCALATED)])
def test_an_answer_is_a_label_and_moves_the_case_on(world, answers, token, genuine, status):
    assert answers.answer(token, genuine, LATER).status is status
    (label,) = world.labels
    assert (label.is_fraud, label.source, label.labelled_at) == (not genuine, "CUSTOMER", LATER)


def test_it_is_good_once(world, answers, token):
    answers.answer(token, False, LATER)
    assert refusal(lambda: answers.answer(token, True, LATER)) == "used"
    assert refusal(lambda: answers.question(token, LATER)) == "used"
    assert len(world.labels) == 1


def test_the_analyst_was_faster(world, answers, alert, token):
    world.casework.act(alert.alert_id, deed(Action.DISMISS))
    assert answers.answer(token, False, LATER + timedelta(hours=1)).status is Status.ESCALATED


def test_an_answer_gets_in_between_two_actions(world, answers, alert, token, monkeypatch):
    """Somebody acts while the customer presses the button: the answer is tried again on what the case is then."""
    append, tries = world.cases.append, []

    def crowded(events):
        tries.append(events)
        if len(tries) == 1:
            monkeypatch.setattr(world.cases, "append", append)
            world.casework.act(alert.alert_id, deed(Action.ASSIGN))
        return append(events)

    monkeypatch.setattr(world.cases, "append", crowded)
    assert answers.answer(token, False, LATER).version == 2


def test_the_same_alert_has_the_same_link(answers, alert):
    assert answers.links.link(alert) == AnswerLinks([KEY], f"{BASE}/").link(alert)


def test_it_fits_into_a_text_message(answers, alert):
    assert len(answers.links.link(alert)) - len(BASE) < 100


def test_who_may_not_be_the_holder_is_not_asked(answers):
    assert answers.links.link(fresh_alert(typology="account_takeover")) is None


def test_it_ends(world, answers, alert, token):
    end = alert.raised_at + GOOD_FOR
    assert answers.question(token, end - timedelta(seconds=1)) == alert
    assert refusal(lambda: answers.answer(token, True, end)) == "expired"
    assert world.labels == []


@pytest.mark.parametrize("place", [0, 10, -2, -20])
def test_a_changed_link_is_forged(world, answers, token, place):
    changed = list(token)
    changed[place] = "A" if changed[place] != "A" else "B"
    assert refusal(lambda: answers.answer("".join(changed), True, LATER)) == "forged"
    assert world.labels == []


@pytest.mark.parametrize("token", ["", ".", "x.y", "ä", "a" * 5_000, "\x00"])
def test_nonsense_is_forged(answers, token):
    assert refusal(lambda: answers.question(token, LATER)) == "forged"


def test_another_key_makes_no_link(answers, alert):
    other = AnswerLinks(["another key of the same length"], BASE).link(alert)
    assert refusal(lambda: answers.question(other.removeprefix(f"{BASE}/"), LATER)) == "forged"


def test_keys_can_be_changed_without_ending_links(world, alert, token):
    turned = CustomerAnswers(AnswerLinks([KEY, "a newer key of some length"], BASE), world.casework)
    assert turned.question(token, LATER) == alert
    assert turned.links.link(alert) != f"{BASE}/{token}"


def test_an_alert_that_is_not_kept_any_more(answers):
    gone = answers.links.link(fresh_alert(typology="large_amount")).removeprefix(f"{BASE}/")
    assert refusal(lambda: answers.question(gone, NOON + timedelta(hours=1))) == "unknown"


def test_a_refusal_is_logged_without_the_link(answers, token, caplog):
    with caplog.at_level(logging.WARNING):
        refusal(lambda: answers.question(f"{token}x", LATER))
    assert "refused: forged" in caplog.text
    assert token not in caplog.text


@pytest.mark.parametrize("keys", [[], ["short"]])
def test_a_weak_key_is_refused(keys):
    with pytest.raises(ValueError, match=r"at least 16 characters.*TIDEWATCH_LINK_KEYS"):
        AnswerLinks(keys, BASE)
