"""The outbox on Cassandra and the one in memory under the same random operations."""

import random
import uuid
from datetime import timedelta

import pytest

from include.alerts.delivery import DeliveryState, Place
from include.stores.memory.alerting import MemoryOutboxStore
from tests.alerts.examples import NOON
from tests.stores.cassandra.outboxes import make

pytestmark = pytest.mark.servers


@pytest.mark.parametrize("seed", [1, 2])
def test_whatever_is_done_to_it_it_answers_as_the_one_in_memory(outbox, other, seed):
    draw = random.Random(seed)
    memory, now = MemoryOutboxStore(), NOON
    known = []  # every version of every delivery that anybody has ever held

    def both(method, *arguments):
        return getattr(memory, method)(*arguments), getattr(draw.choice([outbox, other]), method)(*arguments)

    def moment():
        return now + timedelta(microseconds=draw.choice([0, 1, 999, 10**6, 7 * 10**7]) * draw.choice([-1, 1]))

    for _ in range(250):
        now += timedelta(microseconds=draw.choice([0, 1, 500, 10**5, 4 * 10**7]))
        step = draw.choice(
            [
                "enqueue",
                "due",
                "claim",
                "claim",
                "delivered",
                "failed",
                "failed",
                "dead",
                "dead_again",
                "fold",
                "look",
            ]
        )
        if step == "enqueue" or not known:
            new = [make(moment()) for _ in range(draw.randrange(3))]
            both("enqueue", [*new, *draw.sample(known, min(len(known), 2))])
            known += new
        elif step == "due":
            expected, found = both("due", now, 1000)
            assert found == expected
            known += found
        elif step == "claim":
            expected, found = both("claim", draw.choice(known[-8:]), now, draw.choice([0.5, 60.0]))
            assert found == expected
            known += [found] if found else []
        elif step == "dead_again":
            dead = [one for one in memory.rows.values() if one.state is DeliveryState.DEAD]
            expected, found = both("dead_again", draw.choice([*dead, draw.choice(known)]), moment())
            assert found == expected
            known += [memory.rows[one.delivery_id] for one in dead]
        elif step == "fold":
            some = draw.sample(list(memory.rows), min(len(memory.rows), 2))
            expected, found = both("fold", some, uuid.uuid4())
            assert found == expected
        elif step == "look":
            state = draw.choice([None, *DeliveryState])
            after = draw.choice([None, Place.of(draw.choice(known))])
            expected, found = both("recent", draw.choice([1, 5, 500]), state, None, after)
            assert found == expected
            alert_id = draw.choice(known).alert_id
            expected, found = both("of_alert", alert_id)
            assert found == expected
        else:
            end = {"delivered": (moment(), "v"), "failed": ("450", moment()), "dead": ("550", moment())}[step]
            both(step, draw.choice(known[-4:]), *end)
        if step != "due":
            assert outbox.get_many(list(memory.rows)) == memory.rows
    expected, found = both("counts")
    assert found == expected
    assert len({state for state, count in found.items() if count}) >= 3
