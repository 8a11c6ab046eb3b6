"""What a channel is. The outbox knows nothing else of a vendor."""

from __future__ import annotations

from typing import Protocol

from include.alerts.message import Message


class Channel(Protocol):
    """Hands messages over to a vendor.

    A channel tries once; repeating is the outbox's business. What keeps a repetition from arriving twice
    depends on the vendor: e-mail carries the same Message-ID and a webhook the same ``webhook-id``, by which
    the receiver drops a repetition; Twilio and Slack are asked, from the second attempt on, whether they have
    the message already.
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
            Equal at every attempt of the same delivery.
        attempt
            Number of this attempt, from 1 on. From 2 on an earlier one may have been taken though nobody
            heard of it.

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
