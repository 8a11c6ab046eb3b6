"""Several senders at once: everything once, and nothing hidden."""

import threading
import time
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

import numpy as np
import pytest

from include.alerts.backoff import Backoff
from include.alerts.delivery import DeliveryState
from include.alerts.errors import OutcomeUnknown, TemporaryFailure
from include.alerts.message import Message
from include.alerts.outbox import deliver_due
from include.alerts.sending import OUT_OF_ORDER_LIMIT
from tests.alerts.examples import alert, delivery
from tests.alerts.outbox_world import Vendor, World


def test_several_senders_share_the_work_and_send_everything_once() -> None:
    generator = np.random.default_rng(11)
    opened: list[Vendor] = []
    waiting = threading.Barrier(4, timeout=30)

    def behave(message: Message) -> None:
        if not waiting.broken and waiting.n_waiting < 4 and len(vendor_tries(opened)) <= 4:
            waiting.wait()  # four messages are under way at once, or this breaks
        if generator.random() < 0.3:
            raise TemporaryFailure("503")

    def open_channels() -> list[Vendor]:
        opened.append(Vendor(behave))
        return [opened[-1]]

    world = World([alert(n) for n in range(60)])
    for _ in range(60):
        deliver_due(
            world.outbox,
            world.alerts,
            open_channels,
            lambda: world.now,
            60.0,
            Backoff(max_attempts=40),
            senders=4,
        )
        world.now += timedelta(minutes=10)
    assert world.states() == {DeliveryState.DELIVERED: 120}
    taken = [message for vendor in opened for message in vendor.taken]
    assert max(Counter(taken).values()) == 1
    assert len(taken) == 120
    assert all(vendor.closed == 1 for vendor in opened)
    assert sum(1 for vendor in opened[:4] if vendor.tried) == 4


def vendor_tries(vendors: Sequence[Vendor]) -> list[str]:
    return [message for vendor in vendors for message in vendor.tried]


@pytest.mark.parametrize("senders", [1, 3])
def test_an_error_of_the_store_ends_the_run_loudly(senders: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise IndexError("a bug in the store")

    world = World([alert(n) for n in range(5)])
    monkeypatch.setattr(world.outbox, "delivered", fail)
    with pytest.raises(IndexError, match="a bug in the store"):
        deliver_due(world.outbox, world.alerts, lambda: [Vendor()], lambda: world.now, senders=senders)


def test_a_vendor_that_never_answers_is_left_alone_and_holds_up_no_other() -> None:
    hanging = threading.Event()

    class Silent(Vendor):
        name = "sms"

        def send(self, message: Message, attempt: int = 1) -> str | None:
            self.tried.append(message.message_id)
            hanging.wait(30)
            raise OutcomeUnknown("time-out")

    class Mail(Vendor):
        def send(self, message: Message, attempt: int = 1) -> str | None:
            taken = super().send(message, attempt)
            if len(mail.taken) == 20:
                hanging.set()  # not before the last mail is out
            return taken

    world = World([])
    several = [alert(n) for n in range(20)]
    world.alerts.put(several)
    world.outbox.enqueue([delivery(one, channel="sms", recipient="+491701234567") for one in several])
    world.outbox.enqueue([delivery(one) for one in several])
    silent, mail = Silent(), Mail()
    began = time.monotonic()
    summary = deliver_due(
        world.outbox, world.alerts, lambda: [silent, mail], lambda: world.now, 60.0, senders=6
    )
    assert time.monotonic() - began < 20
    assert summary.sent == 20
    assert OUT_OF_ORDER_LIMIT <= len(silent.tried) <= 6
    assert summary.skipped == 20 - len(silent.tried)
