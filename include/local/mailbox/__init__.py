"""The embedded mailbox: takes mail, SMS, Slack messages and webhooks, keeps and shows them in a browser.

``python -m include.local.mailbox --smtp-port 1025 --http-port 8025 --directory .local/mailbox``

It stands in for the recipients' mail system and behaves as a good one does: what it has acknowledged
survives a power cut, and a second copy of a Message-ID is acknowledged and dropped, as the duplicate
suppression of Dovecot and Cyrus does.

==============  ==========================================================================
``store``       messages on disk, one a file, and the suppression of repetitions
``smtp``        the SMTP server (aiosmtpd)
``vendors``     stand-ins for Twilio, Slack and a receiver of webhooks, on the port of the pages
``web``         the read-only pages and the JSON API; ``view`` takes a message apart for them
``server``      all together, started and stopped
``__main__``    the command
==============  ==========================================================================
"""

from include.local.mailbox.server import Mailbox
from include.local.mailbox.store import MailStore, StoredMail
from include.local.mailbox.vendors import Credentials

__all__ = ["Credentials", "MailStore", "Mailbox", "StoredMail"]
