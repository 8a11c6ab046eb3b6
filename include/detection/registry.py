"""The registry: versions of the model in a lake, and which of them is current.

::

    <uri>/versions/<version>/…            the files of a bundle; never changed once written
    <uri>/promotions/<number>.json        what is promoted: version, hash of its manifest; the last counts

A promotion to a share of the accounts makes a *candidate*: it decides on those accounts, and the last model
promoted to all of them, the *champion*, on the others.

The pointer is a new file for each promotion: a reader sees the old pointer or the new one, never half of one.
It also leaves the history of promotions, and so the last good model.
"""

from __future__ import annotations

import hashlib
import logging
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from include.detection.bundle import MANIFEST, ModelBundle, check_names, read_manifest
from include.detection.decision import DecisionPolicy
from include.detection.errors import ModelRefused, PromotionRefused, RegistryError
from include.detection.manifest import Manifest
from include.stores.lake.files import Lake

#: In the names of what earlier releases left of an upload that was cut off; the lake leaves nothing anybody sees.
_TEMPORARY = ".tmp-"
#: Models kept in memory beside those deployed.
_HELD = 3
_POLICY = "policy.json"

log = logging.getLogger(__name__)

#: Asked before a model takes the place of another; raises ``PromotionRefused`` if that must not be. What has
#: to hold, parity for one, is known outside of this package.
PromotionGate = Callable[[], None]


