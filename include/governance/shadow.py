"""The shadow stage: which batches were scored while a rule stood in it.

What it would have hit there is counted afterwards from what live scoring stored (``include.pipeline.rule_shadow``): the
same rows, features and lists as a count on the way would see, and nothing that takes time before an alert.
"""

from __future__ import annotations

from include.governance.errors import RuleBookError
from include.governance.rule_book import RuleBook
from include.governance.rule_entry import Stage
from include.stores.lake.files import Lake
from include.stores.lake.ledger import BatchLedger
from include.stores.lake.ledger import Stage as BatchStage


def shadow_batches(lake: Lake, book: RuleBook, rule_id: str, text: str, first_batch: int) -> tuple[int, ...]:
    """Numbers of the batches whose rule set has a rule in the shadow stage.

    Parameters
    ----------
    text
        Of the draft: a set with an older draft of the rule does not count.
    first_batch
        The first that could have seen it.
    """
    ledger = BatchLedger(lake)
    with_it: dict[str, bool] = {}
    found = []
    for batch in range(first_batch, ledger.cursor(BatchStage.SCORED).next_batch):
        version = str((ledger.manifest(BatchStage.SCORED, batch) or {}).get("ruleset") or "")
        if version not in with_it:
            with_it[version] = _has(book, version, rule_id, text)
        if with_it[version]:
            found.append(batch)
    return tuple(found)


def _has(book: RuleBook, version: str, rule_id: str, text: str) -> bool:
    try:
        entries = book.document(version).entries if version else ()
    except RuleBookError:
        return False
    wanted = (rule_id, Stage.SHADOW, text)
    return any((entry.rule_id, entry.stage, entry.text) == wanted for entry in entries)
