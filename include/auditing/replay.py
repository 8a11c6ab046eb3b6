"""``make replay-decision TRANSACTION=<id>``: recompute one decision and say what is the same and what is not."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from include.auditing.stores import add_cassandra_arguments, cassandra
from include.pipeline.models import model_registry, rule_book
from include.pipeline.replay import Replay, RulesFor, UnknownTransaction, as_then, replay
from include.settings import settings
from include.stores.cassandra.errors import CassandraStoreError
from include.stores.cassandra.queries import batches_of
from include.stores.lake.files import Lake

_SHOWN = 8  # differences of a part on the terminal


def main(arguments: Sequence[str] | None = None) -> int:
    """0 if the decision is recomputed to the byte, 1 if not, 2 if nobody knows the transaction."""
    parser = argparse.ArgumentParser(prog="python -m include.auditing.replay", description=__doc__)
    parser.add_argument("transaction", help="id of the transaction")
    parser.add_argument("--whole", action="store_true", help="start from the lake's first batch")
    parser.add_argument("--lake-only", action="store_true", help="do not ask Cassandra where it is")
    add_cassandra_arguments(parser)
    options = parser.parse_args(arguments)
    console, lake = Console(), Lake(settings().lake)
    batch = None if options.lake_only else _known_batch(options, console)
    rescore = as_then(model_registry(lake), rules_as_then(lake))
    try:
        result = replay(lake, options.transaction, rescore, batch=batch, whole=options.whole)
    except UnknownTransaction as error:
        console.print(str(error), style="red", highlight=False, markup=False, soft_wrap=True)
        return 2
    show(result, console)
    return 0 if result.same else 1


def rules_as_then(lake: Lake) -> RulesFor:
    """The rules and lists that a batch was scored with."""
    book = rule_book(lake)
    return lambda facts: book.load(facts["ruleset"], facts["lists"])


def _known_batch(options: argparse.Namespace, console: Console) -> int | None:
    try:
        with cassandra(options) as session:
            return batches_of(session, [options.transaction]).get(options.transaction)
    except CassandraStoreError:
        console.print("Cassandra does not answer: looking through the lake's batches", style="yellow")
        return None


def show(result: Replay, console: Console) -> None:
    """The decision, each part and what differs, on a terminal."""

    def say(text: str, style: str | None = None) -> None:
        console.print(text, style=style, highlight=False, markup=False, soft_wrap=True)

    stored = result.stored
    say(f"transaction {result.transaction_id}, batch {result.batch}")
    if stored:
        say(
            f"decision {stored['decision']}, severity {stored['severity']}, typology {stored['typology'] or 'none'}, "
            f"score {stored['score']!r}"
        )
        say(
            f"model {stored['model_version'] or 'none'}, rule set {stored['ruleset_version']}, "
            f"scored at {stored['scored_at']}"
        )
        for reason in stored["reasons"] or ():
            say(f"  because: {reason}")
    for problem in result.problems:
        say(f"not as it was sealed: {problem}", "red")
    for note in result.notes:
        say(note, "yellow")
    if result.broken_off:
        say(f"cannot be recomputed: {result.broken_off}", "red")
    if result.parts:
        console.print(parts_table(result))
        for part in result.parts:
            for difference in part.differences[:_SHOWN]:
                say(f"{part.name} differ in {difference}", "red")
            if len(part.differences) > _SHOWN:
                say(f"{part.name}: … and {len(part.differences) - _SHOWN} more", "red")
    if result.same:
        say(f"recomputed from batch {result.start} on: the same to the byte", "green")
    elif result.parts and all(part.same for part in result.parts):
        say("recomputed the same, but NOT from files as they were sealed: see above", "red")
    else:
        say("NOT the same: see above", "red")


def parts_table(result: Replay) -> Table:
    """One row a part: values compared, same or how many differ."""
    table = Table("part", "values", "verdict", title="Replay", title_justify="left")
    for part in result.parts:
        verdict = "[green]same[/]" if part.same else f"[red]{len(part.differences)} differ[/]"
        table.add_row(part.name, str(part.values), verdict)
    return table


if __name__ == "__main__":
    sys.exit(main())
