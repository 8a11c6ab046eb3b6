"""The desk's chain has several writers: nobody's action is lost, none is written twice."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from include.governance import desk_actions
from include.governance.audit import AuditChain, AuditCollision
from include.governance.desk_actions import DESK, record_desk_action
from include.stores.lake.files import Lake


def test_many_at_once_are_all_there(tmp_path) -> None:
    def act(number: int) -> None:
        lake = Lake(tmp_path.as_uri())
        record_desk_action(lake, "ann", "tried", f"thing {number}", {"n": number}, key=f"k{number}")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(act, range(24)))
    chain = AuditChain(Lake(tmp_path.as_uri()), DESK)
    assert sorted(record.content["n"] for record in chain.records()) == list(range(24))
    assert chain.verify() == []


def test_the_same_again_is_one(tmp_path) -> None:
    lake = Lake(tmp_path.as_uri())
    first = record_desk_action(lake, "ann", "tried", "thing", {}, key="k")
    assert record_desk_action(lake, "ann", "tried", "thing", {}, key="k") == first
    assert record_desk_action(lake, "bob", "tried", "thing", {}, key="k").earlier == first.number


def test_who_is_never_first_gives_up(tmp_path, monkeypatch) -> None:
    def taken(*_, **__):
        raise AuditCollision("another")

    monkeypatch.setattr(AuditChain, "append", taken)
    monkeypatch.setattr(desk_actions, "_PAUSE_SECONDS", 0.0)
    with pytest.raises(AuditCollision):
        record_desk_action(Lake(tmp_path.as_uri()), "ann", "tried", "thing", {}, key="k")
