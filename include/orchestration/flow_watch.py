"""Watches the flow and raises, words and clears incidents by itself.

Several observers look, each in a process of its own: the sweep (a task), the fraud desk (in the API server) and the
arrivals trigger (in the triggerer). They share what they know through small files in the lake, ``watch/…``:

* ``away/<server>.json``: since when a server has not answered, whoever noticed first;
* ``observers/<name>.json``: when an observer last looked. One that falls silent is missed by the others.

Incidents: ``stalled-<stage>`` when work has waited for a minute and nothing moves, ``away-<server>`` when a server
has not answered for a minute, ``unwatched-<observer>`` when an observer has fallen silent. Each clears when it is
over. An observer that cannot look at something says nothing of it, neither that it is stalled nor that it is over.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from include.governance.incidents import clear_incident, find_incident, raise_incident
from include.orchestration import probes
from include.pipeline import stalls
from include.pipeline.loss_record import forget_old_losses, note_extent
from include.pipeline.stalls import PATIENCE, WORK, Backlog
from include.settings import settings
from include.stores.lake.files import Lake
from include.stores.ports import OutboxStore

log = logging.getLogger(__name__)

SWEEP, DESK, TRIGGERER = "sweep", "desk", "triggerer"
#: Every observer looks at least this often, and is missed after ``SILENCE``.
LOOK_SECONDS = 20.0
SILENCE = timedelta(seconds=150)

#: Clocks may differ by so much.
SKEW = timedelta(seconds=10)

#: Less than this left on the lake's disk is an incident.
ROOM_BYTES = 2 * 2**30

_UNKNOWN = "no server it needs is away; see the DAG's runs in Airflow and the task's log"

#: What Airflow knows of a DAG that does nothing: paused, failed, waiting for a slot.
WhyDag = Callable[[str], str | None]


@dataclass(frozen=True, slots=True)
class Observer:
    """Who looks, and what he can see.

    Attributes
    ----------
    outbox
        Opens the outbox; may raise, when Cassandra is away. None: this observer does not look there.
    why
        See ``WhyDag``; None: this observer cannot ask.
    """

    name: str
    lake: Lake
    addresses: probes.Addresses
    outbox: Callable[[], OutboxStore] | None = None
    why: WhyDag | None = None

    def look(self, now: datetime | None = None) -> list[Backlog]:
        """Look once at everything; returns what was seen of the stages.

        Raises
        ------
        OSError
            The lake cannot be read or written: there is nowhere to raise an incident. It is in the log.
        """
        now = now or datetime.now(UTC)
        answers = probes.ask_all(self.addresses)
        self.lake.write_json(f"watch/observers/{self.name}.json", {"at": now.isoformat()})
        away = {name: said for name, said in answers.items() if said is not None}
        since = {name: self._away_since(name, said, now) for name, said in answers.items()}
        self._tell_of_servers(away, since, now)
        self._tell_of_observers(now)
        self._tell_of_room(now)
        forget_old_losses(self.lake, now)
        seen = self._backlogs(away, now)
        for backlog in seen:
            self._tell_of(backlog, away, now)
        return seen

    def _away_since(self, server: str, said: str | None, now: datetime) -> datetime | None:
        path = f"watch/away/{server}.json"
        if said is None:
            self.lake.delete_file(path)
            return None
        before = self.lake.read_json(path)
        if before is not None:
            return datetime.fromisoformat(before["since"])
        self.lake.write_json(path, {"since": now.isoformat(), "said": said, "noticed_by": self.name})
        return now

    def _tell_of_servers(
        self, away: Mapping[str, str], since: Mapping[str, datetime | None], now: datetime
    ) -> None:
        for server, began in since.items():
            if began is None:
                clear_incident(self.lake, f"away-{server}", now)
            elif now - began >= PATIENCE:
                words = f"{server} does not answer since {began:%Y-%m-%d %H:%M:%S} UTC ({away[server]}); start it again"
                stopped = [work.dag for work in WORK.values() if server in work.needs]
                detail = {"server": server, "stops": stopped, "since": began.isoformat()}
                raise_incident(self.lake, f"away-{server}", words, detail, now)

    def _tell_of_observers(self, now: datetime) -> None:
        for name in (SWEEP, DESK, TRIGGERER):
            last = self.lake.read_json(f"watch/observers/{name}.json")
            if last is None:
                continue  # it has never looked: that component is not part of this installation
            at = datetime.fromisoformat(last["at"])
            if now - at < SILENCE:
                clear_incident(self.lake, f"unwatched-{name}", now)
            else:
                words = (
                    f"the {name} has not looked at the flow since {at:%Y-%m-%d %H:%M:%S} UTC: {_SILENT[name]}"
                )
                raise_incident(self.lake, f"unwatched-{name}", words, {"last": last["at"]}, now)

    def _tell_of_room(self, now: datetime) -> None:
        """Before the disk is full: then no incident could be written any more."""
        free = self.lake.free_bytes()
        if free is None or free >= ROOM_BYTES:
            clear_incident(self.lake, "disk-low", now)
            return
        words = (
            f"the disk of the lake has {free / 2**30:.1f} GiB left, expected {ROOM_BYTES / 2**30:.0f}: when it is full "
            "tasks fail and are tried again, and nothing half-written counts; make room, or shorten retention_days"
        )
        raise_incident(self.lake, "disk-low", words, {"free_bytes": free}, now)

    def _backlogs(self, away: Mapping[str, str], now: datetime) -> list[Backlog]:
        found = stalls.of_batches(self.lake)
        topics = settings().topics
        if "kafka" not in away:
            for stage, topic in (("processing", topics.transactions), ("labels", topics.labels)):
                try:
                    found.append(_of_topic(stage, topic, self.addresses.kafka, self.lake, now))
                except Exception as error:  # it has answered a moment ago: the next look will know more
                    log.warning("the topic %s could not be looked at: %s", topic, error)
        if self.outbox is not None and "cassandra" not in away:
            try:
                found.append(stalls.of_outbox(outbox := self.outbox(), now))
                self._tell_of_given_up(stalls.given_up(outbox, now), now)
            except Exception as error:
                log.warning("the outbox could not be looked at: %s", error)
        return found

    def _tell_of_given_up(self, words: str | None, now: datetime) -> None:
        if words is None:
            clear_incident(self.lake, "deliveries-given-up", now)
        else:
            raise_incident(self.lake, "deliveries-given-up", words, at=now)

    def _tell_of(self, backlog: Backlog, away: Mapping[str, str], now: datetime) -> None:
        key = f"stalled-{backlog.stage}"
        if backlog.caught_up(now):
            clear_incident(self.lake, key, now)
            return
        before = find_incident(self.lake, key)
        going_on = before is not None and before.is_open
        if not (going_on or backlog.stalled(now)):
            return
        cause = self._cause(backlog, away) if backlog.stalled(now) else ""
        detail: dict[str, Any] = {
            "waiting": backlog.waiting,
            "unit": WORK[backlog.stage].unit,
            "oldest": backlog.since.isoformat() if backlog.since else None,
            "cause": cause or _UNKNOWN,
        }
        # One observer can ask Airflow and others cannot: who knows less does not overwrite what is known.
        if not cause and backlog.stalled(now) and before is not None and going_on:
            detail["cause"] = cause = str(before.detail.get("cause", _UNKNOWN))
        words = stalls.sentence(backlog, cause or _UNKNOWN, now)
        raise_incident(self.lake, key, words, detail, now)

    def _cause(self, backlog: Backlog, away: Mapping[str, str]) -> str:
        """Servers that are away, what the work says itself, what Airflow knows of the DAG; "" for nothing."""
        found = stalls.culprits(backlog.stage, away)
        if backlog.known:
            found.append(backlog.known)
        if self.why is not None:
            try:
                if said := self.why(WORK[backlog.stage].dag):
                    found.append(said)
            except Exception as error:
                log.warning("Airflow could not be asked about %s: %s", WORK[backlog.stage].dag, error)
        return "; ".join(found)


#: What it means when an observer falls silent.
_SILENT = {
    SWEEP: "sweep_batches runs no task to its end; the scheduler is down, tasks do not start, or the DAG is paused",
    DESK: "the API server, in which the desk lives, is down or hangs; start it again",
    TRIGGERER: "the triggerer is down or hangs, so that arrivals wake nobody; start it again",
}


def _of_topic(stage: str, topic: str, kafka: Mapping[str, Any], lake: Lake, now: datetime) -> Backlog:
    from include.transactions.offsets import TopicOffsets

    with TopicOffsets(kafka, topic) as offsets:
        note_extent(lake, stalls.TOPICS[stage], offsets.extent())
        _tell_of_clocks(lake, offsets, now)
        return stalls.of_topic(stage, offsets, lake, now)


class Watchman:
    """An observer in a long-lived process: looks at its leisure, and never raises.

    Parameters
    ----------
    make
        Makes the observer; tried again at the next look when it fails.
    tell
        Called after each look, to tell people.
    """

    def __init__(self, make: Callable[[], Observer], tell: Callable[[Lake], None] = lambda _: None) -> None:
        self._make, self._tell = make, tell
        self._observer: Observer | None = None

    def look(self) -> None:
        """Look once."""
        try:
            if self._observer is None:
                self._observer = self._make()
            self._observer.look()
            self._tell(self._observer.lake)
        except Exception as error:  # whatever it is, the next look is soon
            log.warning("the flow could not be watched: %s: %s", type(error).__name__, error)


def watch_flow() -> None:
    """Look once, as a task of the sweep, and tell the duty desk of incidents that last.

    Raises
    ------
    AirflowNotFoundException
        A connection of the chain is missing.
    """
    from include.orchestration.connections import cassandra_session
    from include.orchestration.notices import tell_duty_desk
    from include.stores.cassandra.errors import CassandraStoreError
    from include.stores.cassandra.outbox import CassandraOutboxStore

    lake, addresses = Lake(settings().lake), find_addresses()
    try:
        with cassandra_session() as session:
            Observer(SWEEP, lake, addresses, lambda: CassandraOutboxStore(session)).look()
    except CassandraStoreError:
        Observer(SWEEP, lake, addresses).look()
    tell_duty_desk(lake)


def _tell_of_clocks(lake: Lake, topic: stalls.Topic, now: datetime) -> None:
    """Records from the future mean that the brokers' clock and ours differ; the other way it cannot be seen here."""
    ahead = {part for part, at in topic.before(now + SKEW).items() if at < topic.ends().get(part, 0)}
    if ahead:
        words = (
            f"the brokers' clock is at least {SKEW.total_seconds():.0f} s ahead of this machine's: transactions are "
            "judged by the brokers' time, waiting times by ours; have both follow the same time server (NTP)"
        )
        raise_incident(lake, "clock-skew", words, {"partitions": sorted(ahead)}, now)
    else:
        clear_incident(lake, "clock-skew", now)


