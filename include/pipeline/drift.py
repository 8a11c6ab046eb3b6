"""Watching for drift: counts of what was scored, outcomes of what was labelled, and alarms that follow from them.

::

    drift/<promotion>/reference.json        what was usual when the model was promoted
                     /position.json         next batch to count, next batch of labels to look up
                     /summaries/from=N.json hourly counts of the batches from N on that one look took up
                     /outcomes.json         labelled frauds and whether they had been alerted, the newest ones
                     /alarms.json           alarms that stand and have been told
         alarms/<id>.json, <id>.html            every alarm that was ever told, with its evidence and plots
         episode.json                           the answer to an alarm: which retrainings are due when
         called.json                            when a retraining that is due was last called for

A look that was cut off is done again: files are replaced, the position moves last. With another promotion
everything begins anew, also if it brings back a model of before.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import groupby
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from include.adaptation.drift import (
    Alarm,
    OutcomeLog,
    Reference,
    Summary,
    carry_on,
    merge,
    outcomes_of,
    summarise,
    watch,
)
from include.adaptation.errors import ReferenceRefused
from include.adaptation.page import alarms_page
from include.adaptation.retraining import Episode, RetrainingSettings, next_episode
from include.adaptation.settings import AdaptationSettings
from include.detection.bundle import ModelBundle
from include.detection.registry import ModelRegistry
from include.detection.scoring import Rules
from include.pipeline.known_labels import labels_until, verdicts
from include.pipeline.recent import rescored
from include.pipeline.training_set import newest
from include.stores.lake.files import Lake
from include.stores.lake.ledger import BatchLedger, Stage, partition_key, scored_file

log = logging.getLogger(__name__)

FOLDER = "drift"
_EPISODE = f"{FOLDER}/episode.json"
_CALLED = f"{FOLDER}/called.json"
_REFERENCE_DAYS = 7
_REFERENCE_ROWS = 60_000
#: Batches whose counts are added up in memory before they are written.
_BATCHES = 500
#: As far back as ``watch`` looks.
_KEPT_DAYS = 28


@dataclass(frozen=True, slots=True)
class Look:
    """What one look found."""

    standing: tuple[Alarm, ...] = ()
    news: tuple[Alarm, ...] = ()  # not told before
    retraining_due: bool = False


@dataclass(frozen=True)
class DriftWatch:
    """Looks for drift of the champion. One object a look: where its files are is found out once."""

    lake: Lake
    registry: ModelRegistry
    rules: Rules
    wanted: AdaptationSettings

    def look(self) -> Look:
        """Count what is new, compare, and write down what is found.

        Alarms are told once: one that goes on keeps its identity.
        """
        champion, now = self.registry.current(), self.now
        reference = self.reference(champion) if champion else None
        if champion is None or reference is None or now is None:
            return Look()
        self._count(reference)
        outcomes = OutcomeLog.model_validate(self.lake.read_json(self._path("outcomes.json")) or {})
        found = watch(reference, list(self._summaries(now)), outcomes, now, self.wanted.drift)
        earlier = self._told()
        standing = carry_on(earlier, found)
        told = {alarm.id for alarm in earlier}
        news = tuple(alarm for alarm in standing if alarm.id not in told)
        if len(earlier) > len(standing) - len(news):
            # Some are over: should one come again, it is another.
            self._keep([alarm for alarm in standing if alarm.id in told])
        for alarm in news:
            self.lake.write_json(f"{FOLDER}/alarms/{alarm.id}.json", alarm.model_dump(mode="json"))
            self.lake.write_bytes(f"{FOLDER}/alarms/{alarm.id}.html", alarms_page([alarm], now).encode())
        episode = self._plan(standing, now)
        return Look(tuple(standing), news, episode is not None and episode.is_due(now))

    def last_look(self) -> Look:
        """What the last look told, without looking again: for whom it is not to count anything."""
        champion, now = self.registry.current(), self.now
        document = self.lake.read_json(_EPISODE)
        if champion is None or now is None:
            return Look()
        due = document is not None and Episode.model_validate(document).is_due(now)
        return Look(tuple(self._told()), retraining_due=due)

    def called(self, moment: datetime, again_after: timedelta) -> bool:
        """Whether a retraining was called for a short while ago; if not, it is taken down that it is now."""
        before = self.lake.read_json(_CALLED)
        if before and moment - datetime.fromisoformat(before["at"]) < again_after:
            return True
        self.lake.write_json(_CALLED, {"at": moment.isoformat()})
        return False

    def told(self, look: Look) -> None:
        """Remember the alarms of a look as told; before this they are news again."""
        if look.standing:
            self._keep(look.standing)

    def retrained(self) -> None:
        """Take a retraining that was due off the plan."""
        document, now = self.lake.read_json(_EPISODE), self.now
        if document is not None and now is not None:
            episode = Episode.model_validate(document).retrained(now)
            self.lake.write_json(_EPISODE, episode.model_dump(mode="json"))

    def reference(self, champion: ModelBundle) -> Reference | None:
        """What was usual when the champion was promoted; learned if nobody has, None if there is too little yet.

        It is learned from the newest week of transactions, scored by this very model: what another model
        said of them is of no use.
        """
        path = self._path("reference.json")
        document = self.lake.read_json(path)
        if document is not None:
            return Reference.model_validate(document)
        next_batch = BatchLedger(self.lake).cursor(Stage.SCORED).next_batch
        try:
            rows = rescored(self.lake, champion, self.rules, timedelta(days=_REFERENCE_DAYS), _REFERENCE_ROWS)
            reference = Reference.learn(rows, self.wanted.drift, champion.version)
        except ReferenceRefused as refused:
            log.info("no reference for model %s yet: %s", champion.version, refused)
            return None
        position = {
            "next_batch": next_batch,
            "next_labels": labels_until(self.lake),
            "first_batch": next_batch,
        }
        self.lake.write_json(self._path("position.json"), position)
        self.lake.write_json(path, reference.model_dump(mode="json"))
        log.info("reference of model %s: %s rows", champion.version, rows.num_rows)
        return reference

    @property
    def now(self) -> datetime | None:
        """The stream's own clock: the newest transaction, or the newest label if that is later."""
        moments = [newest(self.lake)]
        told = verdicts(self.lake, max(0, labels_until(self.lake) - 1), labels_until(self.lake))
        moments.append(pc.max(told["labelled_at"]).as_py())
        return max((moment.astimezone(UTC) for moment in moments if moment is not None), default=None)

    def _count(self, reference: Reference) -> None:
        """Take up what has been scored and labelled since the last look."""
        version, ledger = reference.model_version, BatchLedger(self.lake)
        path = self._path("position.json")
        position: dict[str, Any] = self.lake.read_json(path)
        stop = ledger.cursor(Stage.SCORED).next_batch
        for start in range(position["next_batch"], stop, _BATCHES):
            end = min(stop, start + _BATCHES)
            hours: list[Summary] = []
            for table in self._scored(range(start, end)):
                own = table.filter(pc.equal(table["model_version"], version))
                hours = _by_hour([*hours, *summarise(reference, own)])
            rows = [hour.model_dump(mode="json") for hour in hours]
            self.lake.write_json(self._path(f"summaries/from={partition_key(start)}.json"), rows)
            position = position | {"next_batch": end}
            self.lake.write_json(path, position)
        labels = labels_until(self.lake)
        if labels > position["next_labels"]:
            self._look_up(reference, position["first_batch"], range(position["next_labels"], labels))
            self.lake.write_json(path, position | {"next_labels": labels})

    def _look_up(self, reference: Reference, first_batch: int, labels: range) -> None:
        """Add to the log which of the transactions just called fraud had been alerted."""
        version = reference.model_version
        told = verdicts(self.lake, labels.start, labels.stop)
        told = told.filter(pc.and_(told["is_fraud"], pc.greater_equal(told["batch"], first_batch)))
        path = self._path("outcomes.json")
        outcomes = OutcomeLog.model_validate(self.lake.read_json(path) or {})
        for batch in sorted(set(told["batch"].to_pylist())):
            for table in self._scored(range(batch, batch + 1)):
                own = table.filter(pc.equal(table["model_version"], version))
                outcomes = outcomes.add(outcomes_of(own, told, reference), self.wanted.drift.missed_kept)
        self.lake.write_json(path, outcomes.model_dump(mode="json"))

    def _scored(self, batches: range) -> Iterator[pa.Table]:
        for batch in batches:
            path = scored_file(batch)
            if self.lake.exists(path):
                yield self.lake.read_table(path)

    def _summaries(self, now: datetime) -> Iterator[Summary]:
        oldest = now - timedelta(days=_KEPT_DAYS)
        for name in self.lake.names(self._path("summaries")):
            for row in self.lake.read_json(self._path(f"summaries/{name}")):
                summary = Summary.model_validate(row)
                if summary.until > oldest:
                    yield summary

    @cached_property
    def _folder(self) -> str:
        """Of the champion's present time in office."""
        return _folder_of([one.version for one in self.registry.promotions() if one.share == 1])

    def _path(self, name: str) -> str:
        return f"{self._folder}/{name}"

    def _told(self) -> list[Alarm]:
        return _alarms(self.lake, self._folder)

    def _keep(self, alarms: Sequence[Alarm]) -> None:
        rows = [alarm.model_dump(mode="json") for alarm in alarms]
        self.lake.write_json(self._path("alarms.json"), rows)

    def _plan(self, standing: list[Alarm], now: datetime) -> Episode | None:
        document = self.lake.read_json(_EPISODE)
        before = Episode.model_validate(document) if document else None
        delay = RetrainingSettings(label_delay=timedelta(days=self.wanted.label_delay_days))
        episode = next_episode(before, standing, now, delay)
        if episode is not None and episode != before:
            self.lake.write_json(_EPISODE, episode.model_dump(mode="json"))
        return episode


def standing_alarms(lake: Lake, registry: ModelRegistry) -> list[Alarm]:
    """Alarms of the champion that stand and have been told, without looking anew or loading a model."""
    versions = [one.version for one in registry.promotions() if one.share == 1]
    return _alarms(lake, _folder_of(versions)) if versions else []


def _folder_of(promoted: Sequence[str]) -> str:
    """Folder of the time in office of the last one promoted."""
    return f"{FOLDER}/{promoted[-1]}-{len(promoted):04d}"


def _alarms(lake: Lake, folder: str) -> list[Alarm]:
    return [Alarm.model_validate(row) for row in lake.read_json(f"{folder}/alarms.json") or []]


def _by_hour(hours: list[Summary]) -> list[Summary]:
    """One summary an hour."""
    ordered = sorted(hours, key=lambda hour: hour.since)
    added = (merge(group) for _, group in groupby(ordered, key=lambda hour: hour.since))
    return [hour for hour in added if hour is not None]
