"""Whose lake it is: the id of the one installation that writes to it.

The id's home is the installation's own Airflow; it is copied into the lake here and into the keyspace by
``include.stores.cassandra.installation``. A second installation that is pointed at either is refused.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime

from include.stores.lake.errors import ForeignLake
from include.stores.lake.files import Lake

_FILE = "installation.json"


def owner_of(lake: Lake) -> str | None:
    """Id of the installation the lake belongs to; None if nobody has claimed it."""
    document = lake.read_json(_FILE)
    return str(document["id"]) if document else None


def claim_lake(lake: Lake, installation: str) -> None:
    """Make the lake the installation's own; again changes nothing.

    Raises
    ------
    ForeignLake
        It is another's.
    """
    claim = {"id": installation, "claimed_at": datetime.now(UTC).isoformat()}
    try:
        lake.create_bytes(_FILE, json.dumps(claim).encode())
    except FileExistsError:
        owner = owner_of(lake)
        if owner != installation:
            raise ForeignLake(
                f"expected the lake {lake.uri} to be of this installation ({installation}), it is of {owner}: two "
                "installations on one lake would number the same batches. Set TIDEWATCH_LAKE_URI to a lake of its "
                f"own; or, if Airflow's database was made anew for the same lake, set Airflow's variable "
                f"installation_id to {owner}"
            ) from None
