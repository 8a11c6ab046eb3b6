"""The embedded mailbox: a mail server that takes everything, keeps it on disk and shows it in a browser.

``python -m include.local.mailbox --smtp-port 1025 --http-port 8025 --directory .local/mailbox``

It stands in for the recipients' mail system and behaves as a good one does: what it has acknowledged
survives a power cut, and a second copy of a Message-ID is acknowledged and dropped, as the duplicate
suppression of Dovecot and Cyrus does.

==============  ==========================================================================
``store``       messages on disk, one a file, and the suppression of repetitions
``smtp``        the SMTP server (aiosmtpd)
``web``         the read-only pages and the JSON API; ``view`` takes a message apart for them
``server``      both together, started and stopped
``__main__``    the command
==============  ==========================================================================
"""

from include.local.mailbox.server import Mailbox
from include.local.mailbox.store import MailStore, StoredMail

__all__ = ["MailStore", "Mailbox", "StoredMail"]
