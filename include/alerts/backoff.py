"""How long to wait before a delivery is tried again, and when to stop trying."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Backoff:
    """Exponential back-off with jitter.

    The jitter is drawn from a generator seeded by the delivery and the attempt, so that a replay waits
    alike and a crowd of deliveries that failed together does not come back together.

    Parameters
    ----------
    first_seconds
        Wait after the first failure, before jitter.
    factor
        Growth with each further failure.
    cap_seconds
        Longest wait, before jitter.
    jitter
        Share of the wait that is drawn: a wait ``w`` becomes uniform in ``[w (1 - jitter), w]``.
    max_attempts
        The attempt whose failure makes a delivery dead, if the vendor may have taken the message: by default after
        about four hours. Of ten thousand messages of a storm, with vendors of which every second call fails and that
        have to be asked first (0.4 of attempts succeed), 0.6 ** 32 leaves one in a thousand storms dead; 14 attempts
        would leave eight in each.
    max_unwritten
        The same if the message cannot be written, which seldom comes right by itself: by default after about an hour.
        Twice as many senders may die of one before it is given up.
    max_refused
        The same for failures that leave no doubt: the vendor is away, out of order or refuses for now. By default
        after more than a day, so that an outage, or a password nobody has renewed, costs no message.
    seed
        Seed of the jitter.
    """

    first_seconds: float = 2.0
    factor: float = 2.0
    cap_seconds: float = 900.0
    jitter: float = 0.5
    max_attempts: int = 32
    max_unwritten: int = 14
    max_refused: int = 160
    seed: int = 0

    def __post_init__(self) -> None:
        if not (self.first_seconds > 0 and self.factor >= 1 and self.cap_seconds >= self.first_seconds):
            raise ValueError(
                "expected first_seconds > 0, factor >= 1 and cap_seconds >= first_seconds, got "
                f"{self.first_seconds}, {self.factor}, {self.cap_seconds}"
            )
        if not (0 <= self.jitter <= 1 and min(self.max_attempts, self.max_unwritten) >= 1):
            raise ValueError(
                "expected 0 <= jitter <= 1, max_attempts >= 1 and max_unwritten >= 1, got "
                f"{self.jitter}, {self.max_attempts}, {self.max_unwritten}"
            )

    def wait_seconds(self, delivery_id: uuid.UUID, attempt: int) -> float:
        """Seconds to wait after the failure of ``attempt``, which counts from 1."""
        # Cut off early: factor ** attempt overflows long before a patient configuration is through.
        wait = self.first_seconds
        for _ in range(attempt - 1):
            if wait >= self.cap_seconds:
                break
            wait *= self.factor
        wait = min(wait, self.cap_seconds)
        generator = np.random.default_rng([self.seed, delivery_id.int, attempt])
        return wait * (1.0 - self.jitter * float(generator.random()))

    def exhausted(self, attempt: int, *, refused: bool = False, unwritten: bool = False) -> bool:
        """Whether the failure of ``attempt`` was the last one allowed.

        Parameters
        ----------
        refused
            The vendor has certainly not taken the message.
        unwritten
            It could not be written.
        """
        return attempt >= (self._unwritten if unwritten else self._most(refused))

    def died_too_often(self, attempt: int, *, ever_failed: bool) -> bool:
        """Whether senders must have died of a message: nothing else has them try so often without giving up.

        Parameters
        ----------
        ever_failed
            Some try came to an end; then most of them may have.
        """
        return attempt > 2 * (self._most(refused=True) if ever_failed else self._unwritten)

    @property
    def _unwritten(self) -> int:
        return min(self.max_unwritten, self.max_attempts)

    def _most(self, refused: bool) -> int:
        return max(self.max_refused, self.max_attempts) if refused else self.max_attempts
