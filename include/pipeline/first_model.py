"""The first model: trained on the simulated bank's history, with the states that history leaves behind.

Three steps, each of which can be repeated: ``prepare`` writes features and states to the lake, ``fit``
trains and publishes, ``load_states`` puts the states where live scoring goes on from them.
"""

from __future__ import annotations

import logging

import pyarrow as pa
import pyarrow.compute as pc

from include.detection.bundle import ModelBundle
from include.detection.registry import ModelRegistry
from include.detection.training import TrainingSettings, train
from include.features.catalogue import FEATURE_NAMES
from include.features.history import features_of_history
from include.features.labels import join_labels
from include.pipeline.bank import BankFeed
from include.pipeline.known_labels import HISTORY
from include.pipeline.states import read_states, write_states
from include.stores.lake.files import Lake
from include.stores.lake.ledger import BatchLedger, Stage
from include.stores.ports import StateStore
from include.transactions.labels import label_table
from include.transactions.schema import TRANSACTION_SCHEMA

log = logging.getLogger(__name__)

_KEYS_AT_ONCE = 2_000


def prepare(feed: BankFeed, lake: Lake) -> None:
    """Write features, labels and states of a bank's history; what is there already is kept."""
    if lake.exists(f"{feed.folder}/{HISTORY}"):
        return
    days = list(feed.history())
    transactions = pa.concat_tables([day.transactions for day in days])
    truth = pa.concat_tables([day.labels for day in days])
    told = label_table(feed.history_labels())
    result = features_of_history(transactions, labels=join_labels(told, transactions))
    table = result.features
    for name in TRANSACTION_SCHEMA.names:
        table = table.append_column(name, transactions[name])
    # Of the newest days some labels are not known yet: they are still to come.
    known = pc.less(transactions["occurred_at"], feed.training_until)
    for name in ("is_fraud", "typology"):
        table = table.append_column(name, pc.if_else(known, truth[name], None))
    write_states(lake, f"{feed.folder}/states.parquet", result.states)
    lake.write_table(f"{feed.folder}/{HISTORY}", table)
    # From here on the bank's calendar stands, also if nothing has been sent yet.
    feed.remember()


def fit(feed: BankFeed, lake: Lake, registry: ModelRegistry, settings: TrainingSettings) -> ModelBundle:
    """Train on what ``prepare`` wrote and store the model; it is not promoted.

    Raises
    ------
    PromotionRefused
        Before the training: there is a model, and the registry's gate lets no other take its place.
    """
    registry.ensure_promotable()
    table = lake.read_table(f"{feed.folder}/{HISTORY}")
    table = table.filter(pc.is_valid(table["is_fraud"]))
    bundle = train(
        table.select(list(FEATURE_NAMES)),
        table["is_fraud"].to_numpy(),
        table["occurred_at"].cast(pa.timestamp("us")).to_numpy(),
        table["amount"].cast(pa.float64()).to_numpy(),
        table["typology"].to_pylist(),
        settings,
    )
    bundle = registry.publish(bundle, promote=False)
    log.info("model %s: %s", bundle.version, bundle.manifest.metrics)
    return bundle


def load_states(feed: BankFeed, lake: Lake, store: StateStore) -> int:
    """Put the states of a bank's history under the batches to come; returns how many keys got one.

    A key that has a state already keeps it: live batches have gone on from there. So doing this again
    changes nothing. The first time is remembered, for parity has to start these states where live scoring did.
    """
    next_batch = BatchLedger(lake).cursor(Stage.SCORED).next_batch
    first_time = loaded_before(lake, feed.folder)
    before_batch = next_batch if first_time is None else first_time
    loaded = 0
    for kind, states in read_states(lake, f"{feed.folder}/states.parquet").items():
        keys = list(states)
        for start in range(0, len(keys), _KEYS_AT_ONCE):
            part = keys[start : start + _KEYS_AT_ONCE]
            there = store.read(kind, part, next_batch)
            missing = {key: states[key] for key in part if key not in there}
            store.write(kind, missing, before_batch - 1)
            loaded += len(missing)
    if first_time is None and loaded:
        lake.write_json(f"{feed.folder}/loaded.json", {"before_batch": before_batch})
    return loaded


def loaded_before(lake: Lake, folder: str) -> int | None:
    """The batch before which the states of a bank's folder were first loaded; None if nobody knows."""
    document = lake.read_json(f"{folder}/loaded.json")
    return None if document is None else int(document["before_batch"])
