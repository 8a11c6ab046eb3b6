"""The laws of a chain: nothing is changed, removed or cut off unseen; doing a deed twice records it once."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.governance.audit import AuditBroken, AuditChain, AuditCollision, Head, record_action
from include.governance.audit_record import AuditRecord, canonical, plain
from include.stores.lake.files import Lake

RECORDS = 4
NOW = datetime(2026, 3, 1, tzinfo=UTC)


def append(chain: AuditChain, number: int, **content):
    return chain.append(
        key=f"deed {number}",
        kind="deed",
        actor="ann",
        subject=f"case {number}",
        content={"number": number, **content},
        time=NOW,
    )


@pytest.fixture
def lake(tmp_path) -> Lake:
    return Lake((tmp_path / "lake").as_uri())


@pytest.fixture
def chain(lake) -> AuditChain:
    made = AuditChain(lake, "deeds")
    for number in range(1, RECORDS + 1):
        append(made, number)
    return made


@pytest.fixture
def folder(tmp_path, chain) -> Path:
    return tmp_path / "lake" / "audit" / "deeds"


def test_records_follow_each_other(chain):
    records = list(chain.records())
    assert [record.number for record in records] == [1, 2, 3, 4]
    assert [record.previous for record in records] == ["0" * 64, *(record.sha256 for record in records[:-1])]
    assert chain.head() == records[-1].place
    assert chain.verify() == []
    assert all(chain.confirmed(record) for record in records)


def test_a_chain_nobody_wrote_to_is_empty_and_sound(lake):
    empty = AuditChain(lake, "none")
    assert (empty.head(), list(empty.records()), empty.verify()) == (Head(), [], [])


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_any_changed_byte_is_found(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("chain")
    made = AuditChain(Lake(folder.as_uri()), "deeds")
    for number in (1, 2):
        append(made, number, memo="ü €")
    files = sorted((folder / "audit/deeds").glob("*.json"))
    path = data.draw(st.sampled_from(files))
    content = bytearray(path.read_bytes())
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    assert made.verify()
    shutil.rmtree(folder)


@pytest.mark.parametrize("lost", range(1, RECORDS + 1))
def test_a_removed_record_is_found_and_named(chain, folder, lost):
    (folder / f"{lost:010d}.json").unlink()
    problems = chain.verify()
    assert any(str(lost) in problem.what for problem in problems)
    assert len(problems) == 1


def test_records_that_change_places_are_found(chain, folder):
    one, other = folder / "0000000002.json", folder / "0000000003.json"
    first, second = one.read_bytes(), other.read_bytes()
    one.write_bytes(second)
    other.write_bytes(first)
    assert {problem.where[-15:] for problem in chain.verify()} >= {"0000000002.json", "0000000003.json"}


def test_a_record_written_anew_with_a_hash_of_its_own_is_found(chain, folder, lake):
    path = folder / "0000000002.json"
    old = AuditRecord.read(path.read_bytes())
    said = {name: getattr(old, name) for name in old.__slots__ if name != "sha256"}
    path.write_bytes(AuditRecord.of(**(said | {"actor": "eve"})).content_of_file())
    assert [problem.where for problem in chain.verify()] == ["audit/deeds/0000000003.json"]


def test_a_record_of_another_chain_is_found(chain, folder, lake):
    other = AuditChain(lake, "others")
    for number in (1, 2, 3):
        append(other, number)
    shutil.copy(folder.parent / "others/0000000002.json", folder)
    assert "exchanged" in str(chain.verify()[0])


def test_a_head_that_was_set_back_is_found(chain, folder):
    (folder / "head.json").write_bytes(chain.record(2).place.content_of_file())
    assert "expected to name record 4, got 2" in str(chain.verify()[0])


def test_a_chain_that_grows_while_it_is_verified_is_sound(chain, monkeypatch):
    numbers = chain.numbers

    def grown():
        for number in (5, 6, 7):
            append(AuditChain(chain._lake, "deeds"), number)
        return numbers()

    monkeypatch.setattr(chain, "numbers", grown)
    assert chain.verify() == []


def test_a_cut_end_is_found_by_the_head(chain, folder):
    (folder / "0000000004.json").unlink()
    assert "cut off" in str(chain.verify()[0])


def test_a_cut_end_and_head_are_found_by_a_witness_alone(chain, folder):
    places = [record.place for record in chain.records()]
    for number in (3, 4):
        (folder / f"{number:010d}.json").unlink()
    (folder / "head.json").write_bytes(places[1].content_of_file())
    assert chain.verify() == []
    assert chain.verify(places[:2]) == []
    assert len(chain.verify(places)) == 2


def test_a_chain_written_anew_is_found_by_a_witness_alone(chain, folder, lake):
    places = [record.place for record in chain.records()]
    shutil.rmtree(folder)
    for number in range(1, RECORDS + 1):
        append(chain, number, forged=True)
    assert chain.verify() == []
    assert len(chain.verify(places)) == RECORDS


def test_the_same_deed_is_recorded_once(chain):
    before = chain.head()
    assert append(chain, 2).number == 2
    assert chain.head() == before
    assert chain.verify() == []


def test_another_outcome_amends_and_changes_nothing(chain, folder):
    was = (folder / "0000000002.json").read_bytes()
    amendment = append(chain, 2, outcome="another")
    assert (amendment.number, amendment.earlier) == (5, 2)
    assert append(chain, 2, outcome="another").number == 5
    assert append(chain, 2).number == 6  # back to the first outcome: that is news, too
    assert (folder / "0000000002.json").read_bytes() == was
    assert chain.verify() == []


class Killed(BaseException):
    pass


@pytest.mark.parametrize("writes", [1, 2])
def test_a_killed_append_is_brought_to_its_end_by_the_next(chain, lake, monkeypatch, writes):
    original, left = lake.write_bytes, [writes]

    def write_bytes(path, content):
        left[0] -= 1
        if not left[0]:
            raise Killed
        original(path, content)

    monkeypatch.setattr(lake, "write_bytes", write_bytes)
    with pytest.raises(Killed):
        append(chain, 5)
    monkeypatch.undo()
    assert chain.head().number == 4
    assert chain.verify() == []
    assert append(chain, 5).number == 5
    assert append(chain, 6).number == 6
    assert chain.head().number == 6
    assert chain.verify() == []


def test_a_first_append_that_was_killed_is_brought_to_its_end(lake, monkeypatch):
    made = AuditChain(lake, "deeds")

    def write_bytes(path, content):
        raise Killed

    monkeypatch.setattr(lake, "write_bytes", write_bytes)
    with pytest.raises(Killed):
        append(made, 1)
    monkeypatch.undo()
    assert made.verify() == []
    assert append(made, 1).number == 1
    assert append(made, 2).number == 2
    assert made.verify() == []


def test_a_broken_pointer_costs_a_second_record_and_no_more(chain, folder, lake, caplog):
    (folder / "keys/deed%202.json").write_bytes(b"{")
    with pytest.raises(AuditBroken, match="expected the number of a record"):
        chain.newest("deed 2")
    assert append(chain, 2).number == 5
    assert "deed%202" in caplog.text
    assert chain.newest("deed 2").number == 5
    assert chain.verify() == []


def test_a_second_writer_is_noticed_and_nothing_overwritten(chain, folder, lake, monkeypatch):
    original = lake.create_bytes

    def create_bytes(path, content):
        monkeypatch.undo()
        append(AuditChain(lake, "deeds"), 9)  # the other one is faster
        original(path, content)

    monkeypatch.setattr(lake, "create_bytes", create_bytes)
    with pytest.raises(AuditCollision, match="got record 5 of another"):
        append(chain, 5)
    assert chain.record(5).key == "deed 9"
    assert append(chain, 5).number == 6
    assert chain.verify() == []


def test_a_lost_head_is_told_and_nothing_is_appended(chain, folder):
    (folder / "head.json").unlink()
    with pytest.raises(AuditBroken, match=r"expected audit/deeds/head.json beside 4 records"):
        append(chain, 5)
    assert "somebody removed it" in str(chain.verify()[0])


def test_a_changed_end_is_logged_and_stays_provable(chain, folder, caplog):
    path = folder / "0000000004.json"
    path.write_bytes(path.read_bytes().replace(b"ann", b"eve"))
    append(chain, 5)
    assert "0000000004.json" in caplog.text
    assert [problem.where for problem in chain.verify()] == ["audit/deeds/0000000004.json"]


def test_actions_are_told_apart_by_what_they_say_or_by_a_key(lake):
    first = record_action(lake, "ann", "rule approved", "rule a", {"version": 3})
    assert record_action(lake, "ann", "rule approved", "rule a", {"version": 3}) == first
    assert record_action(lake, "bob", "rule approved", "rule a", {"version": 3}).number == 2
    assert record_action(lake, "ann", "list changed", "payees", {}, key="run 7").number == 3
    assert record_action(lake, "ann", "list changed", "payees", {}, key="run 8").number == 4
    back = record_action(lake, "ann", "rule approved", "rule a", {"version": 3})
    assert (back.number, back.earlier) == (5, 2)  # after another's word on the same it is news
    long = record_action(lake, "ann", "noted", "x" * 500, {})
    assert record_action(lake, "ann", "noted", "x" * 500, {}) == long
    assert AuditChain(lake, "actions").verify() == []


def testnumbers_and_times_have_one_form():
    assert plain({"a": 0.1, "b": Decimal("1.50"), "c": NOW, "d": (1, True, None)}) == {
        "a": "0.1", "b": "1.50", "c": "2026-03-01T00:00:00+00:00", "d": [1, True, None],
    }  # fmt: skip
    assert canonical({"b": float("nan"), "a": "ü"}) == b'{"a":"\\u00fc","b":"nan"}'
    for wrong in ({1: 2}, {"a": object()}, {"a": datetime(2026, 1, 1)}):
        with pytest.raises(TypeError, match="expected"):
            canonical(wrong)


def test_a_file_is_created_once(lake):
    lake.create_bytes("a/b", b"first")
    with pytest.raises(FileExistsError):
        lake.create_bytes("a/b", b"second")
    assert lake.read_bytes("a/b") == b"first"
    assert lake.names("a") == ["b"]
