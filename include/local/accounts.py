"""Accounts of the secure profile on Kafka and Cassandra: made, and given their rights, once the servers answer.

Doing it again changes nothing but passwords that have been generated anew.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from secrets import token_urlsafe
from typing import Any, get_args

from confluent_kafka import KafkaException
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from include.local.clients import (
    CassandraRole,
    KafkaUser,
    authority,
    cassandra_client,
    cassandra_password,
    kafka_client,
    kafka_password,
)
from include.local.errors import ServiceFailed
from include.settings import HOST, Settings, Topics
from include.stores.cassandra.address import CassandraAddress
from include.stores.cassandra.errors import StoreUnavailable

_SECONDS = 60.0
#: Of SCRAM's key derivation. Generated passwords have 192 random bits, which no number of rounds adds to.
_ITERATIONS = 4096


@dataclass(frozen=True, slots=True)
class Right:
    """What a user may do to a resource of Kafka's, or to all whose names begin alike."""

    user: KafkaUser
    resource: ResourceType
    name: str
    operations: tuple[AclOperation, ...]
    is_prefix: bool = False

    def bindings(self) -> Iterator[AclBinding]:
        """As Kafka wants them."""
        pattern = ResourcePatternType.PREFIXED if self.is_prefix else ResourcePatternType.LITERAL
        for operation in self.operations:
            yield AclBinding(
                self.resource,
                self.name,
                pattern,
                f"User:{self.user}",
                "*",
                operation,
                AclPermissionType.ALLOW,
            )


def kafka_rights(topics: Topics) -> list[Right]:
    """Everything anybody but the broker itself may do; the rest is refused."""
    topic, group, transaction = ResourceType.TOPIC, ResourceType.GROUP, ResourceType.TRANSACTIONAL_ID
    read, write, describe = AclOperation.READ, AclOperation.WRITE, AclOperation.DESCRIBE
    made = (AclOperation.CREATE, AclOperation.DELETE, describe, AclOperation.DESCRIBE_CONFIGS)
    check = f"{topics.transactions}.check-"
    return [
        Right("bank", topic, topics.transactions, (write, describe)),
        Right("bank", topic, topics.labels, (write, describe)),
        Right("pipeline", topic, topics.transactions, (read, describe)),
        Right(
            "pipeline", topic, topics.labels, (read, write, describe)
        ),  # a sweep sends what the desk could not
        Right("pipeline", topic, topics.dead_letter, (read, write, describe)),
        Right("pipeline", transaction, f"{topics.dead_letter}-from-", (write, describe), is_prefix=True),
        Right("pipeline", group, f"process_transactions-{topics.transactions}", (read,), is_prefix=True),
        Right("pipeline", group, f"{topics.transactions}-reader", (read,)),
        Right("pipeline", group, f"{topics.labels}-reader", (read,)),
        Right("pipeline", group, f"{topics.dead_letter}-reader", (read,)),
        Right("desk", topic, topics.transactions, (write, describe)),  # dead letters, corrected
        Right("desk", topic, topics.labels, (write, describe)),
        Right("desk", topic, topics.dead_letter, (read, describe)),
        Right("desk", group, f"{topics.dead_letter}-reader", (read,)),
        *(
            Right("admin", topic, name, made)
            for name in (topics.transactions, topics.labels, topics.dead_letter)
        ),
        # check_streaming sends two records through a topic of its own.
        Right("admin", topic, check, (*made, read, write), is_prefix=True),
        Right("admin", group, check, (read,), is_prefix=True),
    ]


def set_up_kafka(settings: Settings) -> None:
    """Give every user a password and its rights.

    Raises
    ------
    ServiceFailed
        The broker refuses, or does not answer in time.
    """
    admin = AdminClient({**kafka_client(settings, "broker"), "log_level": 3})
    users = [user for user in get_args(KafkaUser) if user != "broker"]
    how = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, _ITERATIONS)
    changes = [
        UserScramCredentialUpsertion(user, how, kafka_password(settings, user).encode()) for user in users
    ]
    bindings = [binding for right in kafka_rights(settings.topics) for binding in right.bindings()]
    try:
        for answer in admin.alter_user_scram_credentials(changes, request_timeout=_SECONDS).values():
            answer.result(_SECONDS)
        for answer in admin.create_acls(bindings, request_timeout=_SECONDS).values():
            answer.result(_SECONDS)
    except (KafkaException, TimeoutError) as error:
        raise ServiceFailed(
            f"expected the broker to take users and rights, got: {error}; see "
            f"{settings.stack_dir}/logs/kafka.log. If secrets.json was changed by hand: `make clean` and begin anew"
        ) from error


def set_up_cassandra(settings: Settings) -> None:
    """Replace the default superuser by a generated one, and make the roles.

    Rights on tables are given with the migrations, by the role that owns them.

    Raises
    ------
    ServiceFailed
        Neither superuser is let in within a minute.
    """
    session = _superuser(settings)
    try:
        if _can_log_in(session, "cassandra"):
            locked = "ALTER ROLE cassandra WITH SUPERUSER = false AND LOGIN = false AND PASSWORD = %s"
            session.execute(locked, (token_urlsafe(32),))
        for role in get_args(CassandraRole):
            if role != "superuser":
                _make_role(session, settings, role)
        session.execute("GRANT CREATE ON ALL KEYSPACES TO admin")
    finally:
        session.cluster.shutdown()


def _make_role(session: Any, settings: Settings, role: CassandraRole) -> None:
    """Make a role, or give one that is there its password if that has been generated anew."""
    password, more = (
        cassandra_password(settings, role),
        f"AND LOGIN = true AND SUPERUSER = {role == 'superuser'}",
    )
    if _can_log_in(session, role) is None:
        session.execute(f"CREATE ROLE {role} WITH PASSWORD = %s {more}", (password,))
        return
    try:  # Cassandra refuses to change a password often, also into itself
        cassandra_client(settings, role).connect(with_keyspace=False).cluster.shutdown()
    except StoreUnavailable:
        session.execute(f"ALTER ROLE {role} WITH PASSWORD = %s", (password,))


def _can_log_in(session: Any, role: str) -> bool | None:
    """Whether a role may; None if there is no such role."""
    found = session.execute("SELECT can_login FROM system_auth.roles WHERE role = %s", (role,)).one()
    return None if found is None else bool(found[0])


def _superuser(settings: Settings) -> Any:
    """A session of the generated superuser, who is made by the default one the first time."""
    ours = cassandra_client(settings, "superuser")
    default = CassandraAddress(
        (HOST,),
        settings.ports.cassandra,
        settings.keyspace,
        "cassandra",
        "cassandra",
        ca_file=authority(settings),
    )
    end = time.monotonic() + _SECONDS
    while True:
        try:
            return ours.connect(with_keyspace=False)
        except StoreUnavailable as refused:
            try:
                session = default.connect(with_keyspace=False)
            except StoreUnavailable:
                if time.monotonic() > end:  # the node makes the default one a moment after it has started
                    raise ServiceFailed(
                        f"waited {_SECONDS:.0f} s for Cassandra to let a superuser in: {refused}; see "
                        f"{settings.stack_dir}/logs/cassandra.log. If secrets.json was changed by hand: "
                        "`make clean` and begin anew"
                    ) from refused
                time.sleep(0.5)
                continue
            try:
                _make_role(session, settings, "superuser")
            finally:
                session.cluster.shutdown()
