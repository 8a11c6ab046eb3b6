"""The rule book: sets of rules in the lake, and which of them is in force.

::

    rules/sets/<version>.json             texts, stages, shares; the version is a hash of them; never changed
    rules/activations/<number>.json       what is in force from then on, by whom and why; the last counts

An activation is a new file, written under another name and renamed, so a reader sees the set before or the set
after. A set that is broken, tampered with or missing does not stop the scoring: the last good one goes on, and
``problems`` tells. The folder of shipped rule files is read once, to fill an empty book; a file that changes
later is a draft, not a rule.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from include.governance.active_rules import ActiveRules, StagedRules
from include.governance.errors import ChangeRefused, RuleBookError
from include.governance.lists import ListBook
from include.governance.rule_entry import Activation, RuleEntry, RuleSetDocument, Stage
from include.rules.columns import Columns
from include.rules.errors import RuleSetError
from include.rules.loader import check_rule, rule_files, rule_id_of, rule_set
from include.stores.lake.files import Lake

SETS = "rules/sets"
ACTIVATIONS = "rules/activations"

#: Who fills an empty book.
DEPLOYMENT = "deployment"
#: How many sets are kept for replays.
_HELD = 16

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Difference:
    """A shipped rule file and the book do not say the same."""

    rule_id: str
    what: str

    def __str__(self) -> str:
        return f"{self.rule_id}: {self.what}"


class RuleBook:
    """The rules of a lake. One object a process: it keeps the sets it has read.

    There is one writer at a time (Airflow's pool ``govern``).

    Parameters
    ----------
    lake
        Holds the book.
    columns
        What a rule may name; see ``include.rules.columns.rule_columns``.
    """

    def __init__(self, lake: Lake, columns: Columns) -> None:
        self._lake = lake
        self._columns = columns
        self.lists = ListBook(lake)
        self._sets: dict[str, ActiveRules] = {}  # by version
        self._active: ActiveRules | None = None
        self._loaded_from = ""  # name of the activation the active set came by
        self._refused: dict[str, str] = {}  # name of an activation → why
        self._trouble: str | None = None  # the lake could not be read at the last look

    @property
    def problems(self) -> tuple[str, ...]:
        """Why what is in force is not what was activated last; empty when all is well."""
        refused = [reason for name, reason in self._refused.items() if name > self._loaded_from]
        return (*refused, *([self._trouble] if self._trouble else []), *self.lists.problems)

    def current(self) -> ActiveRules:
        """The rules in force: the set activated last, or the last good one, and the lists as they are.

        Looks at one folder and for one file when nothing changed.

        Raises
        ------
        RuleBookError
            Nothing has ever been activated, or no set that was can be used.
        """
        try:
            names = self._activations()
            self._trouble = None
        except OSError as error:
            names = []
            self._trouble = f"expected a readable rule book at {ACTIVATIONS}, got {error}; check the lake"
        for name in reversed(names):
            if name == self._loaded_from:
                break
            try:
                # One that was refused is tried again: its files may have been put back.
                self._active = self._of(self._activation(name))
                self._loaded_from = name
                self._refused.pop(name, None)
                break
            except RuleBookError as error:
                if name not in self._refused:
                    log.error("activation %s is refused, the last good rules go on: %s", name, error)
                self._refused[name] = str(error)
            except OSError as error:
                self._trouble = f"expected activation {name} to be readable, got {error}; check the lake"
                break
        if self._active is None:
            raise RuleBookError(
                "; ".join(self.problems)
                or f"expected rules in the lake at {ACTIVATIONS}, found none; run initialize_stores, which "
                "publishes the shipped ones"
            )
        number = self.lists.current_number()
        if number != self._active.lists:
            self._active = replace(self._active, lists=number)
        return self._active

    def load(self, version: str, lists_number: int) -> ActiveRules:
        """A set and the lists as they were, for a replay.

        Raises
        ------
        RuleBookError
            The set is not stored, or not as it was.
        """
        return replace(self._set(version, None), lists=lists_number)

    def entries(self) -> tuple[RuleEntry, ...]:
        """The entries of the set in force."""
        return self.document(self.current().version).entries

    def document(self, version: str) -> RuleSetDocument:
        """A stored set.

        Raises
        ------
        RuleBookError
            It is not stored, or not as it was.
        """
        return self._document(version, None)

    def activate(
        self,
        entries: Iterable[RuleEntry],
        by: str,
        reason: str,
        approved_by: str = "",
        at: datetime | None = None,
    ) -> str:
        """Put a set in force from the next batch on; returns its version.

        Idempotent: a set that is in force already is not activated again.

        Raises
        ------
        RuleSetError
            A text is broken.
        ChangeRefused
            No rule is live, or one stands twice in a stage.
        """
        document = RuleSetDocument.of(entries)
        for entry in document.entries:
            if (rule_id := check_rule(entry.text, self._columns).rule_id) != entry.rule_id:
                raise ChangeRefused(f"expected the text of {entry.rule_id}, got that of {rule_id}")
        path = f"{SETS}/{document.version}.json"
        try:
            self._document(document.version, None)
        except RuleBookError:
            self._lake.write_bytes(path, document.model_dump_json(indent=1).encode())
        names = self._activations()
        if names and self._in_force(names[-1], document.version):
            return document.version
        number = int(names[-1][:-5]) + 1 if names else 1
        activation = Activation(
            version=document.version,
            document_sha256=hashlib.sha256(self._lake.read_bytes(path)).hexdigest(),
            by=by,
            reason=reason,
            approved_by=approved_by,
            at=at or datetime.now(UTC),
        )
        self._lake.write_bytes(
            f"{ACTIVATIONS}/{number:08d}.json", activation.model_dump_json(indent=1).encode()
        )
        return document.version

    def history(self) -> tuple[Activation, ...]:
        """Every activation that can be read, oldest first."""
        found = []
        for name in self._activations():
            try:
                found.append(self._activation(name))
            except RuleBookError as error:
                log.warning("left out of the history: %s", error)
        return tuple(found)

    def publish_shipped(self, directory: Path) -> str | None:
        """Fill an empty book with the rule files of a folder; returns the version, None if it is not empty.

        Raises
        ------
        RuleSetError
            A file is broken.
        """
        if self._activations():
            return None
        entries = [
            RuleEntry(rule_id=path.stem, text=text, author=DEPLOYMENT, approved_by=DEPLOYMENT)
            for path, text in _texts(directory)
        ]
        return self.activate(entries, DEPLOYMENT, "the rules shipped with this release", DEPLOYMENT)

    def check_beforehand(self, directory: Path) -> None:
        """Check the rule files of a folder, most of which will be in force: a text is checked once a process.

        A fork of this process then has only what is new to check. Broken files are left for whoever needs them.
        """
        for _, text in _texts(directory):
            with suppress(RuleSetError):
                check_rule(text, self._columns)

    def differences(self, directory: Path) -> tuple[Difference, ...]:
        """Which shipped files say something else than the live rules: they are drafts until approved."""
        live = {entry.rule_id: entry for entry in self.entries() if entry.stage is Stage.LIVE}
        shipped = {path.stem: text for path, text in _texts(directory)}
        found = []
        for rule_id in sorted(live.keys() | shipped.keys()):
            if rule_id not in live:
                found.append(Difference(rule_id, "shipped, not live (new, or retired)"))
            elif rule_id not in shipped:
                found.append(Difference(rule_id, "live, not shipped"))
            elif live[rule_id].text != shipped[rule_id]:
                found.append(Difference(rule_id, "the shipped file says something else than the live rule"))
        return tuple(found)

    def _of(self, activation: Activation) -> ActiveRules:
        return self._set(activation.version, activation.document_sha256)

    def _set(self, version: str, sha256: str | None) -> ActiveRules:
        if version not in self._sets:
            document = self._document(version, sha256)
            self._sets[version] = ActiveRules(
                version,
                0,
                self._staged(document, Stage.LIVE),
                self._staged(document, Stage.SHADOW),
                self.lists,
            )
            for old in list(self._sets)[:-_HELD]:
                del self._sets[old]
        return self._sets[version]

    def _staged(self, document: RuleSetDocument, stage: Stage) -> StagedRules:
        entries = [entry for entry in document.entries if entry.stage is stage]
        try:
            rules = [check_rule(entry.text, self._columns) for entry in entries]
        except RuleSetError as error:
            raise RuleBookError(
                f"rule set {document.version}: expected rules this release can use, got {error}; "
                "correct the rule as a new draft, or go back to a set that is sound"
            ) from error
        return StagedRules(
            rule_set(rules, document.version, self._columns),
            {entry.rule_id: entry.share for entry in entries if entry.share < 1},
        )

    def _document(self, version: str, sha256: str | None) -> RuleSetDocument:
        path = f"{SETS}/{version}.json"
        if "/" in version:
            raise RuleBookError(f"expected the version of a rule set, got {version!r}")
        try:
            text = self._lake.read_bytes(path)
            document = RuleSetDocument.model_validate_json(text)
        except FileNotFoundError as error:
            raise RuleBookError(f"expected rule set {version} at {path}, found none; put it back") from error
        except ValidationError as error:
            raise RuleBookError(
                f"expected rule set {version} at {path} as it was written, got {error}; put it back"
            ) from error
        if document.version != version or sha256 not in (None, hashlib.sha256(text).hexdigest()):
            raise RuleBookError(
                f"expected rule set {version} at {path} as it was activated, got another; it was changed "
                "afterwards: find out who wrote it, and put it back"
            )
        for entry in document.entries:
            if entry.rule_id != rule_id_of(entry.text):
                raise RuleBookError(
                    f"rule set {version}: expected the text of {entry.rule_id}, got that of "
                    f"{rule_id_of(entry.text)!r}; correct it as a new draft"
                )
        return document

    def _in_force(self, name: str, version: str) -> bool:
        """Whether an activation is of a set, and of its file as it stands."""
        try:
            activation = self._activation(name)
            self._document(version, activation.document_sha256)
        except RuleBookError:
            return False
        return activation.version == version

    def _activation(self, name: str) -> Activation:
        text = self._lake.read_bytes(f"{ACTIVATIONS}/{name}")
        try:
            return Activation.model_validate_json(text)
        except ValidationError as error:
            raise RuleBookError(
                f"activation {name}: expected version, document_sha256, by, reason and at, got {text[:80]!r}; "
                "activate a set again"
            ) from error

    def _activations(self) -> list[str]:
        names = self._lake.names(ACTIVATIONS)
        return [name for name in names if name.endswith(".json") and name[:-5].isdigit()]


def _texts(directory: Path) -> list[tuple[Path, str]]:
    return [(path, path.read_text(encoding="utf-8")) for path in rule_files(directory)]
