"""Every change, seed and policy; what is done already is read back, so a broken run goes on where it was."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from pydantic import TypeAdapter

from include.adaptation.errors import StudyRefused
from include.adaptation.study.changes import CHANGES, day_number, in_order, new_modus_operandi
from include.adaptation.study.loop import Policy, Say, TrainAt, run
from include.adaptation.study.measures import WEEK, Measured, measure
from include.adaptation.study.operation import History, moment_of, trained
from include.adaptation.study.settings import StudySettings
from include.detection.bundle import ModelBundle
from include.evaluation.dataset import LabelledData
from include.evaluation.experiment import project_features
from include.settings import PROJECT

_MEASURED = TypeAdapter(Measured)
_TRAINING = tuple(Path("include/adaptation/study") / name for name in ("changes.py", "operation.py"))
#: Modules of the code that only tell results.
_TELLING = ("page.py", "outcome.py", "__main__.py")

Key = tuple[str, str, int]  # change, policy, seed
ModelKey = tuple[str, int, int, int]  # change, seed, day, days learned from


def study(
    data: LabelledData,
    settings: StudySettings,
    seeds: Sequence[int],
    policies: Sequence[Policy],
    done: Path,
    say: Say,
) -> list[Measured]:
    """Run every change and seed under some policies.

    Parameters
    ----------
    data
        History as it was.
    settings
        Of the study.
    seeds
        Of the injected customers and of every training.
    policies
        When models are trained again.
    done
        Folder that results and models are kept in, and read from where all they depend on is the same.
    say
        Told as it happens.

    Raises
    ------
    StudyRefused
        The history does not hold the days of the study.
    """
    _check(data, settings)
    kept = _Kept.of(done, data, settings)
    found: dict[Key, Measured] = {}
    for change in CHANGES:
        history: History | None = None
        for seed in seeds:
            if CHANGES[change] is new_modus_operandi:
                history = None  # the only change with something drawn in it
            for policy in policies:
                key = (change, str(policy), seed)
                measured = kept.read(key)
                if measured is None:
                    if history is None:
                        say(f"({change}) seed {seed}: computing features")
                        history = changed(data, change, settings, seed)
                    say(f"({change}) seed {seed}, {policy}")
                    train_at = _trainer(history, change, settings, seed, kept, say)
                    began = time.perf_counter()
                    result = run(history, policy, settings, train_at, say)
                    seconds = time.perf_counter() - began
                    measured = measure(history, result, settings, change, seed, seconds)
                    kept.write(key, measured)
                found[key] = measured
                say(_told(measured))
    return [found[key] for key in sorted(found)]


def changed(data: LabelledData, change: str, settings: StudySettings, seed: int) -> History:
    """Changed history with the features live scoring would have had: labels count once they are known."""
    new = in_order(CHANGES[change](data, settings, seed))
    return History(new, project_features(new.transactions, new.labels()).combine_chunks())


def _trainer(
    history: History, change: str, settings: StudySettings, seed: int, kept: _Kept, say: Say
) -> TrainAt:
    # Until labels of changed days come in, what is trained on is the same whatever the change.
    last_alike = day_number(settings.onset) + settings.label_delay_days

    def train_at(day: int, train_days: int) -> ModelBundle:
        def make() -> ModelBundle:
            began = time.perf_counter()
            bundle = trained(history, day, settings, seed, train_days)
            say(f"  trained in {time.perf_counter() - began:.0f} s")
            return bundle

        return kept.model(("any" if day <= last_alike else change[0], seed, day, train_days), make)

    return train_at


def _check(data: LabelledData, settings: StudySettings) -> None:
    first, onset, last = int(data.day.min()), day_number(settings.onset), int(data.day.max())
    start, least = day_number(settings.first_day), settings.label_delay_days + settings.reference_days
    if start - first < least or last - onset < settings.label_delay_days or onset - start < WEEK:
        raise StudyRefused(
            f"expected history from {least} days before {settings.first_day}, at least a week before "
            f"{settings.onset}, to {settings.label_delay_days} days after it, got {moment_of(first):%Y-%m-%d} to "
            f"{moment_of(last):%Y-%m-%d}; choose other days in include/adaptation/study/settings.py"
        )


def _told(run: Measured) -> str:
    weeks = " ".join(
        "–" if week.average_precision is None else f"{week.average_precision:.3f}" for week in run.weeks
    )
    return (
        f"({run.change}) seed {run.seed}, {run.policy}: average precision by week {weeks}; alarm after "
        f"{run.alarm_after}, back after {run.back_after} days; retrained {list(run.retrainings)}"
    )


@dataclass(frozen=True)
class _Kept:
    """Results and models on disk, under names that change with all they depend on."""

    results: Path
    models: Path

    @classmethod
    def of(cls, folder: Path, data: LabelledData, settings: StudySettings) -> Self:
        history = f"{data.transactions.num_rows}|{data.delay}|{data.fraud.sum()}|"
        # A model knows nothing of detectors and policies: it can be taken again when these change.
        model = _said(settings, "drift", "retraining", "train_days", "every_days")
        code = _code("detection", "features") + b"".join((PROJECT / path).read_bytes() for path in _TRAINING)
        every = _code("adaptation") + code + _said(settings)
        return cls(
            folder / f"results-{_digest(history.encode() + every)}",
            folder / f"models-{_digest(history.encode() + code + model)}",
        )

    def read(self, key: Key) -> Measured | None:
        path = self._result(key)
        return _MEASURED.validate_json(path.read_bytes()) if path.exists() else None

    def write(self, key: Key, measured: Measured) -> None:
        self.results.mkdir(parents=True, exist_ok=True)
        half = self._result(key).with_suffix(".half")
        half.write_bytes(_MEASURED.dump_json(measured))
        half.replace(self._result(key))  # so that a file is always whole

    def model(self, key: ModelKey, make: Callable[[], ModelBundle]) -> ModelBundle:
        """The model of that name, made if it is not there."""
        path = self.models / "-".join(map(str, key))
        if not path.exists():
            half = self.models / f"half-{os.getpid()}-{path.name}"
            shutil.rmtree(half, ignore_errors=True)
            make().save(half)
            with contextlib.suppress(OSError):  # another process was faster
                half.replace(path)
            shutil.rmtree(half, ignore_errors=True)
        return ModelBundle.load(path)

    def _result(self, key: Key) -> Path:
        change, policy, seed = key
        return self.results / f"{change[0]}-{policy}-{seed}.json"


def _said(settings: StudySettings, *left_out: str) -> bytes:
    """Settings as bytes that are the same in every process: sets have no order of their own."""
    chosen = settings.model_dump(exclude=set(left_out))
    ordered = json.dumps(
        chosen,
        sort_keys=True,
        default=lambda value: sorted(value) if isinstance(value, frozenset) else str(value),
    )
    return ordered.encode()


def _code(*packages: str) -> bytes:
    paths = sorted(path for name in packages for path in (PROJECT / "include" / name).rglob("*.py"))
    return b"".join(path.read_bytes() for path in paths if path.name not in _TELLING)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:12]
