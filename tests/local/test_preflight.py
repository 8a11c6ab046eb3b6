"""What stops a set-up says what to do about it."""

import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from include.local import java, preflight
from include.local.errors import JarsMissing, NoJava, PortTaken, SetupError
from include.local.jars import class_path
from include.settings import HOST, PROJECT, Ports, Settings


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server((HOST, 0)) as listener:
        yield listener.getsockname()[1]


def test_a_taken_port_is_named_with_its_holder_and_the_way_out(taken_port: int, tmp_path: Path) -> None:
    settings = Settings(stack_dir=tmp_path, ports=Ports(kafka=taken_port))
    with pytest.raises(PortTaken) as refused:
        preflight.check_ports(settings)
    lines = [line for line in str(refused.value).splitlines() if f"port {taken_port} of kafka" in line]
    assert len(lines) == 1
    assert f"process {os.getpid()}" in lines[0]
    assert "set TIDEWATCH_PORTS__KAFKA to another port" in lines[0]


def test_one_port_for_two_servers_is_refused() -> None:
    with pytest.raises(ValueError, match=r"got 7000 for both 'kafka' and 'smtp'; set TIDEWATCH_PORTS__SMTP"):
        Ports(kafka=7000, smtp=7000)


def test_too_little_memory_says_how_much_and_what_to_lower(monkeypatch: pytest.MonkeyPatch) -> None:
    small = SimpleNamespace(virtual_memory=lambda: SimpleNamespace(available=3 * 2**30))
    monkeypatch.setattr(preflight, "psutil", small)
    with pytest.raises(SetupError, match=r"expected 5 GiB of free memory, found 3\.0; .*TIDEWATCH_MEMORY__"):
        preflight.check_memory(Settings())


def test_too_little_disk_says_where_and_what_to_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    full = SimpleNamespace(disk_usage=lambda _: SimpleNamespace(free=2**30))
    monkeypatch.setattr(preflight, "shutil", full)
    with pytest.raises(SetupError, match=r"free disk below .*found 1\.0; .*TIDEWATCH_STACK_DIR"):
        preflight.check_disk(Settings(stack_dir=tmp_path))


def test_without_java_17_it_tells_what_was_found_and_three_ways_out(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    old = tmp_path / "bin" / "java"
    old.parent.mkdir()
    old.write_text("#!/bin/sh\necho 'openjdk version \"11.0.2\"' >&2\n")
    old.chmod(0o755)
    monkeypatch.setattr(java, "_candidates", lambda: iter([old]))
    java.java.cache_clear()
    try:
        with pytest.raises(NoJava) as refused:
            java.java()
    finally:
        java.java.cache_clear()
    assert f"{old} (Java 11)" in str(refused.value)
    for way_out in ("openjdk-17-jre-headless", "TIDEWATCH_JAVA_HOME", "make setup"):
        assert way_out in str(refused.value)


def test_missing_jars_are_named_with_the_command_that_fetches_them(tmp_path: Path) -> None:
    with pytest.raises(JarsMissing, match=r"org\.apache\.kafka:kafka_2\.13:4\.3\.0 .* run `make setup`"):
        class_path(tmp_path, "kafka")


def test_an_old_python_is_told_what_is_needed(tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    for name in ("Makefile", "requirements.lock"):
        (project / name).write_text((PROJECT / name).read_text())
    old = tmp_path / "bin" / "python3"
    old.parent.mkdir()
    # Runs the Makefile's own check, on a version it must refuse.
    old.write_text('#!/bin/sh\nexec python3.real -c "import sys; sys.version_info = (3, 9); $2"\n')
    old.chmod(0o755)
    (tmp_path / "bin" / "python3.real").symlink_to(Path(os.path.realpath("/proc/self/exe")))
    environment = os.environ | {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"}
    made = subprocess.run(
        ["make", "setup"],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert made.returncode != 0
    assert "expected Python 3.11 or later, found" in made.stderr
    assert "Traceback" not in made.stderr
