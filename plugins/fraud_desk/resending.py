"""What the page of dead letters works on: the box on Kafka, and what sends one again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Annotated, Protocol, cast

from fastapi import Depends, Request

from include.settings import settings
from include.stores.lake.files import Lake
from include.transactions.dead_letter import DeadLetter, Place
from include.transactions.dead_letter_box import Page
from include.transactions.resending import Resender
from plugins.fraud_desk.bank import BankDep
from plugins.fraud_desk.live import ANSWER_SECONDS, Kept

if TYPE_CHECKING:
    from collections.abc import Mapping

    from include.transactions.producer import TransactionProducer


class Box(Protocol):
    """The dead letters, see ``include.transactions.dead_letter_box.DeadLetterBox``."""

    def page(
        self,
        limit: int,
        before: Mapping[int, int] | None = None,
        wanted: Callable[[DeadLetter], bool] = ...,
        look_at: int = 5_000,
    ) -> Page:
        """The newest, or those before a position."""
        ...

    def get(self, place: Place) -> DeadLetter | None:
        """One of them."""
        ...


@dataclass(frozen=True, slots=True)
class Resending:
    """The box, and what sends one of it again."""

    box: Box
    resender: Resender


class _Sender:
    """A producer is not for several threads, so one sends at a time; made when the first is sent."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._producer: TransactionProducer | None = None

    def send(self, key: bytes, value: bytes) -> None:
        """Returns once the brokers have it."""
        from include.orchestration.dead_letters import producer

        with self._lock:
            self._producer = self._producer or producer("tidewatch-desk")
            self._producer.deliver([(key, value)])


class LiveResending:
    """Makes it for a running Airflow, on a session of its own, once a process."""

    def __init__(self) -> None:
        self._sender = _Sender()
        self._made = Kept(self._make)

    def __call__(self) -> Resending:
        """The one of this process.

        Raises
        ------
        StoreUnavailable, SchemaMissing
            Cassandra is away, or has no tables yet.
        """
        return self._made.get()

    def _make(self) -> Resending:
        from cassandra.cluster import EXEC_PROFILE_DEFAULT

        from include.orchestration.connections import CASSANDRA_DESK, cassandra_address
        from include.orchestration.dead_letters import dead_letter_box, resender

        session = cassandra_address(CASSANDRA_DESK).connect()
        session.get_execution_profile(EXEC_PROFILE_DEFAULT).request_timeout = ANSWER_SECONDS
        try:
            return Resending(dead_letter_box(), resender(session, Lake(settings().lake), self._sender.send))
        except Exception:
            session.cluster.shutdown()
            raise


_LIVE = LiveResending()


def resending_of(request: Request, bank: BankDep) -> Resending:
    """What the application was given for it (``app.state.resending``), or that of the running Airflow."""
    made = getattr(request.app.state, "resending", _LIVE)
    return cast("Callable[[], Resending]", made)()


#: Parameter of routes.
ResendingDep = Annotated[Resending, Depends(resending_of)]
