"""A session attached over its socket: the live `SessionSource`."""

import asyncio
import base64
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, unix_connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from sessions import wire
from sessions.client.updates import Delta, HostLost, PaneOutput, PaneSnapshot, Records, Typist, Update
from sessions.errors import HostError, QuarterdeckError, StoreError
from sessions.orders import Order, OrderReply


class AttachedSession:
    """Speaks with a session's host. One task reads the socket, one writes to it; both end with `close`."""

    def __init__(self, connection: ClientConnection) -> None:
        """Take an open connection; use `attach`."""
        self._connection = connection
        self._updates: asyncio.Queue[Update] = asyncio.Queue()
        self._outgoing: asyncio.Queue[str | bytes] = asyncio.Queue()
        self._replies: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._number = 0
        self._ending = ""
        self._tasks = [asyncio.create_task(self._read()), asyncio.create_task(self._write())]

    @classmethod
    async def attach(cls, socket: Path, *, after: int = 0, seconds: float = 10.0) -> "AttachedSession":
        """Connect to a host and ask for everything after a sequence number.

        Raises:
            HostError: If no host answers.
        """
        session = cls(await connect(socket, seconds=seconds))
        session._send(wire.say("attach", after=after))
        return session

    @classmethod
    async def caller(cls, socket: Path, *, seconds: float = 10.0) -> "AttachedSession":
        """Connect only to ask or to order something, without receiving updates.

        Raises:
            HostError: If no host answers.
        """
        return cls(await connect(socket, seconds=seconds))

    async def updates(self) -> AsyncIterator[Update]:
        """Yield updates in order; the last one is `HostLost`."""
        while True:
            update = await self._updates.get()
            yield update
            if isinstance(update, HostLost):
                return

    async def order(self, order: Order) -> OrderReply:
        """Give an order; see `SessionSource`."""
        reply = await self._ask("order", order=order.model_dump())
        return OrderReply(done=bool(reply["done"]), text=str(reply.get("text", "")))

    async def artefact(self, artefact: str) -> bytes:
        """Return an artefact; see `SessionSource`."""
        reply = await self._ask("artefact", artefact=artefact)
        if not reply["done"]:
            raise StoreError(str(reply["text"]), where=artefact)
        return base64.b64decode(reply["data"])

    async def call_tool(self, token: str, tool: str, arguments: str, key: str) -> OrderReply:
        """Call a transition tool for the holder of a token."""
        reply = await self._ask("tool", token=token, tool=tool, arguments=arguments, key=key)
        return OrderReply(done=bool(reply["done"]), text=str(reply.get("text", "")))

    def type_into(self, window: str, data: bytes) -> None:
        """Send keys to a window's program."""
        self._send(wire.pack(wire.INPUT, window, data))

    def resize_pane(self, window: str, columns: int, rows: int) -> None:
        """Tell a window's program its size."""
        self._send(wire.say("resize", window=window, columns=columns, rows=rows))

    async def close(self) -> None:
        """Let go of the session."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._connection.close()

    def _send(self, frame: str | bytes) -> None:
        self._outgoing.put_nowait(frame)

    async def _ask(self, kind: str, /, **fields: Any) -> dict[str, Any]:
        if self._tasks[0].done():
            raise _gone(self._ending)
        self._number += 1
        reply: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._replies[self._number] = reply
        self._send(wire.say(kind, id=self._number, **fields))
        return await reply

    async def _write(self) -> None:
        try:
            while True:
                await self._connection.send(await self._outgoing.get())
        except ConnectionClosed:
            return

    async def _read(self) -> None:
        strange = ""
        try:
            async for frame in self._connection:
                self._hear(frame)
        except ConnectionClosed:
            pass
        except QuarterdeckError as error:
            strange = str(error).replace("\n", "; ")
        finally:
            reason = strange or self._ending or "the connection broke; the host may have been killed"
            self._updates.put_nowait(HostLost(reason, ended=bool(self._ending) and not strange))
            for reply in self._replies.values():
                if not reply.done():
                    reply.set_exception(_gone(self._ending))
            self._replies.clear()

    def _hear(self, frame: str | bytes) -> None:
        if isinstance(frame, bytes):
            pane = wire.unpack(frame)
            if pane.kind == wire.SNAPSHOT:
                self._updates.put_nowait(PaneSnapshot(pane.window, *wire.snapshot_size(pane.data)))
            else:
                self._updates.put_nowait(PaneOutput(pane.window, pane.data))
            return
        fields = wire.hear(frame)
        match fields["t"]:
            case "records":
                self._updates.put_nowait(Records(wire.hear_records(fields), bool(fields["caught_up"])))
            case "delta":
                self._updates.put_nowait(
                    Delta(
                        fields["window"], fields["turn"], fields["kind"], fields["text"], bool(fields.get("replayed"))
                    )
                )
            case "typist":
                self._updates.put_nowait(Typist(bool(fields["you"])))
            case "reply":
                reply = self._replies.pop(int(fields["id"]), None)
                if reply is not None and not reply.done():
                    reply.set_result(fields)
            case "welcome":
                if fields.get("protocol") != wire.PROTOCOL:
                    raise HostError(
                        "the session's host is of another version of Quarterdeck",
                        next="`quarterdeck stop` ends it, `quarterdeck attach` starts one of this version",
                    )
            case "ending":
                self._ending = str(fields["reason"])
            case _:
                pass


async def connect(socket: Path, *, seconds: float) -> ClientConnection:
    """Open a connection to a host's socket.

    Raises:
        HostError: If nobody listens there, or nobody answers within `seconds`.
    """
    try:
        async with asyncio.timeout(seconds):
            return await unix_connect(
                str(socket), max_size=wire.LARGEST, compression=None, ping_interval=None, close_timeout=2
            )
    except (OSError, TimeoutError, WebSocketException) as error:
        raise HostError(
            "the session's host does not answer", where=str(socket), next="`quarterdeck attach` starts it again"
        ) from error


def _gone(reason: str) -> HostError:
    return HostError(
        f"the session's host is gone{': ' + reason if reason else ''}", next="`quarterdeck attach` starts it again"
    )
