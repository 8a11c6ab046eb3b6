"""The mailbox as a whole: the SMTP server and the pages, over one directory."""

from __future__ import annotations

import asyncio
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from include.local.mailbox.smtp import Login, StoringHandler, protocol
from include.local.mailbox.store import MailStore
from include.local.mailbox.vendors import Credentials, Vendors
from include.local.mailbox.web import MailPages

log = logging.getLogger(__name__)

HOST = "127.0.0.1"
_STOP_SECONDS = 10.0


class Mailbox:
    """A running mailbox; a context manager.

    Parameters
    ----------
    directory
        Where messages are kept.
    smtp_port, http_port
        On the loopback interface; 0 for any free one. The attributes of the same names hold those
        really used.
    login
        What senders of mail have to prove, after they have encrypted; without it anybody may send.
    credentials
        What senders of SMS, Slack messages and webhooks have to prove; without them only mail comes in.

    Raises
    ------
    OSError
        A port is taken.
    """

    def __init__(
        self,
        directory: Path,
        smtp_port: int = 0,
        http_port: int = 0,
        credentials: Credentials | None = None,
        login: Login | None = None,
    ) -> None:
        self.store = MailStore(directory)
        self._executor = ThreadPoolExecutor(max_workers=8, thread_name_prefix="mailbox-disk")
        self._loop = asyncio.new_event_loop()
        handler = StoringHandler(self.store, self._executor)
        try:
            self._pages = MailPages(http_port, self.store, Vendors(self.store, credentials))
            try:
                self._smtp = self._loop.run_until_complete(
                    self._loop.create_server(lambda: protocol(handler, login), HOST, smtp_port)
                )
            except OSError:
                self._pages.server_close()
                raise
        except OSError:
            self._loop.close()
            self._executor.shutdown()
            raise
        self.smtp_port: int = self._smtp.sockets[0].getsockname()[1]
        self.http_port: int = self._pages.server_address[1]
        self._threads = [
            threading.Thread(target=self._loop.run_forever, name="mailbox-smtp", daemon=True),
            threading.Thread(target=self._pages.serve_forever, args=(0.1,), name="mailbox-http", daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def __enter__(self) -> Mailbox:
        """Nothing to do: it runs since it was made."""
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Take no new connections, finish the messages being stored, and stop."""
        self._pages.shutdown()
        self._pages.server_close()
        asyncio.run_coroutine_threadsafe(self._stop_smtp(), self._loop).result(timeout=_STOP_SECONDS)
        self._loop.call_soon_threadsafe(self._loop.stop)
        for thread in self._threads:
            thread.join(timeout=_STOP_SECONDS)
        self._loop.close()

    async def _stop_smtp(self) -> None:
        self._smtp.close()
        # Messages on their way to the disk get there, and their answers out, before connections are cut.
        await asyncio.get_running_loop().run_in_executor(None, self._executor.shutdown)
        await asyncio.sleep(0.05)
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._loop.shutdown_default_executor()
