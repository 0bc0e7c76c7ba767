"""A real host on a real project, a client that watches it, and ways to see what is left of it."""

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from sessions.client.attached import AttachedSession
from sessions.client.updates import Delta, HostLost, PaneOutput, PaneSnapshot, Records, Typist
from sessions.events import Event, Record, load_event
from sessions.handoffs import GateMode
from sessions.host.starting import SessionOrder, await_host, create_session, start_host
from sessions.orders import Order, OrderReply
from sessions.state import EMPTY, SessionState, fold
from sessions.store.folders import SessionFolder
from sessions.store.log import EventLog

LIMIT = 90.0
"""Seconds after which a condition counts as never coming true. Generous: it costs only a failing test."""
IDEA = "a bar chart tool"


def make_project(folder: Path) -> Path:
    """Make a repository with one commit, whose own modules are called like ours."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "README.md").write_text("sample\n")
    for name in ("sessions", "tui"):
        (folder / name).mkdir()
        (folder / name / "__init__.py").write_text("raise SystemExit('a module of the project was run')\n")
    for arguments in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "Begin"]):
        subprocess.run(["git", *arguments], cwd=folder, check=True)
    return folder


def make_session(project: Path, *, gate: GateMode = "auto", pace: float = 0.0, **settings: object) -> SessionFolder:
    """Make a session's folder. No host runs yet."""
    chosen = {"screen": False, "unattended": gate == "auto", **settings}
    order = SessionOrder(repository=project, idea=IDEA, gate=gate, pace=pace)
    return create_session(order.model_copy(update=chosen))


async def read_log(folder: SessionFolder) -> list[Record]:
    """Read a session's log from the disk."""
    async with await EventLog.read_only(folder.database) as reader:
        return [Record(row.seq, row.at, load_event(row.body)) for row in await reader.rows()]


def events_of(records: list[Record], kind: type[Event]) -> list[Event]:
    return [record.event for record in records if isinstance(record.event, kind)]


def still_running(home: Path) -> list[str]:
    """Every process that lives in the test's home, but for this one and what it started without a home: by command."""
    found: list[str] = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            mine = process.pid == os.getpid() or process.status() == psutil.STATUS_ZOMBIE
            if not mine and process.environ().get("HOME") == str(home):
                found.append(f"{process.pid} {' '.join(process.cmdline())[:150]}")
    return found


async def nothing_left(home: Path) -> None:
    """Wait until nothing of the test's runs any more."""
    async with asyncio.timeout(15):
        while await asyncio.to_thread(still_running, home):  # noqa: ASYNC110  they are not our children
            await asyncio.sleep(0.05)


@dataclass
class Client:
    """One attached client: all it was sent, folded as it came."""

    source: AttachedSession
    records: list[Record] = field(default_factory=list)
    state: SessionState = EMPTY
    deltas: list[Delta] = field(default_factory=list)
    terminal: dict[str, bytes] = field(default_factory=dict)
    typist: bool | None = None
    lost: HostLost | None = None
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def read(self) -> None:
        async for update in self.source.updates():
            match update:
                case Records(records):
                    self.records += records
                    for record in records:
                        self.state = fold(self.state, record)
                case Delta():
                    self.deltas.append(update)
                case PaneSnapshot(window=window, data=data):
                    self.terminal[window] = data
                case PaneOutput(window=window, data=data):
                    self.terminal[window] = self.terminal.get(window, b"") + data
                case Typist(you):
                    self.typist = you
                case HostLost():
                    self.lost = update
            self._changed.set()
            self._changed = asyncio.Event()

    async def until(self, condition: Callable[["Client"], object], limit: float = LIMIT) -> "Client":
        """Wait until a condition holds, or fail with what the session came to."""
        try:
            async with asyncio.timeout(limit):
                while not condition(self):
                    assert self.lost is None or condition(self), f"the host ended: {self.lost}"
                    await self._changed.wait()
        except TimeoutError:
            raise AssertionError(f"in vain, after {[type(one.event).__name__ for one in self.records[-8:]]}") from None
        return self

    async def until_event(self, kind: type[Event], after: int = 0, **fields: object) -> Record:
        """Wait for an event with these fields, later than a sequence number, and return its record."""

        def found() -> Record | None:
            return next((one for one in self.records if one.seq > after and _fits(one.event, kind, fields)), None)

        await self.until(lambda _: found())
        record = found()
        assert record is not None
        return record

    async def until_lost(self) -> HostLost:
        await self.until(lambda client: client.lost is not None)
        assert self.lost is not None
        return self.lost

    async def give(self, order: Order) -> OrderReply:
        async with asyncio.timeout(LIMIT):
            return await self.source.order(order)

    def said(self, window: str) -> str:
        return "".join(one.text for one in self.deltas if one.window == window)


def _fits(event: Event, kind: type[Event], fields: dict[str, object]) -> bool:
    return isinstance(event, kind) and all(getattr(event, name) == value for name, value in fields.items())


@contextlib.asynccontextmanager
async def attached(socket: Path, *, after: int = 0) -> AsyncIterator[Client]:
    """Attach a client for a while."""
    client = Client(await AttachedSession.attach(socket, after=after))
    reading = asyncio.create_task(client.read())
    try:
        yield client
    finally:
        await client.source.close()
        await asyncio.gather(reading, return_exceptions=True)


@dataclass
class Host:
    """A host's process, started by the test."""

    folder: SessionFolder
    process: "subprocess.Popen[bytes]"

    async def socket(self) -> Path:
        return await await_host(self.folder, self.process)

    def kill(self) -> None:
        """Kill it at once, as a crash would."""
        self.process.kill()
        self.process.wait()

    async def ends(self) -> int:
        return await asyncio.to_thread(self.process.wait, LIMIT)

    async def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return await self.ends()


@contextlib.asynccontextmanager
async def serving(folder: SessionFolder) -> AsyncIterator[Host]:
    """Have a host serve a session for a while."""
    host = Host(folder, start_host(folder))
    try:
        yield host
    finally:
        if host.process.poll() is None:
            host.process.terminate()
            try:
                await asyncio.to_thread(host.process.wait, 30)
            except subprocess.TimeoutExpired:
                host.kill()


@contextlib.asynccontextmanager
async def client_of(folder: SessionFolder) -> AsyncIterator[tuple[Host, Client]]:
    """Serve a session and attach to it."""
    async with serving(folder) as host, attached(await host.socket()) as client:
        yield host, client
