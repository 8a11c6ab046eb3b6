"""Tokens in the place of identifiers before a transaction leaves its source: Kafka and all behind it see nothing else.

A token is an HMAC-SHA-256 under a secret key, so the same account has the same token in every process and every import,
and totals, features and rules work on tokens as they do on identifiers. Accounts and counterparties share their tokens,
as a counterparty may be an account of the bank.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

import pyarrow as pa

from include.alerts.contacts import Customer
from include.privacy.lookup import TokenLookup
from include.stores.ports import CustomerStore
from include.transactions import json_text
from include.transactions.contract import FIELD_NAMES, FIELDS
from include.transactions.importer.pseudonyms import Pseudonyms

_Record = tuple[bytes, bytes | None]

#: Fields that are sent: of transactions, and of labels.
_SENT = frozenset({*FIELD_NAMES, "is_fraud", "source", "labelled_at"})


_LONGEST = {rule.name: rule.max_length for rule in FIELDS}
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class _KeptPseudonyms(Pseudonyms):
    """The importer's pseudonyms of whole columns, each kept in the look-up before it is given out."""

    def __init__(self, key: bytes, lookup: TokenLookup) -> None:
        super().__init__(key)
        self._lookup = lookup

    def accounts(self, column: pa.StringArray) -> pa.StringArray:
        return self._kept(column, super().accounts(column))

    def customers(self, column: pa.StringArray) -> pa.StringArray:
        return self._kept(column, super().customers(column))

    def _kept(self, column: pa.StringArray, tokens: pa.StringArray) -> pa.StringArray:
        pairs = zip(tokens.to_pylist(), column.to_pylist(), strict=True)
        self._lookup.remember({token: name for token, name in pairs if token is not None})
        return tokens


class Pseudonymiser:
    """Replaces identifiers, and keeps which token stands for which in the look-up first.

    Parameters
    ----------
    key
        Of the tokens, at least 16 bytes.

    Attributes
    ----------
    pseudonyms
        For the importer: the same tokens, column by column.
    """

    def __init__(self, key: bytes, lookup: TokenLookup) -> None:
        self.pseudonyms = pseudonyms = _KeptPseudonyms(key, lookup)
        self._lookup = lookup
        self._makers: dict[str, Callable[[str], str]] = {
            "account_id": pseudonyms.account,
            "counterparty_id": pseudonyms.account,
            "customer_id": pseudonyms.customer,
            "device_id": pseudonyms.device,
        }
        #: By maker and identifier: what has been given out by this object.
        self._given: dict[tuple[str, str], str] = {}

    def table(self, table: pa.Table) -> pa.Table:
        """A table with tokens in the columns of identifiers it has; nulls stay. ``extra`` is emptied.

        Nobody has defined what ``extra`` holds: it may name the person.
        """
        for name in self._makers:
            if name in table.column_names:
                encoded = table[name].combine_chunks().dictionary_encode()
                if isinstance(encoded, pa.ChunkedArray):
                    encoded = encoded.combine_chunks()
                names = encoded.dictionary.to_pylist()
                tokens = pa.array(self.tokens(name, names), pa.string()).take(encoded.indices)
                table = table.set_column(table.column_names.index(name), table.schema.field(name), tokens)
        if "extra" in table.column_names:
            place, field = table.column_names.index("extra"), table.schema.field("extra")
            table = table.set_column(place, field, pa.nulls(table.num_rows, field.type))
        return table

    def tokens(self, column: str, identifiers: Sequence[str]) -> list[str]:
        """The token of each identifier of a column; what is a token of ours already stays.

        Raises
        ------
        LookupUnavailable
            The look-up cannot be written: nothing may be sent.
        """
        make = self._makers[column]
        kind = "account_id" if column == "counterparty_id" else column
        new = {name for name in identifiers if (kind, name) not in self._given}
        if new:
            ours = self._lookup.known(new)
            fresh = {name: name if name in ours else make(name) for name in new}
            self._lookup.remember({token: name for name, token in fresh.items() if token != name})
            self._given |= {(kind, name): token for name, token in fresh.items()}
        return [self._given[kind, name] for name in identifiers]

    def records(self, records: Iterable[_Record]) -> Iterator[_Record]:
        """Records as they may be sent: known fields only, with tokens.

        What is no JSON object is withheld: a note with the SHA-256 of what the source has goes in its place and
        becomes a dead letter, so that nothing is lost silently.
        """
        for key, value in records:
            yield self._record(key, value)

    def _record(self, key: bytes, value: bytes | None) -> _Record:
        key = self._one("account_id", key.decode("utf-8", "replace")).encode() if key else key
        if value is None:
            return key, None
        document = json_text.read_object(value)
        if isinstance(document, str):
            withheld = f"{document}; withheld, as its identifiers could not be replaced"
            note = {"withheld": withheld, "sha256": hashlib.sha256(value).hexdigest(), "bytes": len(value)}
            return key, json.dumps(note).encode()
        kept = {name: self._field(name, content) for name, content in document.items() if name in _SENT}
        return key, json_text.write(kept).encode()

    def _field(self, name: str, content: json_text.JsonValue) -> json_text.JsonValue:
        if name not in self._makers or content in (None, ""):
            return content
        if (
            isinstance(content, str)
            and not isinstance(content, json_text.NumberText)
            and _fits(name, content)
        ):
            return self._one(name, content)
        # What the contract refuses must stay refused, and may name somebody all the same: a number for a text.
        return [self._one(name, json_text.write(content))]

    def _one(self, column: str, identifier: str) -> str:
        (token,) = self.tokens(column, [identifier])
        return token


def _fits(name: str, content: str) -> bool:
    """Whether the contract takes an identifier."""
    return 1 <= len(content) <= _LONGEST[name] and not _CONTROL.search(content)


class TokenCustomers:
    """A ``CustomerStore`` that knows customers by their tokens, for those who know them by their identifiers."""

    def __init__(self, store: CustomerStore, pseudonymiser: Pseudonymiser) -> None:
        self._store = store
        self._pseudonymiser = pseudonymiser

    def put(self, customers: Sequence[Customer]) -> None:
        """Record customers under their tokens; contacts stay, as messages have to reach them."""
        tokens = self._pseudonymiser.tokens("customer_id", [one.customer_id for one in customers])
        self._store.put(
            [replace(one, customer_id=token) for one, token in zip(customers, tokens, strict=True)]
        )

    def get_many(self, customer_ids: Sequence[str]) -> dict[str, Customer]:
        """Customers by identifier, as their store has them: under their tokens."""
        tokens = self._pseudonymiser.tokens("customer_id", customer_ids)
        found = self._store.get_many(tokens)
        return {
            name: found[token] for name, token in zip(customer_ids, tokens, strict=True) if token in found
        }
