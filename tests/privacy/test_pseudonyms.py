"""With pseudonyms on, no identifier of the source is in what is sent, kept or stored; and the look-up leads back."""

from __future__ import annotations

import json
import stat
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from cryptography.fernet import Fernet
from pydantic import ValidationError

from include.alerts.contacts import simulated_customers
from include.auditing import resolve
from include.governance.audit import AuditChain
from include.pipeline import customers, first_model
from include.pipeline.bank import USUAL_DISTURBANCES, BankFeed
from include.pipeline.desk_audit import DESK
from include.privacy.errors import LookupUnavailable, UnknownToken
from include.privacy.lookup import TokenLookup
from include.privacy.pseudonymising import Pseudonymiser, TokenCustomers
from include.settings import Settings, settings
from include.stores.lake.files import Lake
from include.stores.memory.customers import MemoryCustomerStore
from include.transactions.importer.__main__ import main as import_main
from include.transactions.schema import TRANSACTION_SCHEMA
from include.transactions.simulator.bank import SimulatedBank
from include.transactions.validation import validate
from tests.transactions import corpus

KEY = b"a key of pseudonyms for tests"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def lookup(tmp_path: Path) -> TokenLookup:
    return TokenLookup(tmp_path / "kept" / "pseudonyms.sqlite", Fernet.generate_key().decode())


@pytest.fixture
def names(lookup: TokenLookup) -> Pseudonymiser:
    return Pseudonymiser(KEY, lookup)


def _identifiers(bank: SimulatedBank, days: int) -> set[str]:
    tables = [bank.day(day).transactions for day in range(days)]
    columns = ("account_id", "counterparty_id", "customer_id", "device_id")
    found = {one for table in tables for name in columns for one in table[name].to_pylist() if one}
    return {one for one in found if len(one) > 5}


def test_from_the_source_to_the_topic_and_the_lake_no_identifier(names: Pseudonymiser, tmp_path: Path):
    lake = Lake((tmp_path / "lake").as_uri())
    feed = BankFeed(lake, 3, 80, 3, now=NOW, names=names)
    plain = BankFeed(Lake((tmp_path / "plain").as_uri()), 3, 80, 3, now=NOW)
    first_model.prepare(feed, lake)
    sent: list[tuple[bytes, bytes | None]] = []

    def send(records):
        sent.extend(records)
        return len(sent)

    feed.send(600, send, USUAL_DISTURBANCES, NOW)
    labels: list[tuple[bytes, bytes | None]] = []
    feed.send_labels(lambda records: len(labels.extend(records) or labels))
    store = MemoryCustomerStore()
    customers.add_simulated(feed.customer_ids, store)
    identifiers = _identifiers(plain._bank, plain.history_days + 3)
    assert len(identifiers) > 100
    written = b"".join((key or b"") + (value or b"") for key, value in [*sent, *labels])
    lake_text = "".join(
        str(lake.read_table(str(path.relative_to(tmp_path / "lake"))).to_pylist())
        if path.suffix == ".parquet"
        else path.read_text()
        for path in (tmp_path / "lake").rglob("*")
        if path.is_file()
    )
    assert [one for one in identifiers if one.encode() in written] == []
    assert [one for one in identifiers if one in lake_text] == []
    assert len(store.get_many(feed.customer_ids)) == 80
    amounts = [json.loads(value)["amount"] for _, value in plain_records(plain)]
    assert amounts, "the same bank goes on under its own names elsewhere"


def plain_records(feed: BankFeed):
    sent = []
    feed.send(20, lambda records: len(sent.extend(records) or sent), type(USUAL_DISTURBANCES)(), NOW)
    return sent


def test_equal_identifiers_have_equal_tokens_and_the_contract_takes_them(
    names: Pseudonymiser, lookup: TokenLookup
):
    table = SimulatedBank(3, 80, start=datetime(2026, 2, 1, tzinfo=UTC)).day(1).transactions
    made = names.table(table)
    assert made.schema == table.schema
    for name in ("account_id", "counterparty_id", "customer_id", "device_id"):
        pairs = set(zip(table[name].to_pylist(), made[name].to_pylist(), strict=True))
        assert len({old for old, _ in pairs}) == len({new for _, new in pairs}) == len(pairs)
        assert all(new is None or len(new) <= 34 for _, new in pairs)
    assert names.table(made) == made, "a token stays"
    assert Pseudonymiser(KEY, lookup).table(table) == made
    account = table["account_id"][0].as_py()
    assert names.tokens("counterparty_id", [account]) == names.tokens("account_id", [account])
    assert (
        Pseudonymiser(b"another key of tests", lookup).tokens("account_id", [account])
        != made["account_id"][:1]
    )


@pytest.mark.parametrize("case", corpus.CASES, ids=lambda case: case.name)
def test_the_contract_judges_a_record_as_before(names: Pseudonymiser, case):
    ((key, value),) = names.records([(case.key, case.value)])
    before = validate(case.value, case.key, corpus.ARRIVED_AT, corpus.RETENTION)
    after = validate(value, key, corpus.ARRIVED_AT, corpus.RETENTION)
    assert isinstance(after, list) == isinstance(before, list), (before, after)
    if not isinstance(after, list) and not isinstance(before, list):
        for name in ("transaction_id", "amount", "currency", "occurred_at", "country"):
            assert getattr(after, name) == getattr(before, name)


