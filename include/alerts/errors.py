"""What can go wrong between a scored batch and a mailbox.

::

    AlertsError
    ├── ScoredTableError          a scored batch is not what the contract says
    ├── RoutingError              routing.yaml cannot be used (file, line, what was expected)
    ├── CustomerError             a customer's record, or a file of them, cannot be used
    ├── RenderingError            a message cannot be written
    └── DeliveryFailure           one attempt to hand a message over has failed
        ├── TemporaryFailure      try again later
        │   ├── ChannelUnavailable    ... and not only this message: the whole channel is out of order
        │   ├── OutcomeUnknown        ... and it may have been taken: no answer came
        │   └── BrokenPromise         ... and it may have been taken: the channel failed in a way it does not document
        └── PermanentFailure      no repetition can help
"""

from __future__ import annotations

from pathlib import Path


class AlertsError(Exception):
    """Base of every error of this package."""


class ScoredTableError(AlertsError):
    """A scored batch lacks a column, or holds a value no alert can be made of."""


class RoutingError(AlertsError):
    """The routing file cannot be used.

    Parameters
    ----------
    file, line
        Where; lines count from 1.
    problem
        What was expected, what was found and what to do.
    """

    def __init__(self, file: Path, line: int, problem: str) -> None:
        super().__init__(f"{file}:{line}: {problem}")
        self.file = file
        self.line = line


class CustomerError(AlertsError, ValueError):
    """A customer's record, or a file of them, holds something that cannot be meant."""


class RenderingError(AlertsError):
    """A message cannot be written: no template for the audience, or a template that fails."""


class DeliveryFailure(AlertsError):
    """One attempt to hand a message over has failed."""


class TemporaryFailure(DeliveryFailure):
    """The message may be tried again, with the same Message-ID.

    Parameters
    ----------
    problem
        What the vendor said.
    retry_after
        Seconds the vendor asks us to wait; None if it did not say.
    """

    def __init__(self, problem: str, retry_after: float | None = None) -> None:
        super().__init__(problem)
        self.retry_after = retry_after


class ChannelUnavailable(TemporaryFailure):
    """The channel itself is out of order: refused connection, refused login, rate limit.

    It says nothing about the message, so other messages would fail alike: the outbox stops using
    the channel for the rest of its run after a few of these in a row.
    """


class OutcomeUnknown(TemporaryFailure):
    """No answer came in time, or the connection was lost: the message may have been taken or not.

    One such says little about the channel. Several in a row say that it takes connections and answers nothing,
    and each holds up a sender for as long as a time-out: the outbox then stops using the channel as well.
    """


class BrokenPromise(TemporaryFailure):
    """A channel raised what it does not document; it says nothing about the channel, nor whether it was taken."""


class PermanentFailure(DeliveryFailure):
    """The vendor will never take this message: no repetition can help."""
