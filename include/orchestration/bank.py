"""Bodies of the tasks around the simulated bank: sending its stream, training the first model on its history."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from airflow.sdk.exceptions import AirflowSkipException
from pydantic import BaseModel, ConfigDict, Field

from include.detection.training import TrainingSettings
from include.orchestration.adaptation import enter_first_model
from include.orchestration.connections import KAFKA_BANK, cassandra_session, kafka_config
from include.orchestration.run_parameters import CustomersWanted
from include.orchestration.variables import checked, variable
from include.pipeline import customers, first_model
from include.pipeline.bank import USUAL_DISTURBANCES, BankFeed
from include.pipeline.models import model_registry
from include.pipeline.parity import gate_of
from include.privacy.pseudonymising import TokenCustomers
from include.privacy.settings import pseudonymiser
from include.settings import settings
from include.stores.cassandra.customers import CassandraCustomerStore
from include.stores.cassandra.state import CassandraStateStore
from include.stores.lake.files import Lake
from include.transactions.producer import TransactionProducer

log = logging.getLogger(__name__)


class BankOrder(BaseModel):
    """Which bank, and what of it."""

    model_config = ConfigDict(frozen=True)

    seed: int = Field(ge=0, lt=2**32)
    customers: int = Field(gt=0, le=1_000_000)
    training_days: int = Field(30, gt=0, le=1_000)
    rate: float = Field(20.0, gt=0, le=1_000_000, allow_inf_nan=False)  # records a second
    seconds: float = Field(300.0, gt=0, le=86_400, allow_inf_nan=False)

    @classmethod
    def of(cls, params: Mapping[str, Any]) -> Self:
        """The variable ``simulated_bank``, and what a run was triggered with in its place.

        Raises
        ------
        InputRefused
            One of them makes no sense.
        """
        usual = variable("simulated_bank", dict[str, Any])
        wanted = {name: value for name, value in {**usual, **params}.items() if name in cls.model_fields}
        return checked("the variable simulated_bank with the parameters of the run", cls, wanted)

    def feed(self, lake: Lake) -> BankFeed:
        """The bank at its place in the stream."""
        return BankFeed(
            lake, self.seed, self.customers, self.training_days, now=datetime.now(UTC), names=pseudonymiser()
        )


def ingest(params: Mapping[str, Any]) -> int:
    """Send a piece of the simulated bank's stream; returns how many records.

    Hurries through the days that are past at the given rate; once it has caught up with the clock it
    sends what has happened since.
    """
    order, lake = BankOrder.of(params), Lake(settings().lake)
    feed = order.feed(lake)
    kafka = kafka_config(KAFKA_BANK)
    with TransactionProducer(
        kafka["bootstrap.servers"], settings().topics.transactions, config=kafka
    ) as producer:
        sent = feed.send(
            max(1, int(order.rate * order.seconds)),
            lambda records: producer.deliver(records, order.rate),
            USUAL_DISTURBANCES,
            datetime.now(UTC),
        )
    with TransactionProducer(kafka["bootstrap.servers"], settings().topics.labels, config=kafka) as producer:
        labels = feed.send_labels(producer.deliver)
    log.info(
        "sent %s records, %s of them duplicates, %s malformed; %s labels",
        sent.records,
        sent.duplicates,
        sent.malformed,
        labels,
    )
    return sent.records


def prepare_history(params: Mapping[str, Any]) -> None:
    """Write the features, labels and states of the bank's history to the lake."""
    lake = Lake(settings().lake)
    first_model.prepare(BankOrder.of(params).feed(lake), lake)


def load_customers(params: Mapping[str, Any]) -> None:
    """Load the customers of a file, or invent those of the simulated bank.

    Raises
    ------
    InputRefused
        The parameters of the run make no sense.
    CustomerError
        The file cannot be read.
    """
    file = checked("the parameters of the run", CustomersWanted, dict(params)).file
    order = None if file else BankOrder.of(params)
    with cassandra_session() as session:
        store = CassandraCustomerStore(session)
        if order is None:
            names = pseudonymiser()
            by_name = store if names is None else TokenCustomers(store, names)
            loaded, bad = customers.load_customers(Path(file), by_name)
            for row in bad:
                log.error("%s: %s", file, row)
            log.info("loaded %s customers, left out %s rows", loaded, len(bad))
            return
        feed = order.feed(Lake(settings().lake))
        log.info("invented %s customers", customers.add_simulated(feed.customer_ids, store))


def load_states(params: Mapping[str, Any]) -> None:
    """Put the states of the bank's history where live scoring goes on from them."""
    lake = Lake(settings().lake)
    with cassandra_session() as session:
        loaded = first_model.load_states(BankOrder.of(params).feed(lake), lake, CassandraStateStore(session))
    log.info("loaded the states of %s accounts and counterparties", loaded)


def train_first_model(params: Mapping[str, Any]) -> str:
    """Train and publish; returns the version.

    Only the first model becomes champion like this: every other is a challenger first.

    Parameters
    ----------
    params
        Of the run: which bank.

    Raises
    ------
    AirflowSkipException
        A model decides already.
    PromotionRefused
        There was a model that cannot be used any more, and the last parity check was not clean.
    """
    order, lake = BankOrder.of(params), Lake(settings().lake)
    feed = order.feed(lake)
    registry = model_registry(lake, gate_of(lake))
    if (champion := registry.current()) is not None:
        raise AirflowSkipException(f"model {champion.version} decides already")  # no event of the model
    return first_model.fit(feed, lake, registry, TrainingSettings(seed=order.seed)).version


def promote_first_model(version: str, by: str | None) -> None:
    """Make a trained version the first champion, and put it into the book. Done again, it goes on where it broke off.

    Parameters
    ----------
    by
        Who started the run; None for the calendar and for assets.

    Raises
    ------
    AirflowSkipException
        Another model decides by now.
    PromotionRefused
        There was a model that cannot be used any more, and the last parity check was not clean.
    """
    lake = Lake(settings().lake)
    registry, by = model_registry(lake, gate_of(lake)), by or "initialize_stores"
    champion = registry.current()
    if champion is None:
        registry.promote(version, by=by, reason="the first model")
    elif champion.version != version:
        raise AirflowSkipException(f"model {champion.version} decides already")
    enter_first_model(lake, version, by)
