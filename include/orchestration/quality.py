"""Body of the task that measures rules and models by what labels say."""

from __future__ import annotations

import logging
import os

from airflow.sdk.exceptions import AirflowSkipException

from include.pipeline.models import rule_book
from include.pipeline.rule_quality import measure
from include.pipeline.shadow_record import follow_shadows
from include.settings import settings
from include.stores.lake.files import Lake

log = logging.getLogger(__name__)


def measure_quality() -> int:
    """Count what has been scored and labelled since the last time; returns how many batches of both.

    Raises
    ------
    AirflowSkipException
        Nothing is new: no event.
    """
    os.nice(10)  # alerts first, where processors are few
    lake = Lake(settings().lake)
    done = measure(lake)
    followed = follow_shadows(lake, rule_book(lake))
    log.info("rules in the shadow: %s", ", ".join(followed) or "none")
    if not done.batches and not done.label_batches:
        raise AirflowSkipException("nothing was scored or labelled since the last time")
    return done.batches + done.label_batches
