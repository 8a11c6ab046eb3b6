"""Files of the lake through pyarrow's file systems: local, HDFS (by WebHDFS) or S3, chosen by the URI."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from include.settings import settings
from include.stores.lake.hdfs import hdfs_files
from include.stores.lake.s3 import is_on_s3, s3_files

#: Ends the name of a file as long as it is being written.
_HALF = ".tmp"


#: A row group of more bytes, unpacked, is read in pieces of about so many, and of few rows, for some may be large.
_PIECE_BYTES, _PIECE_ROWS = 16 * 2**20, 32


def parquet_bytes(table: pa.Table) -> bytes:
    """A table as the lake's Parquet files have it."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    return bytes(sink.getvalue().to_pybytes())


class Lake:
    """The lake's files, addressed by paths relative to its root.

    Every write is atomic for a reader: a file appears whole under its name or not at all. Writing a
    path again replaces it. Once a write returns it survives a kill, and, if the lake syncs, a power cut: the file
    is synced before it gets its name, and its folder, with those above it that are new, after.

    Parameters
    ----------
    uri
        Root, e.g. ``file:///data/lake``, ``hdfs://namenode:8020/lake`` (see ``hdfs_files``) or
        ``s3://bucket/lake`` (see ``s3_files``).
    sync
        Whether files on a local disk are synced; by default as the settings' ``lake_sync`` says. Other stores answer
        when they have what they were given.

    Raises
    ------
    ValueError
        It is no such URI.
    """

    def __init__(self, uri: str, sync: bool | None = None) -> None:
        self.uri = uri.rstrip("/")
        self._wants_sync = settings().lake_sync if sync is None else sync
        self._hdfs = self._s3 = None
        if self.uri.startswith("hdfs:"):
            self._hdfs, self._root = hdfs_files(self.uri)
            self._fs = pafs.PyFileSystem(pafs.FSSpecHandler(self._hdfs))
        elif is_on_s3(self.uri):
            self._fs, self._s3, self._root = s3_files(self.uri)
        else:
            self._fs, self._root = pafs.FileSystem.from_uri(self.uri)

    def url(self, path: str) -> str:
        """URI of a path, for Spark: what is for pyarrow alone is left out, and S3 is Hadoop's ``s3a``."""
        parts = urlsplit(self.uri)
        scheme = "s3a" if parts.scheme == "s3" else parts.scheme
        place = parts.netloc.rpartition("@")[2]
        return f"{scheme}://{place}{parts.path}/{path}"

    def exists(self, path: str) -> bool:
        """Whether a file or folder is there."""
        return bool(self._fs.get_file_info(f"{self._root}/{path}").type != pafs.FileType.NotFound)

    def names(self, folder: str) -> list[str]:
        """Names of the files and folders directly in a folder, sorted; empty if there is none.

        What a killed write has left behind is no file.
        """
        selector = pafs.FileSelector(f"{self._root}/{folder}", allow_not_found=True)
        names = (info.base_name for info in self._fs.get_file_info(selector))
        return sorted(name for name in names if not name.endswith(_HALF))

    def modified_at(self, path: str) -> datetime | None:
        """When a file or folder was last written, UTC; None if it is not there or the store does not say."""
        info = self._fs.get_file_info(f"{self._root}/{path}")
        return None if info.mtime is None else info.mtime.astimezone(UTC)

    def written_since(self, folder: str, moment: datetime) -> list[str]:
        """Paths of the files below a folder that were written at ``moment`` (aware) or later, sorted.

        On S3, whose times have no fractions, a file of the same second is one of them.
        """
        return [path for path, written in self._written(folder) if written >= self._told(moment)]

    def written_before(self, folder: str, moment: datetime) -> list[str]:
        """Paths of the files below a folder that were last written before ``moment`` (aware), sorted.

        On S3 a file of the same second is none of them.
        """
        return [path for path, written in self._written(folder) if written < self._told(moment)]

    def _told(self, moment: datetime) -> datetime:
        """The moment as the store tells it of a file written then."""
        return moment if self._s3 is None else moment.replace(microsecond=0)

    def _written(self, folder: str) -> list[tuple[str, datetime]]:
        selector = pafs.FileSelector(f"{self._root}/{folder}", allow_not_found=True, recursive=True)
        return sorted(
            (info.path.removeprefix(f"{self._root}/"), info.mtime.astimezone(UTC))
            for info in self._fs.get_file_info(selector)
            if info.type == pafs.FileType.File and info.mtime is not None
        )

    def delete_file(self, path: str) -> None:
        """Delete a file; one that is not there is no error."""
        if self.exists(path):
            self._fs.delete_file(f"{self._root}/{path}")

    def read_bytes(self, path: str) -> bytes:
        """Content of a file; FileNotFoundError if there is none."""
        with self._fs.open_input_file(f"{self._root}/{path}") as file:
            return bytes(file.read())

    def write_bytes(self, path: str, content: bytes) -> None:
        """Write a file, whole or not at all."""
        full = f"{self._root}/{path}"
        if self._s3 is not None:
            # Nothing to rename, no folder to make, and nothing to take away: what failed has changed nothing.
            self._s3.put(full, content)
            return
        temporary = self._written_beside(full, content)
        if self._hdfs is not None:
            self._hdfs.replace(temporary, full)
        else:
            self._fs.move(temporary, full)
            self._sync_folder(os.path.dirname(full))

    def _written_beside(self, full: str, content: bytes) -> str:
        """Write a file that no reader looks for, in the folder of ``full``; what a full disk leaves is taken away."""
        self._make_folder(os.path.dirname(full))
        temporary = f"{full}.{uuid.uuid4().hex}{_HALF}"
        try:
            with self._fs.open_output_stream(temporary) as file:
                file.write(content)
            self._sync(temporary)
        except OSError:
            with suppress(OSError):
                self._fs.delete_file(temporary)
            raise
        return temporary

    def _make_folder(self, folder: str) -> None:
        """Make a folder, and those above it, so that they survive a power cut."""
        new = []
        while self._syncs and not os.path.isdir(folder):
            new.append(folder)
            folder = os.path.dirname(folder)
        self._fs.create_dir(new[0] if new else folder, recursive=True)
        for made in new:
            self._sync_folder(os.path.dirname(made))

    def _sync_folder(self, folder: str) -> None:
        # There are file systems that cannot sync a folder; PostgreSQL goes on there, too.
        try:
            self._sync(folder)
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.EBADF):
                raise

    def _sync(self, place: str) -> None:
        """Let what a local file or folder holds survive a power cut, if that is wanted."""
        if not self._syncs:
            return
        descriptor = os.open(place, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    @property
    def _syncs(self) -> bool:
        return self._wants_sync and self._is_local

    @property
    def _is_local(self) -> bool:
        return bool(self._fs.type_name == "local")

    def free_bytes(self) -> int | None:
        """Room that is left; None of a store that does not say."""
        if not self._is_local:
            return None
        folder = Path(self._root)
        while not folder.exists():
            folder = folder.parent
        return shutil.disk_usage(folder).free

    def create_bytes(self, path: str, content: bytes) -> None:
        """Write a file that is not there yet, whole or not at all; FileExistsError if it is.

        Local files are created exclusively, HDFS renames over nothing, and S3 writes under the condition that
        nothing is there: of two writers in the same moment one is refused.
        """
        full = f"{self._root}/{path}"
        if self._s3 is not None:
            self._s3.create(full, content)
            return
        if self.exists(path):
            raise FileExistsError(f"expected {path} not to be there yet; it is, and stays as it was")
        temporary = self._written_beside(full, content)
        try:
            if self._hdfs is not None:
                self._hdfs.mv(temporary, full)
            else:
                os.link(temporary, full)  # unlike a rename it fails where something is
        finally:
            with suppress(FileNotFoundError):
                self._fs.delete_file(temporary)
        self._sync_folder(os.path.dirname(full))

    def sha256(self, path: str) -> str:
        """SHA-256 of a file's content, hexadecimal; FileNotFoundError if there is none."""
        return hashlib.sha256(self.read_bytes(path)).hexdigest()

    def read_json(self, path: str) -> Any:
        """A JSON document, or None if there is no such file."""
        try:
            return json.loads(self.read_bytes(path))
        except FileNotFoundError:
            return None

    def write_json(self, path: str, document: Any) -> None:
        """Write a JSON document."""
        self.write_bytes(path, json.dumps(document, indent=1, sort_keys=True, default=str).encode())

    def read_table(self, path: str, columns: Sequence[str] | None = None) -> pa.Table:
        """One Parquet file as a table.

        Parameters
        ----------
        columns
            Only these, those of a struct as ``struct.field``; all by default. A name the file lacks is left out.
        """
        with self._fs.open_input_file(f"{self._root}/{path}") as file:
            # A reader of one file: no partition columns are guessed from the path.
            return pq.ParquetFile(file).read(None if columns is None else list(columns))

    def read_pieces(self, path: str, columns: Sequence[str]) -> Iterator[pa.Table]:
        """One Parquet file bit by bit: a row group at a time, or a few rows of one that is large once unpacked."""
        with self._fs.open_input_file(f"{self._root}/{path}") as file:
            parquet = pq.ParquetFile(file, pre_buffer=False)
            for group in range(parquet.num_row_groups):
                known = parquet.metadata.row_group(group)
                parts = [known.column(place) for place in range(known.num_columns)]
                size = sum(
                    one.total_uncompressed_size
                    for one in parts
                    if one.path_in_schema.split(".")[0] in columns
                )
                rows = known.num_rows
                if size > _PIECE_BYTES:
                    rows = min(_PIECE_ROWS, rows * _PIECE_BYTES // size)
                for piece in parquet.iter_batches(max(1, rows), row_groups=[group], columns=list(columns)):
                    yield pa.Table.from_batches([piece])

    def rows_of(self, path: str) -> int:
        """How many rows a Parquet file has, from its footer; ArrowInvalid if it has none, for it is half a file."""
        with self._fs.open_input_file(f"{self._root}/{path}") as file:
            return int(pq.read_metadata(file).num_rows)

    def time_bounds(self, path: str, column: str) -> tuple[datetime, datetime] | None:
        """First and last time in a column of a Parquet file, from its footer; None where it does not say."""
        with self._fs.open_input_file(f"{self._root}/{path}") as file:
            footer = pq.read_metadata(file)
        place = footer.schema.names.index(column)
        parts = [footer.row_group(group).column(place).statistics for group in range(footer.num_row_groups)]
        if not parts or any(part is None or not part.has_min_max for part in parts):
            return None
        return min(part.min for part in parts), max(part.max for part in parts)

    def write_table(self, path: str, table: pa.Table) -> None:
        """Write one Parquet file."""
        self.write_bytes(path, parquet_bytes(table))

    def delete_folder(self, path: str) -> None:
        """Delete a folder and all in it; one that is not there is no error."""
        if self.exists(path):
            self._fs.delete_dir(f"{self._root}/{path}")