def find_addresses() -> probes.Addresses:
    """Where everything is, from Airflow's connections and configuration.

    Raises
    ------
    AirflowNotFoundException
        A connection of the chain is missing.
    """
    from urllib.parse import urlsplit

    from airflow.configuration import conf
    from airflow.providers.apache.spark.hooks.spark_connect import SparkConnectHook
    from airflow.sdk import Connection
    from airflow.sdk.exceptions import AirflowNotFoundException

    from include.orchestration.connections import SMTP, SPARK, cassandra_address, kafka_config

    store = cassandra_address()
    spark = urlsplit(SparkConnectHook(SPARK).get_connection_url())
    try:
        mail = Connection.get(SMTP)
        smtp = (mail.host or "", mail.port or 25)
    except AirflowNotFoundException:
        smtp = None
    return probes.Addresses(
        kafka=kafka_config(),
        cassandra=tuple((host, store.port) for host in store.contact_points),
        spark=(spark.hostname or "", spark.port or 15002),
        smtp=smtp,
        airflow=conf.get("api", "base_url", fallback="") or "",
        # Those that Airflow's own tasks trust when they speak to the API server.
        authorities=tuple(
            path for name in ("ssl_ca_file", "ssl_cert") if (path := conf.get("api", name, fallback=""))
        ),
    )
