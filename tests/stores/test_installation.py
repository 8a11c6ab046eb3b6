"""Two installations pointed at one lake or one keyspace by mistake: the second is refused, and told what to do."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from include.stores.cassandra.address import CassandraAddress
from include.stores.cassandra.errors import ForeignKeyspace
from include.stores.cassandra.installation import claim_keyspace, owner_of, refuse_foreign
from include.stores.cassandra.migrations import migrate
from include.stores.lake.errors import ForeignLake
from include.stores.lake.files import Lake
from include.stores.lake.installation import claim_lake
from include.stores.lake.installation import owner_of as owner_of_lake
from tests.stores.cassandra.keyspaces import REPLICATION, bare_session, free_name


def test_a_lake_has_one_owner(tmp_path) -> None:
    lake = Lake(tmp_path.as_uri())
    assert owner_of_lake(lake) is None
    claim_lake(lake, "one")
    claim_lake(lake, "one")
    with pytest.raises(
        ForeignLake, match=r"to be of this installation \(two\), it is of one.*TIDEWATCH_LAKE_URI"
    ):
        claim_lake(lake, "two")
    assert owner_of_lake(lake) == "one"


@pytest.fixture(scope="module")
def session(request: pytest.FixtureRequest):
    with bare_session(request.getfixturevalue("cassandra_address")) as session:
        yield session


@pytest.mark.servers
def test_a_keyspace_has_one_owner_and_every_session_of_another_is_refused(
    session: Any, cassandra_address: CassandraAddress
) -> None:
    with free_name(session) as keyspace:
        assert owner_of(session, keyspace) is None
        refuse_foreign(session, keyspace, "one")  # nobody's
        migrate(session, keyspace, REPLICATION)
        claim_keyspace(session, keyspace, "one")
        claim_keyspace(session, keyspace, "one")
        with pytest.raises(ForeignKeyspace, match=r"it is of one.*TIDEWATCH_KEYSPACE"):
            claim_keyspace(session, keyspace, "two")
        mine = dataclasses.replace(cassandra_address, keyspace=keyspace, installation="one")
        mine.connect().cluster.shutdown()
        with pytest.raises(ForeignKeyspace):
            dataclasses.replace(mine, installation="two").connect()
