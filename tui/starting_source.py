"""A session source that is still being started, so that the screen paints while the host comes up."""

import asyncio
import subprocess
from collections.abc import AsyncIterator

from sessions.client.attached import AttachedSession
from sessions.client.updates import HostLost, Update
from sessions.errors import QuarterdeckError
from sessions.host.starting import await_host
from sessions.orders import Order, OrderReply
from sessions.store.folders import SessionFolder


class StartingSession:
    """A `SessionSource` that attaches to a host as soon as it listens. A host that fails to start ends it with the
    reason.
    """

    def __init__(self, folder: SessionFolder, process: "subprocess.Popen[bytes] | None") -> None:
        """Take the session and, when we started it, its host's process."""
        self._folder = folder
        self._process = process
        self._session: AttachedSession | None = None
        self._attached = asyncio.Event()

    async def updates(self) -> AsyncIterator[Update]:
        """Yield updates once attached; see `SessionSource`."""
        try:
            socket = await await_host(self._folder, self._process)
            self._session = await AttachedSession.attach(socket)
        except QuarterdeckError as error:
            yield HostLost(str(error), ended=False)
            return
        finally:
            self._attached.set()
        async for update in self._session.updates():
            yield update

    async def order(self, order: Order) -> OrderReply:
        """Give an order; see `SessionSource`."""
        await self._attached.wait()
        if self._session is None:
            return OrderReply(done=False, text="the session's host is not there")
        return await self._session.order(order)

    async def artefact(self, artefact: str) -> bytes:
        """Return an artefact; see `SessionSource`."""
        await self._attached.wait()
        if self._session is None:
            return b""
        return await self._session.artefact(artefact)

    def type_into(self, window: str, data: bytes) -> None:
        """Send keys to a window's program."""
        if self._session is not None:
            self._session.type_into(window, data)

    def resize_pane(self, window: str, columns: int, rows: int) -> None:
        """Tell a window's program its size."""
        if self._session is not None:
            self._session.resize_pane(window, columns, rows)

    async def close(self) -> None:
        """Let go of the session; a host that has ended is reaped."""
        if self._session is not None:
            await self._session.close()
        if self._process is not None:
            self._process.poll()
