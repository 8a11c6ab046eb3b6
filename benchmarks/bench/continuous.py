"""The chain without Airflow: one continuous Structured Streaming query, the other steps in loops.

::

    python -m benchmarks.bench.continuous read score     # alerts are raised and sent by the one who scores
    python -m benchmarks.bench.continuous load

The stack is that of the environment. Runs until SIGTERM. What is compared with it is only who starts the work: parse,
settle, score, alert, deliver and load are the chain's own.
"""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from benchmarks.chain import Chain, connected
from include.local.airflow_settings import embedded, read
from include.local.supervision import stack_environment
from include.orchestration.connections import open_channels
from include.settings import Settings, settings

#: A batch begins as soon as the one before it is done and something is there.
CONTINUOUS = {"processingTime": "0 seconds"}
_LOOK_SECONDS = 0.02
_START_SECONDS = 120.0
_STOP_SECONDS = 60.0
_DAY = 86_400.0


def _read(chain: Chain, over: threading.Event) -> None:
    threading.Thread(target=lambda: (over.wait(), chain.job().stop()), daemon=True).start()
    while not over.is_set():
        chain.job(CONTINUOUS).run()  # comes back at once while there is nothing at all
        over.wait(_LOOK_SECONDS)


def _score(chain: Chain, over: threading.Event) -> None:
    channels = open_channels(chain.routing.channels())
    kept = channels()
    while not over.wait(_LOOK_SECONDS):
        chain.score()
        if chain.raise_alerts():
            chain.deliver(lambda: kept)


def _load(chain: Chain, over: threading.Event) -> None:
    while not over.wait(_LOOK_SECONDS):
        chain.load()


_LOOPS: dict[str, Callable[[Chain, threading.Event], None]] = {"read": _read, "score": _score, "load": _load}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the loops until SIGTERM; 1 if one of them broke."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bench.continuous", description=__doc__)
    parser.add_argument("steps", nargs="+", choices=sorted(_LOOPS))
    steps = parser.parse_args(arguments).steps
    over, failed = threading.Event(), []
    signal.signal(signal.SIGTERM, lambda *_: over.set())
    # A run that never ends: the query is not handed over after half a minute.
    stream = settings().stream.model_copy(update={"max_run_seconds": _DAY})
    now = settings().model_copy(update={"stream": stream})

    def loop(step: str, chain: Chain) -> None:
        try:
            _LOOPS[step](chain, over)
        except BaseException as error:
            failed.append(f"{step}: {type(error).__name__}: {error}")
            over.set()

    with connected(now, spark="read" in steps) as chain:
        threads = [threading.Thread(target=loop, args=(step, chain)) for step in steps]
        for thread in threads:
            thread.start()
        print("ready", flush=True)
        for thread in threads:
            thread.join()
    for words in failed:
        print(words, file=sys.stderr)
    return 1 if failed else 0


def connections_environment(now: Settings) -> dict[str, str]:
    """The connections of the embedded Airflow, as Airflow reads them where there is none."""
    found = {}
    for one in (embedded(connection, now) for connection in read().connections):
        document = {
            "conn_type": one.conn_type, "host": one.conn_host, "port": one.conn_port, "schema": one.conn_schema,
            "login": one.conn_login, "password": one.conn_password, "extra": one.conn_extra,
        }  # fmt: skip
        if one.conn_password or one.conn_id == "smtp_default":  # a vendor without one is not set up
            found[f"AIRFLOW_CONN_{one.conn_id.upper()}"] = json.dumps(document)
    return found


@contextmanager
def running(now: Settings) -> Iterator[None]:
    """The continuous job beside a stack whose own chain is switched off; stopped at the end.

    Raises
    ------
    RuntimeError
        A part of it does not start, or has ended before its time.
    """
    environment = stack_environment(now) | connections_environment(now)
    logs = now.stack_dir / "logs"
    parts: list[subprocess.Popen[str]] = []
    try:
        for steps in (["read", "score"], ["load"]):
            with (logs / f"continuous-{steps[0]}.log").open("w") as log:
                command = [sys.executable, "-m", "benchmarks.bench.continuous", *steps]
                parts.append(
                    subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=log, text=True)
                )
        for part in parts:
            timer = threading.Timer(_START_SECONDS, part.kill)
            timer.start()
            said = part.stdout.readline() if part.stdout else ""
            timer.cancel()
            if said.strip() != "ready":
                raise RuntimeError(
                    f"expected the continuous job to start within {_START_SECONDS:.0f} s; see {logs}"
                )
        yield
        if any(part.poll() is not None for part in parts):
            raise RuntimeError(f"expected the continuous job to run until it is stopped; see {logs}")
    finally:
        for part in parts:
            part.terminate()
        for part in parts:
            try:
                part.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                part.kill()


if __name__ == "__main__":
    sys.exit(main())
