"""The session's socket: attaching screens, orders, artefacts, keys for panes, and the shell form of the transition
tools.
"""

import asyncio
import base64
import logging
import os
import socket
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from pydantic import ValidationError
from websockets.asyncio.server import Server, ServerConnection, unix_serve
from websockets.exceptions import ConnectionClosed

from sessions import wire
from sessions.errors import HostError, QuarterdeckError
from sessions.events import Record
from sessions.host.journal import Journal
from sessions.host.screens import Screen, Screens
from sessions.host.turns import Turns
from sessions.orders import ORDERS, Order, OrderReply
from sessions.terminal.feed import TerminalFeed
from sessions.transitions.door import Door

_log = logging.getLogger(__name__)

_CLOSING = 2.0
"""Seconds a client may take over the end of its connection; one that was stopped must not hold the host."""


class Terminal(Protocol):
    """A window's terminal as the server needs it."""

    def watch(self) -> TerminalFeed:
        """Return a feed that begins with a snapshot."""
        ...

    def write(self, data: bytes) -> bool:
        """Type into it. Never blocks."""
        ...

    def resize(self, cols: int, rows: int) -> None:
        """Give it a size."""
        ...


class SessionServer:
    """Serves one session on a Unix socket of mode 0600."""

    def __init__(
        self,
        journal: Journal,
        turns: Turns,
        door: Door,
        terminals: Mapping[str, Terminal],
        carry_out: Callable[[Order], Awaitable[OrderReply]],
    ) -> None:
        """Take what screens may see and do.

        Args:
            terminals: The terminals by window; filled while the session runs.
            carry_out: Carries out an order.
        """
        self._journal = journal
        self._turns = turns
        self._door = door
        self._terminals = terminals
        self._carry_out = carry_out
        self.screens = Screens()
        self._server: Server | None = None
        self._unlisten: Callable[[], None] | None = None

    async def start(self, path: Path) -> None:
        """Listen. An older socket file of a dead host is replaced; the caller holds the session's lock.

        Raises:
            HostError: If there can be no socket at that path.
        """
        listening = _bind(path)
        self._server = await unix_serve(
            self._serve,
            sock=listening,
            max_size=wire.LARGEST,
            compression=None,
            ping_interval=None,
            close_timeout=_CLOSING,
        )
        self._unlisten = self._journal.listen(self._tell_records)

    async def close(self, reason: str) -> None:
        """Tell every screen why, and stop listening."""
        if self._unlisten is not None:
            self._unlisten()
            self._unlisten = None
        for screen in self.screens.each():
            screen.tell(wire.say("ending", reason=reason))
        if self._server is not None:
            await asyncio.sleep(0)
            await self._drained()
            self._server.close()
            await self._server.wait_closed()
            self._server = None

    async def _drained(self) -> None:
        """Give screens a moment to receive what is queued for them."""
        for _ in range(50):
            if all(screen.idle for screen in self.screens.each()):
                return
            await asyncio.sleep(0.01)

    def show(self, window: str, turn: str, kind: str, text: str) -> None:
        """Send a piece of a running turn to every screen."""
        frame = wire.say("delta", window=window, turn=turn, kind=kind, text=text)
        for screen in self.screens.each():
            screen.tell_delta(frame)

    async def show_terminal(self, window: str) -> None:
        """Send a window's new terminal to every screen."""
        for screen in self.screens.each():
            await screen.show_terminal(window, self._terminals[window].watch())

    def _tell_records(self, records: tuple[Record, ...]) -> None:
        if not self.screens.each():
            return
        frame = wire.say_records(records, caught_up=True)
        for screen in self.screens.each():
            screen.tell(frame)

    async def _serve(self, connection: ServerConnection) -> None:
        screen = Screen(connection.send)
        sender = asyncio.create_task(screen.run())
        pending: set[asyncio.Task[None]] = set()
        try:
            async for frame in connection:
                if isinstance(frame, bytes):
                    self._keys(screen, frame)
                    continue
                fields = wire.hear(frame)
                if fields["t"] == "attach":
                    await self._attach(screen, fields)
                    continue
                task = asyncio.create_task(self._answer(screen, fields))
                pending.add(task)
                task.add_done_callback(pending.discard)
        except (ConnectionClosed, QuarterdeckError):
            pass
        finally:
            self.screens.remove(screen)
            await screen.close()
            sender.cancel()
            await asyncio.gather(sender, *pending, return_exceptions=True)

    async def _attach(self, screen: Screen, fields: dict[str, Any]) -> None:
        screen.tell(wire.say("welcome", protocol=wire.PROTOCOL))
        after = fields.get("after", 0)
        screen.tell_records(self._journal.records, after if isinstance(after, int) else 0)
        for running in self._turns.running():
            for kind, text in running.pieces:
                screen.tell(
                    wire.say("delta", window=running.window, turn=running.turn, kind=kind, text=text, replayed=True)
                )
        self.screens.add(screen)
        for window, terminal in self._terminals.items():
            await screen.show_terminal(window, terminal.watch())

    def _keys(self, screen: Screen, frame: bytes) -> None:
        pane = wire.unpack(frame)
        terminal = self._terminals.get(pane.window)
        if terminal is not None and pane.kind == wire.INPUT:
            self.screens.take_keys(screen)
            terminal.write(pane.data)

    async def _answer(self, screen: Screen, fields: dict[str, Any]) -> None:
        try:
            await self._do(screen, fields)
        except Exception as error:  # noqa: BLE001  the edge to a client: one that asks must get an answer, whatever it is
            _log.exception("a request of a client failed")
            text = f"a fault of Quarterdeck itself: {type(error).__name__} (see host.log)"
            screen.tell(wire.say("reply", id=fields.get("id", 0), done=False, text=text))

    async def _do(self, screen: Screen, fields: dict[str, Any]) -> None:
        number = fields.get("id", 0)
        match fields["t"]:
            case "order":
                reply = await self._order(fields.get("order"))
                screen.tell(wire.say("reply", id=number, done=reply.done, text=reply.text))
            case "artefact":
                await self._artefact(screen, number, str(fields.get("artefact", "")))
            case "resize":
                terminal = self._terminals.get(str(fields.get("window", "")))
                if terminal is not None and self.screens.may_type(screen):
                    terminal.resize(_within(fields.get("columns")), _within(fields.get("rows")))
            case "tool":
                called = await self._door.call(
                    str(fields.get("token", "")),
                    str(fields.get("tool", "")),
                    str(fields.get("arguments", "")),
                    str(fields.get("key", "")),
                )
                screen.tell(wire.say("reply", id=number, done=called.accepted, text=called.text))
            case other:
                screen.tell(wire.say("reply", id=number, done=False, text=f"unknown request {other!r}"))

    async def _order(self, given: object) -> OrderReply:
        try:
            order: Order = ORDERS.validate_python(given)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            return OrderReply(done=False, text=f"not an order: {first['msg']}")
        return await self._carry_out(order)

    async def _artefact(self, screen: Screen, number: int, artefact: str) -> None:
        try:
            data = await self._journal.artefacts.get(artefact)
        except QuarterdeckError as error:
            screen.tell(wire.say("reply", id=number, done=False, text=str(error)))
            return
        # Megabytes take a while to be written out.
        frame = await asyncio.to_thread(
            lambda: wire.say("reply", id=number, done=True, data=base64.b64encode(data).decode())
        )
        screen.tell(frame)


def _bind(path: Path) -> socket.socket:
    """Return a socket at a path, of mode 0600 from its first moment."""
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        path.unlink(missing_ok=True)
        # Bound here and not by the library: nothing else may run while the mask is another.
        old = os.umask(0o177)
        try:
            listening.bind(str(path))
        finally:
            os.umask(old)
    except OSError as error:
        listening.close()
        raise HostError(
            f"the session's socket cannot be made: {error.strerror or error}",
            where=str(path),
            next="set QUARTERDECK_HOME, or XDG_RUNTIME_DIR, to a short path of a folder that you can write to",
        ) from error
    return listening


def _within(size: object) -> int:
    """Return a terminal dimension that a PTY can have, whatever was sent."""
    return min(max(int(size), 2), 1000) if isinstance(size, int) else 80
