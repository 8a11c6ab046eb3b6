"""What a channel is. The outbox knows nothing else of a vendor."""

from __future__ import annotations

from typing import Protocol

from include.alerts.message import Message


class Channel(Protocol):
    """Hands messages over to a vendor.

    A channel tries once; repeating is the outbox's business. Every try of a message carries the same
    Message-ID, so that the receiver can drop a repetition.
    """

    @property
    def name(self) -> str:
        """Name by which deliveries ask for the channel, for example ``email``."""
        ...

    def send(self, message: Message, attempt: int = 1) -> str | None:
        """Hand one message over.

        Parameters
        ----------
        message
            What to send.
        attempt
            Which try this is, from 1 on: on a later one the vendor may have it already.

        Returns
        -------
        str or None
            The vendor's id of the message, if it gives one.

        Raises
        ------
        TemporaryFailure
            Try again later; also when it is unknown whether the vendor has taken the message.
        ChannelUnavailable
            A temporary failure that says nothing about the message: the channel is out of order.
        PermanentFailure
            The vendor will never take this message.
        """
        ...

    def close(self) -> None:
        """Let go of connections; the next ``send`` opens them again."""
        ...
