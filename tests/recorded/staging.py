"""The app on a stage: a source that records orders, clocks that stand or step, waiting on conditions."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC

from recorded.story import Story
from textual.pilot import Pilot

from sessions.client.updates import Records, Update
from sessions.errors import HostError, StoreError
from sessions.events import Event, Record
from sessions.orders import Order, OrderReply
from themes import load
from tui.app import QuarterdeckApp
from tui.exit_state import ExitState

LIMIT = 20.0
"""Seconds a test waits for a condition before it gives up; never the measure of anything."""


class StagedSource:
    """A live source: yields a story, then whatever is sent, and records every order given."""

    def __init__(self, story: Story) -> None:
        self.orders: list[Order] = []
        self.typed: list[tuple[str, bytes]] = []
        self.sizes: list[tuple[str, int, int]] = []
        self.reply = OrderReply(done=True)
        self.gone = False
        self.closed = False
        self._artefacts = story.artefacts
        self._queue: asyncio.Queue[Update] = asyncio.Queue()
        for update in story.updates:
            self._queue.put_nowait(update)
        self._seq = max((record.seq for record in story.records()), default=0)
        self._at = story.now

    @property
    def drained(self) -> bool:
        return self._queue.empty()

    def send(self, *updates: Update) -> None:
        for update in updates:
            self._queue.put_nowait(update)

    def log(self, *events: Event) -> None:
        for event in events:
            self._seq += 1
            self.send(Records((Record(self._seq, self._at, event),), caught_up=True))

    async def updates(self) -> AsyncIterator[Update]:
        while True:
            yield await self._queue.get()

    async def order(self, order: Order) -> OrderReply:
        if self.gone:
            raise HostError("the session's host is gone", next="start it again")
        self.orders.append(order)
        return self.reply

    async def artefact(self, artefact: str) -> bytes:
        if artefact not in self._artefacts:
            raise StoreError(f"there is no artefact {artefact}")
        return self._artefacts[artefact]

    def type_into(self, window: str, data: bytes) -> None:
        self.typed.append((window, data))

    def resize_pane(self, window: str, columns: int, rows: int) -> None:
        self.sizes.append((window, columns, rows))

    async def close(self) -> None:
        self.closed = True


def stepping() -> Callable[[], float]:
    """Return a monotonic clock that goes on by a second with every look at it."""
    at: Iterator[int] = iter(range(1, 1_000_000))
    return lambda: float(next(at))


def shown(app: QuarterdeckApp) -> str:
    """Return what an app's screen shows, as plain rows."""
    return "\n".join(strip.text.rstrip() for strip in app.screen._compositor.render_strips())


class Stage:
    """A running app with its source and its pilot."""

    def __init__(self, app: QuarterdeckApp, source: StagedSource, pilot: Pilot[ExitState]) -> None:
        self.app = app
        self.source = source
        self.pilot = pilot

    async def settle(self) -> None:
        """Wait until everything sent is on screen, laid out."""
        await self.until(lambda: self.source.drained and self.app.bridge.settled)
        await self.pilot.pause()
        frames = self.app.loop.frames.values()
        await self.until(lambda: all(not frame.display or frame.body.size.height > 0 for frame in frames))
        await self.pilot.pause()

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait for a condition."""
        async with asyncio.timeout(LIMIT):
            while not holds():
                await self.pilot.pause(0.01)

    async def press(self, *keys: str) -> None:
        """Press keys, each after the one before has had its effect."""
        for key in keys:
            await self.pilot.press(key)
            await self.pilot.pause()
            await self.pilot.pause()

    def text(self) -> str:
        """Return what the screen shows, as plain rows."""
        return shown(self.app)


@asynccontextmanager
async def staged(
    story: Story, *, size: tuple[int, int] = (160, 48), palette: str = "quarterdeck-dark", ascii_only: bool = False
) -> AsyncIterator[Stage]:
    """Run the app on a story."""
    source = StagedSource(story)
    app = QuarterdeckApp(
        source, palette=load(palette), now=lambda: story.now, ticks=stepping(), zone=UTC, ascii_only=ascii_only
    )
    async with app.run_test(size=size, notifications=True) as pilot:
        stage = Stage(app, source, pilot)
        await stage.settle()
        yield stage
