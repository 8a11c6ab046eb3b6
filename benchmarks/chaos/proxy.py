"""A TCP proxy whose connections can be cut at will: what a broken network looks like to both ends."""

from __future__ import annotations

import asyncio
import socket
import threading
from contextlib import suppress
from typing import Self

from include.settings import HOST

_CHUNK = 1 << 16
_START_SECONDS = 10.0


class CuttableProxy:
    """Forwards connections from a free port of this machine to another one, from a thread of its own.

    Attributes
    ----------
    port
        Where it listens.
    """

    def __init__(self, target: int) -> None:
        self._target = target
        self._writers: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self.port = 0
        self._thread = threading.Thread(target=self._run, name="proxy", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._ready.wait(_START_SECONDS):
            raise TimeoutError(f"waited {_START_SECONDS:.0f} s for the proxy to listen")
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_START_SECONDS)

    def cut(self) -> int:
        """Reset every connection; returns how many there were."""
        cutting = asyncio.run_coroutine_threadsafe(self._cut(), self._loop)
        return cutting.result(_START_SECONDS)

    async def _cut(self) -> int:
        writers, self._writers = self._writers, set()
        for writer in writers:
            # No linger: the peer gets a reset, not a polite end.
            connection = writer.get_extra_info("socket")
            with suppress(OSError):
                connection.setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00"
                )
            writer.transport.abort()
        return len(writers) // 2

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._connected, HOST, 0))
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        server.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            other_reader, other_writer = await asyncio.open_connection(HOST, self._target)
        except OSError:
            writer.transport.abort()  # as if nobody listened
            return
        pair = {writer, other_writer}
        self._writers |= pair
        await asyncio.gather(_forward(reader, other_writer), _forward(other_reader, writer))
        self._writers -= pair


async def _forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(_CHUNK):
            writer.write(data)
            await writer.drain()
    writer.close()
