"""What is wrong with a chain: records missing, changed or exchanged, an end cut off."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from include.governance.audit_errors import AuditBroken
from include.governance.audit_record import NOTHING, AuditProblem, AuditRecord, Head

if TYPE_CHECKING:
    from include.governance.audit import AuditChain


def examine(
    chain: AuditChain, witnesses: Iterable[Head] = ()
) -> tuple[list[AuditRecord], list[AuditProblem]]:
    """Every record that is sound by itself, in order, and everything that is wrong with the chain.

    One record after the head is an append that is under way or was killed, and no problem.

    Parameters
    ----------
    witnesses
        Places of records as another store has them.
    """
    problems: list[AuditProblem] = []
    records: list[AuditRecord] = []
    known = {0: NOTHING}
    last = 0
    head: Head | AuditBroken
    try:
        head = chain.head()  # before the records are listed: it may lag behind these, and not be ahead
    except AuditBroken as error:
        head = error
    for number in chain.numbers():
        problems += [
            AuditProblem(chain.path(lost), f"expected record {lost}, got no such file: it was removed")
            for lost in range(last + 1, number)
        ]
        last = number
        found = chain.read(number)
        if isinstance(found, AuditProblem):
            problems.append(found)
            continue
        records.append(found)
        known[number] = found.sha256
        if (before := known.get(number - 1)) is not None and before != found.previous:
            problems.append(
                AuditProblem(
                    chain.path(number),
                    f"expected to follow a record with SHA-256 {before[:12]}…, got one that follows "
                    f"{found.previous[:12]}…: this record or the one before was exchanged",
                )
            )
    problems += _check_head(chain, head, known, last)
    problems += [
        AuditProblem(
            chain.path(witness.number),
            f"expected SHA-256 {witness.sha256[:12]}… as the second store has it, got "
            f"{known[witness.number][:12] + '…' if witness.number in known else 'no sound record'}: "
            "the chain was cut or written anew",
        )
        for witness in witnesses
        if known.get(witness.number) != witness.sha256
    ]
    return records, problems


def _check_head(
    chain: AuditChain, head: Head | AuditBroken, known: Mapping[int, str], last: int
) -> Iterator[AuditProblem]:
    path = chain.head_path
    if isinstance(head, AuditBroken):
        yield AuditProblem(path, str(head))
    elif head.number > last:
        yield AuditProblem(path, f"expected records up to {head.number}, got the last with {last}: cut off")
    elif head.number < last - 1 and chain.head().number < last - 1:  # looked at again: somebody may append
        yield AuditProblem(path, f"expected to name record {last}, got {head.number}: it was set back")
    elif head.number in known and known[head.number] != head.sha256:
        yield AuditProblem(
            path,
            f"expected SHA-256 {known[head.number][:12]}… of record {head.number}, got "
            f"{head.sha256[:12]}…: the record or the head was exchanged",
        )
