"""What each part may do to the tables, for roles that an administrator has made.

The role that runs the migrations owns the tables, and so may give rights to them. Everything not given here is refused.
"""

from __future__ import annotations

from collections.abc import Mapping

from cassandra.cluster import Session

from include.stores.cassandra.cql import keyspace_name, role_name
from include.stores.cassandra.statements import execute

#: ``pipeline`` runs the tasks of the DAGs, ``desk`` serves the fraud desk, ``reader`` makes reports and audits.
PARTS = ("pipeline", "desk", "reader")

#: Book-keeping of the migrations, and whose the keyspace is: written by their role alone.
MIGRATIONS = frozenset({"schema_migrations", "schema_lock", "installation"})
#: What people do at the desk, and with it DAGs that act for them.
DESK = frozenset(
    {
        "alert_queue",
        "case_events",
        "case_events_open",
        "dead_letters_resent",
        "durability_marker",
        "outbox",
        "outbox_due",
        "outbox_open_minutes",
        "suppressions",
    }
)
#: Of these, what the pipeline only reads.
DESK_ALONE = frozenset({"dead_letters_resent", "suppressions"})


def writable(part: str, tables: frozenset[str]) -> frozenset[str]:
    """Tables of a keyspace that a part may write to.

    Raises
    ------
    ValueError
        There is no such part.
    """
    if part == "reader":
        return frozenset()
    if part == "desk":
        return DESK & tables
    if part == "pipeline":
        return tables - MIGRATIONS - DESK_ALONE
    raise ValueError(f"expected a part out of {', '.join(PARTS)}, got {part!r}")


def grant(session: Session, keyspace: str, roles: Mapping[str, str]) -> dict[str, int]:
    """Give roles the rights of their parts; again changes nothing.

    Parameters
    ----------
    session
        Of the tables' owner.
    roles
        Name of the role by part.

    Returns
    -------
    dict
        Number of tables each part may write to.

    Raises
    ------
    ValueError
        A part or a role's name is not known for one.
    StoreError
        A role does not exist, or the session's role does not own the tables.
    """
    keyspace = keyspace_name(keyspace)
    rows = execute(
        session,
        "SELECT table_name FROM system_schema.tables WHERE keyspace_name = %s",
        (keyspace,),
        "reading the schema",
    )
    tables = frozenset(row[0] for row in rows)
    given = {}
    for part, role in roles.items():
        name, wanted = role_name(role), writable(part, tables)
        doing = f"giving {role} the rights of {part}"
        execute(session, f"GRANT SELECT ON KEYSPACE {keyspace} TO {name}", doing=doing)
        for table in sorted(wanted):
            execute(session, f"GRANT MODIFY ON TABLE {keyspace}.{table} TO {name}", doing=doing)
        given[part] = len(wanted)
    return given