class Promotion(BaseModel):
    """One move of the pointer."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str
    manifest_sha256: str
    promoted_at: datetime
    share: float = 1.0  # of the accounts
    by: str = ""  # who let it: an approver's name, or which automatism
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Deployed:
    """The models that decide now."""

    champion: ModelBundle | None
    candidate: ModelBundle | None = None
    share: float = 0.0  # of the accounts, which the candidate decides on


class ModelRegistry:
    """Versions of the model under one URI. One object a process: it keeps the current model in memory.

    Parameters
    ----------
    uri
        ``file:``, ``hdfs:``, ``s3:``, see ``Lake``, or an absolute path.
    features
        The features this release computes; models with others are refused. None: not checked.
    gate
        Stands before every promotion but the first. None: this object is for reading, and promotes at most
        the first model, so that nobody gets around the gate by forgetting it.
    """

    def __init__(
        self, uri: str, features: Sequence[str] | None = None, gate: PromotionGate | None = None
    ) -> None:
        self._lake = Lake(uri)
        self._features = None if features is None else tuple(features)
        self._gate = gate
        self._deployed = Deployed(None)
        self._loaded_from: str | None = None  # name of the promotion that was last when it was looked at
        self._loaded: dict[str, ModelBundle] = {}  # by version: what is deployed
        self._asked_for: dict[str, ModelBundle] = {}  # and what was asked for by name, the last few
        self._refused: dict[str, str] = {}  # promotions that should be in force → why they are not
        self._trouble: str | None = None  # the lake could not be read at the last look

    @property
    def problems(self) -> tuple[str, ...]:
        """Why the current model is not the one promoted last; empty when all is well."""
        return (*self._refused.values(), *([self._trouble] if self._trouble else []))

    def publish(self, bundle: ModelBundle, promote: bool = True) -> ModelBundle:
        """Store a version and, if asked, make it current. Returns the bundle with its file hashes.

        Idempotent: a version that is there is not written again.

        Raises
        ------
        RegistryError
            Another model is stored under this version.
        PromotionRefused
            It was to become current and may not; then it is not stored either.
        """
        if promote:
            self.ensure_promotable()
        target = f"versions/{bundle.version}"
        if self._lake.exists(f"{target}/{MANIFEST}"):
            stored = self._manifest(bundle.version)[0]
            if stored.predictions_sha256 != bundle.manifest.predictions_sha256:
                raise RegistryError(
                    f"expected version {bundle.version} to be new or this very model, got another model "
                    "stored under it; train again"
                )
        else:
            with tempfile.TemporaryDirectory() as temporary:
                bundle = bundle.save(Path(temporary) / "bundle")
                # The manifest goes last: a version without one is not there yet.
                for path in sorted(
                    (Path(temporary) / "bundle").iterdir(), key=lambda path: path.name == MANIFEST
                ):
                    self._lake.write_bytes(f"{target}/{path.name}", path.read_bytes())
        if promote:
            self.promote(bundle.version)
        return bundle

    def promote(self, version: str, share: float = 1.0, by: str = "", reason: str = "") -> None:
        """Make a stored version current.

        The way back, to a version that has been promoted to all accounts before, needs no gate: who finds that a model
        is worse must be able to take it away.

        Parameters
        ----------
        share
            Of the accounts; below 1 the model that decides on all of them goes on for the others.
        by, reason
            Kept with the promotion.

        Raises
        ------
        RegistryError
            The version is not stored.
        PromotionRefused
            The gate lets no model take the place of the current one.
        """
        manifest, digest = self._manifest(version)
        names = self._promotions()
        if share < 1 or version not in {one.version for one in self.promotions() if one.share == 1}:
            self.ensure_promotable()
        if not 0 < share <= 1 or (share < 1 and not names):
            raise RegistryError(
                f"expected a share of the accounts above 0 and up to 1, and a model for the others, got {share:g} "
                f"with {len(names)} promotions so far; promote the first model to all accounts"
            )
        number = int(names[-1].removesuffix(".json")) + 1 if names else 1
        pointer = Promotion(
            version=manifest.version,
            manifest_sha256=digest,
            promoted_at=datetime.now(UTC),
            share=share,
            by=by,
            reason=reason,
        )
        self._lake.write_bytes(f"promotions/{number:08d}.json", pointer.model_dump_json().encode())

    def ensure_promotable(self) -> None:
        """Ask the gate; the very first model needs none, for without one there are the rules only.

        Raises
        ------
        PromotionRefused
            No model may take the place of the current one.
        """
        if not self._promotions():
            return
        if self._gate is None:
            raise PromotionRefused(
                f"expected a registry with a gate to replace the current model at {self._lake.uri}, got one that "
                "was opened for reading; pass gate=, e.g. include.pipeline.parity.gate_of(lake)"
            )
        self._gate()

    def versions(self) -> tuple[str, ...]:
        """Ids of all stored versions, oldest first."""
        names = self._lake.names("versions")
        return tuple(name for name in names if self._lake.exists(f"versions/{name}/{MANIFEST}"))

    def promotions(self) -> list[Promotion]:
        """Every promotion, oldest first; those that cannot be read are left out."""
        found = []
        for name in self._promotions():
            with suppress(RegistryError):
                found.append(self._pointer(name))
        return found

    def current(self) -> ModelBundle | None:
        """The champion: the model promoted last to all accounts; the last good one if that is refused.

        As for ``deployed``: never raises for a bad model.
        """
        return self.deployed().champion

    def deployed(self) -> Deployed:
        """The champion, and the candidate if one was promoted to a share of the accounts since.

        Looks for a new promotion each time (one listing), loads only when there is one. Never raises for
        a bad model or an unreachable lake, but goes on with the last good one: see ``problems``.
        """
        try:
            names = self._promotions()
            self._trouble = None
            if names and names[-1] != self._loaded_from:
                self._deployed = self._look(names)
                self._loaded_from = names[-1]
        except OSError as error:
            self._trouble = f"expected a readable registry at {self._lake.uri}, got {error}; check the lake"
        return self._deployed

    def _look(self, names: list[str]) -> Deployed:
        """What the promotions say, the newest first, as far as the models can be used."""
        refused, candidate, champion, share = {}, None, None, 0.0
        for name in reversed(names):
            try:
                pointer = self._pointer(name)
                if pointer.share < 1 and candidate is not None:
                    continue  # an older share of another candidate
                bundle = self._loaded.get(pointer.version)
                if bundle is None:
                    bundle = self._fetch(pointer.version, pointer.manifest_sha256)
            except (ModelRefused, RegistryError) as error:
                refused[name] = str(error)
                if name not in self._refused:
                    log.error("promotion %s is refused, the last good model goes on: %s", name, error)
                continue
            if pointer.share < 1:
                candidate, share = bundle, pointer.share
            else:
                champion = bundle
                break
        self._refused = refused
        if champion is None:  # a share needs somebody to decide on the others
            candidate, share = None, 0.0
        self._loaded = {bundle.version: bundle for bundle in (champion, candidate) if bundle}
        return Deployed(champion, candidate, share)

    def load(self, version: str) -> ModelBundle:
        """One stored version, current or not.

        Raises
        ------
        RegistryError
            It is not stored.
        ModelRefused
            It is tampered with, unsafe or incompatible.
        """
        there = self._loaded.get(version) or self._asked_for.get(version)
        if there is None:
            there = self._asked_for[version] = self._fetch(version, None)
            for oldest in list(self._asked_for)[:-_HELD]:
                del self._asked_for[oldest]
        return there

    def manifest(self, version: str) -> Manifest:
        """What a stored version says of itself, without loading its models.

        Raises
        ------
        RegistryError
            It is not stored.
        ModelRefused
            Its manifest cannot be read.
        """
        return self._manifest(version)[0]

    def policy(self, version: str) -> DecisionPolicy:
        """The thresholds of a stored version, without its models, which take seconds to load.

        Raises
        ------
        RegistryError
            It is not stored.
        ModelRefused
            It is not as it was published.
        """
        manifest, _ = self._manifest(version)
        text = self._lake.read_bytes(f"versions/{version}/{_POLICY}")
        if hashlib.sha256(text).hexdigest() != manifest.files.get(_POLICY):
            raise ModelRefused(
                f"model {version}: expected {_POLICY} as it was published, got another; do not use it, find out "
                "who wrote it"
            )
        return DecisionPolicy.model_validate_json(text)

    def _fetch(self, version: str, manifest_sha256: str | None) -> ModelBundle:
        """Copy the files to a private directory, so that what is checked is what is read."""
        manifest, digest = self._manifest(version)
        if manifest_sha256 is not None and digest != manifest_sha256:
            raise ModelRefused(
                f"model {version}: expected a manifest with SHA-256 {manifest_sha256[:12]}…, got "
                f"{digest[:12]}…; it was changed after the promotion: do not use it, find out who wrote it"
            )
        check_names(manifest)
        folder = f"versions/{version}"
        with tempfile.TemporaryDirectory() as temporary:
            for name in self._lake.names(folder):
                if _TEMPORARY in name:
                    continue
                Path(temporary, name).write_bytes(self._lake.read_bytes(f"{folder}/{name}"))
            return ModelBundle.load(Path(temporary), self._features)

    def _manifest(self, version: str) -> tuple[Manifest, str]:
        path = f"versions/{version}/{MANIFEST}"
        if "/" in version or not self._lake.exists(path):
            raise RegistryError(
                f"expected a stored version, got {version!r}; "
                f"stored are: {', '.join(self.versions()) or 'none'}"
            )
        text = self._lake.read_bytes(path)
        return read_manifest(text, f"model {version}"), hashlib.sha256(text).hexdigest()

    def _pointer(self, name: str) -> Promotion:
        text = self._lake.read_bytes(f"promotions/{name}")
        try:
            return Promotion.model_validate_json(text)
        except ValidationError as error:
            raise RegistryError(
                f"promotion {name}: expected version, manifest_sha256 and promoted_at, got {text[:80]!r}; "
                "promote a version again"
            ) from error

    def _promotions(self) -> list[str]:
        names = self._lake.names("promotions")
        return [name for name in names if name.endswith(".json") and name[:-5].isdigit()]
