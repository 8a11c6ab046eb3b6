"""What this package raises.

::

    TransactionsError
    ├── TopicError
    │   ├── TopicMismatch        an existing topic has other settings than the contract asks for
    │   └── TopicsUnavailable    the brokers did not answer, or refused to create a topic
    ├── DeliveryFailed           records handed to the producer were not confirmed by the brokers
    ├── RecordTooLarge           a record is larger than the topic takes; it was not sent
    ├── ResendRefused            a dead letter must not be sent again, or not like this
    │   ├── PlaceRefused         what should name a place in a topic does not
    │   └── CorrectionRefused    a correction makes no sense
    ├── SimulationError          a simulated bank was asked for something it cannot make
    └── ImportFailed
        ├── MappingError         the YAML mapping contradicts itself, the contract or the file
        ├── SourceUnreadable     the file as a whole cannot be read (single rows are reported, not raised)
        └── PseudonymKeyMissing  no usable key for pseudonyms was given

A record that breaks the event contract is no exception: ``validation.validate`` returns its reasons.
"""

from __future__ import annotations


class TransactionsError(Exception):
    """Root of this package's errors."""


class TopicError(TransactionsError):
    """Something is wrong with a Kafka topic."""


class TopicMismatch(TopicError):
    """An existing topic has other settings than expected.

    Attributes
    ----------
    topic, setting, expected, found
        What differs, as text.
    fix
        The command that puts it right.
    """

    def __init__(self, topic: str, setting: str, expected: str, found: str, fix: str) -> None:
        super().__init__(f"topic {topic!r}: expected {setting}={expected}, found {found}; to fix it: {fix}")
        self.topic = topic
        self.setting = setting
        self.expected = expected
        self.found = found
        self.fix = fix


class TopicsUnavailable(TopicError):
    """The brokers could not be reached, or refused to describe or create a topic."""


class DeliveryFailed(TransactionsError):
    """Records were not confirmed by the brokers.

    Attributes
    ----------
    failed
        Records the client gave up on; they are not in the topic as far as the client knows.
    unconfirmed
        Records still waiting in the client when the caller's patience ended.
    """

    def __init__(self, message: str, *, failed: int = 0, unconfirmed: int = 0) -> None:
        super().__init__(message)
        self.failed = failed
        self.unconfirmed = unconfirmed


class RecordTooLarge(TransactionsError):
    """A record is larger than the topic takes. It was not sent; sending it again finds the same."""


class ResendRefused(TransactionsError):
    """A dead letter was sent before, is being sent, or would be refused again."""


class PlaceRefused(ResendRefused):
    """A text does not name a place in a topic."""


class CorrectionRefused(ResendRefused):
    """A correction makes no sense."""


class SimulationError(TransactionsError):
    """A simulated bank was asked for something it cannot make."""


class ImportFailed(TransactionsError):
    """A historical file cannot be imported."""


class MappingError(ImportFailed):
    """The mapping contradicts itself, the contract or the columns of the file."""


class SourceUnreadable(ImportFailed):
    """The file is missing, empty or not of the format it claims to be."""


class PseudonymKeyMissing(ImportFailed):
    """No key, or one too short, was given for the pseudonyms of accounts and customers."""
