"""Every link in a message leads to a page the desk has."""

import re
from datetime import timedelta

import pytest

from include.alerts.delivery import CUSTOMER, DIGEST, ESCALATION, STAFF
from include.alerts.rendering import Renderer
from include.cases.customer_answer import AnswerLinks
from plugins.fraud_desk.app import make_app
from tests.alerts.examples import alert, delivery
from tests.desk.bank import MemoryBank
from tests.desk.conftest import PREFIX
from tests.desk.routes import routes_of

DESK = f"https://bank.example{PREFIX}"


@pytest.mark.parametrize("audience", [STAFF, CUSTOMER, ESCALATION, DIGEST])
def test_a_link_in_a_message_has_a_page(audience: str, bank: MemoryBank) -> None:
    about = alert(typology="card_testing", raised_at=alert().raised_at + timedelta(seconds=1))
    answers = AnswerLinks(["a key that is long enough"], f"{DESK}/answer")
    by = Renderer(desk_url=DESK, link_of=lambda of, _: answers.link(of))
    to = delivery(about, audience=audience)
    message = by.render_digest([about], to) if audience == DIGEST else by.render(about, to)
    links = set(re.findall(r"https://bank\.example([^\s<>\"]*)", f"{message.text}\n{message.html}"))
    assert links
    pages = [path for method, path in routes_of(make_app(bank)) if method == "GET" and ":path" not in path]
    for link in links:
        assert any(_leads_to(link, path) for path in pages), link


def _leads_to(link: str, path: str) -> bool:
    return re.fullmatch(PREFIX + re.sub(r"\{\w+\}", "[^/]+", path), link) is not None
