"""A receiver of webhooks that does what the Standard Webhooks specification asks of one."""

from __future__ import annotations

import json

from standardwebhooks import Webhook, WebhookVerificationError

from include.local.mailbox.store import MailStore
from include.local.mailbox.vendors.exchange import Answer, Request
from include.local.mailbox.vendors.posted import Posted, keep


def answer(store: MailStore, request: Request, secret: str) -> Answer:
    """Check the signature, drop repetitions of ``webhook-id``, keep the rest."""
    if request.method != "POST":
        return Answer(405, {"message": "expected POST"})
    try:
        content = Webhook(secret).verify(request.body, dict(request.headers))
    except WebhookVerificationError as error:
        return Answer(401, {"message": str(error)})
    except ValueError:
        return Answer(400, {"message": "expected JSON"})
    data = content.get("data") or {}
    posted = Posted(
        channel="webhook",
        vendor_id=request.headers["webhook-id"],
        sender="tidewatch",
        recipient=str(data.get("recipient", "")),
        subject=f"{content.get('type', '')}: {data.get('subject', '')}",
        text=json.dumps(content, ensure_ascii=False, indent=2),
        request=content,
        alert_id=str(data.get("alert_id", "")),
        delivery_id=str(data.get("delivery_id", "")),
    )
    return Answer(200, {"kept": keep(store, posted)})
