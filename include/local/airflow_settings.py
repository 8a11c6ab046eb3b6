"""Loads ``airflow_settings.yaml`` into the embedded Airflow: the same file Astro reads, other addresses.

Run as ``python -m include.local.airflow_settings`` in Airflow's environment; it migrates the
metadata database first, so that one Python start pays for both.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict

from include.local.clients import (
    SMTP_USER,
    SPARK_HOST,
    authority,
    cassandra_password,
    kafka_password,
    kafka_security,
    socket_folder,
)
from include.local.secrets import load_secrets
from include.local.services.cassandra import SYNC_LAG_SECONDS
from include.settings import HOST, PROJECT, Settings, settings
from include.stores.cassandra.permissions import PARTS

#: Connections to vendors: the mailbox's stand-in for each, and the field of the secrets it asks for.
VENDORS = {
    "twilio_default": ("vendors/twilio", "twilio"),
    "webhook_default": ("vendors/webhook", "webhook"),
    "slack_default": ("vendors/slack/api", "slack"),
}

PATH = PROJECT / "airflow_settings.yaml"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ConnectionSetting(_Strict):
    """A connection as Astro spells it."""

    conn_id: str
    conn_type: str
    conn_host: str | None = None
    conn_port: int | None = None
    conn_schema: str | None = None
    conn_login: str | None = None
    conn_password: str | None = None
    conn_extra: dict[str, Any] = {}


class PoolSetting(_Strict):
    """A pool as Astro spells it."""

    pool_name: str
    pool_slot: int
    pool_description: str


class VariableSetting(_Strict):
    """A variable as Astro spells it."""

    variable_name: str
    variable_value: str


class AirflowSettings(_Strict):
    """The whole file."""

    connections: list[ConnectionSetting]
    pools: list[PoolSetting]
    variables: list[VariableSetting]


def read(path: Path = PATH) -> AirflowSettings:
    """The file, checked.

    Raises
    ------
    pydantic.ValidationError
        When an entry is misspelt or lacks a part.
    """
    return AirflowSettings.model_validate(yaml.safe_load(path.read_text())["airflow"])


def embedded(connection: ConnectionSetting, settings: Settings) -> ConnectionSetting:
    """The same connection at the embedded stack's address.

    Raises
    ------
    KeyError
        When a connection names a host the embedded stack has no service for.
    """
    ports = {
        "spark-connect": settings.ports.spark_connect,
        "cassandra": settings.ports.cassandra,
        "mailbox": settings.ports.smtp,
        "postgres": settings.ports.postgres,
    }
    extra = dict(connection.conn_extra)
    if "bootstrap.servers" in extra:
        extra |= {"bootstrap.servers": settings.brokers, **kafka_security(settings)}
    changes: dict[str, Any] = {"conn_extra": extra}
    if connection.conn_host is not None:
        changes |= {"conn_host": HOST, "conn_port": ports[connection.conn_host]}
    if connection.conn_type == "cassandra":
        changes |= {"conn_schema": settings.keyspace, "conn_host": ",".join(settings.hosts)}
        extra["sync_lag_seconds"] = SYNC_LAG_SECONDS
    if connection.conn_type == "postgres":
        changes |= {"conn_login": "airflow", "conn_password": load_secrets(settings.stack_dir).postgres}
        if settings.is_secure:
            changes |= {"conn_host": str(socket_folder(settings))}
    if connection.conn_id in VENDORS:
        path, secret = VENDORS[connection.conn_id]
        changes["conn_host"] = f"http://{HOST}:{settings.ports.mailbox}/{path}"
        changes["conn_password"] = getattr(load_secrets(settings.stack_dir), secret)
    if settings.is_secure:
        changes |= _login(connection, settings, extra)
    return connection.model_copy(update=changes)


def _login(connection: ConnectionSetting, settings: Settings, extra: dict[str, Any]) -> dict[str, Any]:
    """Who a connection is in the secure profile; what the client has to know besides is put into ``extra``."""
    secrets = load_secrets(settings.stack_dir)
    if connection.conn_type == "kafka":
        return {"conn_login": "pipeline", "conn_password": secrets.kafka_pipeline}
    if connection.conn_type == "cassandra":
        extra["ssl_options"] = {"ca_certs": authority(settings)}
        return {"conn_login": "pipeline", "conn_password": secrets.cassandra_pipeline}
    if connection.conn_type == "spark_connect":
        return {"conn_host": SPARK_HOST, "conn_password": secrets.spark}
    if connection.conn_type == "smtp":
        extra |= {"disable_tls": False, "ssl_ca_file": authority(settings)}
        return {"conn_login": SMTP_USER, "conn_password": secrets.smtp}
    return {}


def of_parts(connections: list[ConnectionSetting], settings: Settings) -> list[ConnectionSetting]:
    """Connections of parts that have an account of their own: as the default one, with another login.

    Without one, as in the open profile, a part takes the default.
    """
    if not settings.is_secure:
        return []
    kafka = next(one for one in connections if one.conn_type == "kafka")
    cassandra = next(one for one in connections if one.conn_type == "cassandra")
    made = []
    for user in ("admin", "bank", "desk"):
        login = {"conn_login": user, "conn_password": kafka_password(settings, user)}
        made.append(kafka.model_copy(update={"conn_id": f"kafka_{user}", **login}))
    for role in ("admin", "desk", "reader"):
        change: dict[str, Any] = {"conn_login": role, "conn_password": cassandra_password(settings, role)}
        if role == "admin":  # who makes the tables gives the others their rights to them
            change["conn_extra"] = {**cassandra.conn_extra, "roles": {part: part for part in PARTS}}
        made.append(cassandra.model_copy(update={"conn_id": f"cassandra_{role}", **change}))
    return made


def load(settings: Settings) -> None:
    """Migrate Airflow's database and write connections, pools and variables; again changes nothing.

    A pool or variable that exists keeps the value an operator gave it in the UI; connections are
    rewritten, for their ports may have changed.
    """
    from airflow.models import Connection, Pool, Variable
    from airflow.utils.db import initdb
    from airflow.utils.session import create_session
    from sqlalchemy import select

    wanted = read()
    initdb()
    ours = [embedded(connection, settings) for connection in wanted.connections]
    with create_session() as session:
        for here in [*ours, *of_parts(ours, settings)]:
            row = session.scalar(select(Connection).where(Connection.conn_id == here.conn_id))
            row = row or Connection(conn_id=here.conn_id)
            row.conn_type, row.host, row.port = here.conn_type, here.conn_host, here.conn_port
            row.schema, row.login = here.conn_schema, here.conn_login
            row.set_password(here.conn_password)
            row.set_extra(json.dumps(here.conn_extra))
            session.add(row)
        for pool in wanted.pools:
            if session.scalar(select(Pool).where(Pool.pool == pool.pool_name)) is None:
                session.add(
                    Pool(
                        pool=pool.pool_name,
                        slots=pool.pool_slot,
                        description=pool.pool_description,
                        include_deferred=False,
                    )
                )
        for variable in wanted.variables:
            if session.scalar(select(Variable).where(Variable.key == variable.variable_name)) is None:
                session.add(Variable(key=variable.variable_name, val=variable.variable_value))


if __name__ == "__main__":
    load(settings())
