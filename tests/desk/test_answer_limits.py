"""The customers' page, asked too often: by one address, about one alert, with links that are none."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from include.cases.answer_limits import AttemptLimit
from plugins.fraud_desk.app import make_app
from plugins.fraud_desk.pages.answer import AnswerLimits
from tests.desk.bank import MemoryBank, invented
from tests.desk.conftest import PREFIX


class World:
    """The desk with small limits, a link, and customers at different addresses."""

    def __init__(self, bank: MemoryBank) -> None:
        (one,), bank.past.transactions = invented(1)
        self.alert = replace(one, typology="card_testing", raised_at=datetime.now(UTC))
        bank.raise_alerts(self.alert)
        answers = bank.stores().answers
        assert answers is not None
        self.token = str(answers.links.link(self.alert)).rpartition("/")[2]
        self.bank = bank
        self.desk = make_app(bank)
        self.desk.state.answer_limits = AnswerLimits(
            addresses=AttemptLimit(5, 60.0, 10), links=AttemptLimit(3, 60.0, 10)
        )
        self.app = FastAPI()
        self.app.mount(PREFIX, self.desk)

    def at(self, address: str) -> TestClient:
        return TestClient(self.app, client=(address, 5000), base_url=f"http://testserver{PREFIX}/answer")


@pytest.fixture
def world(auth_manager: None, bank: MemoryBank) -> World:
    return World(bank)


def test_an_address_that_tries_links_is_told_to_wait(world: World) -> None:
    thief = world.at("192.0.2.1")
    assert [thief.get(f"/forged-{n}").status_code for n in range(6)] == [403] * 5 + [429]
    refused = thief.get(f"/{world.token}")
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) > 0
    assert "default-src 'none'" in refused.headers["content-security-policy"]
    assert thief.post(f"/{world.token}", data={"answer": "fraud"}).status_code == 429
    assert world.bank.labels == []
    assert world.at("192.0.2.2").get(f"/{world.token}").status_code == 200, "others are not held up"


def test_one_link_from_everywhere_is_held_up_and_others_are_not(world: World) -> None:
    found = [world.at(f"192.0.2.{n}").get(f"/{world.token}").status_code for n in range(1, 5)]
    assert found == [200, 200, 200, 429]
    assert world.at("192.0.2.9").post(f"/{world.token}", data={"answer": "fraud"}).status_code == 429
    assert world.bank.labels == []


def test_an_address_that_waits_asks_no_store(world: World) -> None:
    thief = world.at("192.0.2.1")
    for n in range(5):
        thief.get(f"/forged-{n}")
    world.bank.failure = AssertionError("a store was asked")  # type: ignore[assignment]
    assert thief.get(f"/{world.token}").status_code == 429


def test_forged_links_take_no_memory(world: World) -> None:
    for n in range(30):
        world.at(f"192.0.2.{n}").get("/forged")
    assert len(world.desk.state.answer_limits.links) == 0
    assert len(world.desk.state.answer_limits.addresses) == 10


def test_looking_and_answering_is_within_the_limits(world: World) -> None:
    customer = world.at("2001:db8::1")
    assert customer.get(f"/{world.token}").status_code == 200
    assert customer.post(f"/{world.token}", data={"answer": "fraud"}).status_code == 200
    assert [label.source for label in world.bank.labels] == ["CUSTOMER"]
