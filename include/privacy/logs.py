"""Old log files of Airflow, which has a command for its database and none for these."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import datetime
from pathlib import Path

_LOG = re.compile(r".+\.log(?:\.\d+)?")


def delete_old_logs(folder: Path, before: datetime) -> int:
    """Delete log files below a folder that were last written before a moment (aware); returns how many.

    Folders that are empty afterwards go too. What somebody else deletes meanwhile is no error, and links are not
    followed.
    """
    deleted = 0
    for path in sorted(folder.rglob("*"), key=lambda one: len(one.parts), reverse=True):
        with suppress(FileNotFoundError):
            if path.is_symlink():
                continue
            if path.is_dir():
                if path.stat().st_mtime < before.timestamp():
                    with suppress(OSError):  # not empty
                        path.rmdir()
            elif _LOG.fullmatch(path.name) and path.stat().st_mtime < before.timestamp():
                path.unlink()
                deleted += 1
    return deleted
