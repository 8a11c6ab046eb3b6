"""A real HDFS, one name node and one data node, for the tests of the lake on it."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from include.local.jars import fetch, hdfs_bundle, spark_home
from include.local.java import SMALL_MACHINE, java
from include.local.ports import free_ports
from include.settings import HOST

_NODES = ("namenode.NameNode", "datanode.DataNode")
_START_SECONDS = 120.0


@dataclass(frozen=True)
class Hdfs:
    """An HDFS that runs, and how to reach it."""

    folder: Path
    rpc: int
    http: int
    processes: tuple[subprocess.Popen[bytes], ...]

    def uri(self, root: str) -> str:
        """URI of a lake there."""
        return f"hdfs://{HOST}:{self.rpc}/{root}?webhdfs={self.http}"


@contextmanager
def running_hdfs(folder: Path, jars_dir: Path) -> Iterator[Hdfs]:
    """Start one below a folder; both nodes are ended at the end."""
    bundle = hdfs_bundle()
    fetch(jars_dir, [bundle])
    rpc, http, *data = free_ports(5)
    _configure(folder, rpc, http, data)
    jars = f"{folder}/conf:{jars_dir}/{bundle.name}/*:{spark_home()}/jars/*"
    command = [str(java()), "-Xmx256M", *SMALL_MACHINE, "-cp", jars]
    server = "org.apache.hadoop.hdfs.server"
    subprocess.run(
        [*command, f"{server}.{_NODES[0]}", "-format", "-nonInteractive"], check=True, timeout=120,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    processes = []
    try:
        for node in _NODES:
            with (folder / f"{node}.log").open("wb") as log:
                processes.append(
                    subprocess.Popen([*command, f"{server}.{node}"], stdout=log, stderr=subprocess.STDOUT)
                )
        found = Hdfs(folder, rpc, http, tuple(processes))
        _wait_until_writable(found)
        yield found
    finally:
        for process in processes:
            process.kill()
            process.wait(30)


def _configure(folder: Path, rpc: int, http: int, data: list[int]) -> None:
    values = {
        "fs.defaultFS": f"hdfs://{HOST}:{rpc}",
        "dfs.namenode.name.dir": (folder / "name").as_uri(),
        "dfs.datanode.data.dir": (folder / "data").as_uri(),
        "dfs.replication": "1",
        "dfs.permissions.enabled": "false",
        "dfs.namenode.http-address": f"{HOST}:{http}",
        "dfs.datanode.hostname": HOST,
        "dfs.datanode.address": f"{HOST}:{data[0]}",
        "dfs.datanode.http.address": f"{HOST}:{data[1]}",
        "dfs.datanode.ipc.address": f"{HOST}:{data[2]}",
    }
    lines = "".join(
        f"<property><name>{key}</name><value>{value}</value></property>\n" for key, value in values.items()
    )
    (folder / "conf").mkdir(parents=True)
    for name in ("core-site.xml", "hdfs-site.xml"):
        (folder / "conf" / name).write_text(f"<configuration>\n{lines}</configuration>\n")


def _wait_until_writable(hdfs: Hdfs) -> None:
    end = time.monotonic() + _START_SECONDS
    url = f"http://{HOST}:{hdfs.http}/webhdfs/v1/started?op=CREATE&overwrite=true&user.name=tests"
    while True:
        try:
            if requests.put(url, data=b"yes", timeout=10).status_code == 201:
                return
        except requests.RequestException:
            pass
        assert all(one.poll() is None for one in hdfs.processes), "a node of HDFS has ended; see its log"
        assert time.monotonic() < end, f"waited {_START_SECONDS:.0f} s for HDFS to take a file"
        time.sleep(0.5)