def test_what_cannot_be_read_is_withheld_and_says_so(names: Pseudonymiser):
    broken = b'{"account_id":"DE89370400440532013000","amount":'
    ((key, value),) = names.records([(b"DE89370400440532013000", broken)])
    assert b"DE8937" not in key + (value or b"")
    assert set(json.loads(value or b"")) == {"withheld", "sha256", "bytes"}
    odd = json.dumps({"account_id": 4711471147, "customer_id": ["DE8937"], "note": "call Jane"}).encode()
    ((_, value),) = names.records([(b"", odd)])
    assert b"4711471147" not in (value or b"")
    assert b"DE8937" not in (value or b"")
    assert b"Jane" not in (value or b"")


def test_customers_are_known_by_their_tokens_with_their_contacts(names: Pseudonymiser):
    inner = MemoryCustomerStore()
    (one,) = simulated_customers(["C-0001"])
    by_name = TokenCustomers(inner, names)
    by_name.put([one])
    assert inner.get_many(["C-0001"]) == {}
    token = names.tokens("customer_id", ["C-0001"])[0]
    assert inner.get_many([token])[token].email == one.email
    assert by_name.get_many(["C-0001"])["C-0001"].customer_id == token


def test_the_look_up_leads_back_with_its_key_only(names: Pseudonymiser, lookup: TokenLookup, tmp_path: Path):
    (token,) = names.tokens("account_id", ["DE89370400440532013000"])
    assert lookup.resolve(token) == "DE89370400440532013000"
    path = tmp_path / "kept" / "pseudonyms.sqlite"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert b"DE89370400440532013000" not in path.read_bytes()
    with pytest.raises(LookupUnavailable, match="another key"):
        TokenLookup(path, Fernet.generate_key().decode()).resolve(token)
    with pytest.raises(UnknownToken):
        lookup.resolve("P" + "A" * 32)
    with pytest.raises(LookupUnavailable, match="Fernet key"):
        TokenLookup(path, "not a key")


def test_nothing_is_given_out_that_cannot_be_kept(tmp_path: Path):
    (tmp_path / "file").write_text("in the way")
    names = Pseudonymiser(KEY, TokenLookup(tmp_path / "file" / "x.sqlite", Fernet.generate_key().decode()))
    with pytest.raises(LookupUnavailable, match="TIDEWATCH_LOOKUP_PATH"):
        names.tokens("account_id", ["A-1"])


@pytest.fixture
def switched_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Settings:
    for name, value in {
        "PSEUDONYMS": "on",
        "PSEUDONYM_KEY": KEY.decode(),
        "LOOKUP_KEY": Fernet.generate_key().decode(),
        "LOOKUP_PATH": str(tmp_path / "lookup.sqlite"),
        "LAKE_URI": (tmp_path / "lake").as_uri(),
    }.items():
        monkeypatch.setenv(f"TIDEWATCH_{name}", value)
    settings.cache_clear()
    yield settings()
    settings.cache_clear()


def test_the_importer_replaces_all_four_and_resolving_goes_on_record(
    switched_on: Settings, tmp_path: Path, capsys
):
    source, mapping, out = tmp_path / "in.csv", tmp_path / "m.yaml", tmp_path / "out.parquet"
    row = "T-1,DE89370400440532013000,SHOP-000123,12.50,2026-02-01T10:00:00Z,KUNDE-4711,TELEFON-77"
    source.write_text(f"id,account,shop,amount,at,customer,device\n{row}\n")
    fields = {
        "transaction_id": {"column": "id"},
        "account_id": {"column": "account"},
        "counterparty_id": {"column": "shop"},
        "amount": {"column": "amount"},
        "currency": {"constant": "EUR"},
        "transaction_type": {"constant": "CARD_PAYMENT"},
        "channel": {"constant": "POS"},
        "country": {"constant": "DE"},
        "occurred_at": {"column": "at"},
        "customer_id": {"column": "customer"},
        "device_id": {"column": "device"},
    }
    mapping.write_text(json.dumps({"fields": fields}))
    assert import_main([str(source), "--mapping", str(mapping), "--to-parquet", str(out)]) == 0
    table = Lake(tmp_path.as_uri()).read_table("out.parquet")
    assert table.schema.names == TRANSACTION_SCHEMA.names
    text = str(table.to_pylist())
    for identifier in ("DE89370400440532013000", "SHOP-000123", "KUNDE-4711", "TELEFON-77"):
        assert identifier not in text
    token = table["account_id"][0].as_py()
    capsys.readouterr()
    assert resolve.main([token, "--reason", "case 17"]) == 0
    assert capsys.readouterr().out == "DE89370400440532013000\n"
    (record,) = AuditChain(Lake(switched_on.lake), DESK).records()
    assert (record.kind, record.subject) == ("pseudonym resolved", f"token {token}")
    assert record.content["reason"] == "case 17"
    assert "DE8937" not in str(record)
    assert resolve.main(["P" + "A" * 32, "--reason", "case 17"]) == 2


def test_the_option_wants_both_keys(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TIDEWATCH_PSEUDONYMS", "on")
    with pytest.raises(ValidationError, match="TIDEWATCH_PSEUDONYM_KEY"):
        Settings()


def test_nulls_stay(names: Pseudonymiser):
    table = pa.table({"account_id": ["A-1"], "device_id": pa.array([None], pa.string())})
    assert names.table(table)["device_id"].to_pylist() == [None]
