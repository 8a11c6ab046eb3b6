"""HDFS by its REST interface (WebHDFS): the native client of pyarrow wants a Hadoop installation on every machine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests
from fsspec.implementations.webhdfs import WebHDFS

_HTTP_PORT = 9870
_TIMEOUT_SECONDS = 60.0


class HdfsFiles(WebHDFS):  # type: ignore[misc]
    """WebHDFS with times of change, renaming that says what it did, and an outage that is no missing file.

    fsspec takes every error for "not there": a cursor that could not be read would be one that begins anew, a folder
    that could not be listed would be an empty batch. Whatever HDFS does not answer is an OSError here.
    """

    def _connect(self) -> None:
        super()._connect()
        self.session.request = partial(self.session.request, timeout=_TIMEOUT_SECONDS)
        # A data node's refusal comes as a page that would be read as the file.
        self.session.hooks["response"].append(_refuse_errors_of_data_nodes)
        self._process = os.getpid()

    def _call(self, op: str, method: str = "get", path: str | None = None, **kwargs: Any) -> Any:
        if self._process != os.getpid():
            self._connect()  # a fork must not read what was answered to another
        try:
            return super()._call(op, method, path, **kwargs)
        except requests.Timeout as error:
            raise TimeoutError(f"{op} of {path}: {error}") from error
        except requests.ConnectionError as error:
            raise ConnectionError(f"{op} of {path}: {error}") from error
        except RuntimeError as error:  # what the name node says of itself: safe mode, standby, a quota
            raise OSError(f"{op} of {path}: {error}") from error

    def walk(self, path: str, maxdepth: int | None = None, **kwargs: Any) -> Iterator[Any]:
        """As fsspec's, but what cannot be listed is an error; only what is not there has no files."""
        yield from super().walk(path, maxdepth, **kwargs | {"on_error": _raise_unless_missing})

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


def _raise_unless_missing(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise error


def _refuse_errors_of_data_nodes(response: requests.Response, *_: Any, **__: Any) -> None:
    """Errors of the name node have an exception's name, which fsspec tells apart; a data node's have a status only."""
    if "namenoderpcaddress=" in (response.request.url or ""):
        response.raise_for_status()


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
