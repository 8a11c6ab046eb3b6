"""HDFS by its REST interface (WebHDFS): the native client of pyarrow wants a Hadoop installation on every machine."""

from __future__ import annotations

from functools import partial
from typing import Any
from urllib.parse import parse_qs, urlsplit

from fsspec.implementations.webhdfs import WebHDFS

_HTTP_PORT = 9870
_TIMEOUT_SECONDS = 60.0


class HdfsFiles(WebHDFS):  # type: ignore[misc]
    """WebHDFS with times of change, renaming that says what it did, and an outage that is no missing file.

    fsspec takes every error for "not there": a cursor that could not be read would be one that begins anew.
    """

    def _connect(self) -> None:
        super()._connect()
        self.session.request = partial(self.session.request, timeout=_TIMEOUT_SECONDS)

    def _kind(self, path: str) -> str | None:
        try:
            return str(self.info(path)["type"])
        except FileNotFoundError:
            return None

    def exists(self, path: str, **_: Any) -> bool:
        """Whether something is there; raises if HDFS does not say."""
        return self._kind(path) is not None

    def isdir(self, path: str) -> bool:
        """Whether it is a folder; raises if HDFS does not say."""
        return self._kind(path) == "directory"

    def isfile(self, path: str) -> bool:
        """Whether it is a file; raises if HDFS does not say."""
        return self._kind(path) == "file"

    def info(self, path: str) -> dict[str, Any]:
        """One file or folder; FileNotFoundError if there is none."""
        return _timed(super().info(path))

    def ls(self, path: str, detail: bool = False, **kwargs: Any) -> list[Any]:
        """Files and folders directly in a folder."""
        found = super().ls(path, detail=True, **kwargs)
        return [_timed(one) if detail else one["name"] for one in found]

    def mv(self, path1: str, path2: str, **_: Any) -> None:
        """Rename; FileExistsError where something is there already."""
        if not self._call("RENAME", method="put", path=path1, destination=path2).json()["boolean"]:
            raise FileExistsError(f"expected to rename {path1} to {path2}, HDFS did not; is something there?")

    def replace(self, path1: str, path2: str) -> None:
        """Rename in one step over whatever is there."""
        self._call("RENAME", method="put", path=path1, destination=path2, renameoptions="OVERWRITE")


def _timed(info: dict[str, Any]) -> dict[str, Any]:
    return info | {"mtime": info["modificationTime"] / 1000}


def hdfs_files(uri: str) -> tuple[HdfsFiles, str]:
    """The files behind a URI, and the path of its root there.

    Parameters
    ----------
    uri
        ``hdfs://[user@]namenode[:port]/root[?webhdfs=9870]``: the port is for Spark, ``webhdfs`` the one of the
        name node's REST interface.
    """
    parts = urlsplit(uri)
    port = int(parse_qs(parts.query).get("webhdfs", [str(_HTTP_PORT)])[0])
    files = HdfsFiles(
        host=parts.hostname, port=port, user=parts.username or "tidewatch", skip_instance_cache=True
    )
    return files, parts.path.rstrip("/")
