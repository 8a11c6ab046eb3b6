"""Stand-ins for the vendors of SMS, Slack and webhooks, over the mailbox's store.

They check requests as the vendors do and keep what they take beside the mails.

=============================================================  ===========================================
``/vendors/twilio/2010-04-01/Accounts/<sid>/Messages.json``    POST sends, GET lists (``twilio``)
``/vendors/slack/api/chat.postMessage``                        ``slack``
``/vendors/slack/api/conversations.history``                   ``slack``
``/vendors/webhook``                                           a receiver that checks signatures (``webhook``)
=============================================================  ===========================================

``exchange`` is the request and the answer, ``posted`` the form in which messages are kept.
"""

from include.local.mailbox.vendors.exchange import Answer, Request
from include.local.mailbox.vendors.reception import Credentials, Vendors

__all__ = ["Answer", "Credentials", "Request", "Vendors"]
