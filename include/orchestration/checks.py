"""Bodies of the tasks that check the whole: parity of features."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from typing import Any

from airflow.sdk.exceptions import AirflowSkipException

from include.pipeline import parity
from include.settings import settings
from include.stores.lake.files import Lake

log = logging.getLogger(__name__)


def check_parity(params: Mapping[str, Any]) -> int:
    """Hold what live scoring used against the log; returns how many values were compared.

    Raises
    ------
    ParityBroken
        Something differs; no model is promoted from now on until a check is clean.
    AirflowSkipException
        No batch has been scored yet.
    """
    os.nice(10)  # alerts first, where processors are few
    record = parity.check(Lake(settings().lake), whole=bool(params.get("whole", False)))
    if not record.next_batch:
        raise AirflowSkipException("no batch has been scored yet, so there is nothing to compare")
    record.require_clean()
    log.info(
        "clean: batches %s to %s, %s values compared",
        record.first_batch,
        record.next_batch - 1,
        record.values,
    )
    return record.values
