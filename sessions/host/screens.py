"""The screens attached to a session: what each one still has to be told, and who may type."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from itertools import islice

from sessions import wire
from sessions.events import Record
from sessions.terminal.feed import Output, Snapshot, TerminalFeed

_HELD_DELTAS = 5_000
"""Deltas held for a slow screen; it gets the whole transcript when the turn ends."""
_CHUNK = 2_000


class Screen:
    """One attached screen: a queue of text frames, a pump for each terminal, and the tasks that send them.

    Records are never dropped. Deltas and terminal bytes of a screen that does not keep up are: a terminal's feed then
    gives a fresh snapshot.
    """

    def __init__(self, send: Callable[[str | bytes], Awaitable[None]]) -> None:
        """Take the way out."""
        self._send = send
        self._waiting: deque[str] = deque()
        self._deltas = 0
        self._wake = asyncio.Event()
        self._pumps: dict[str, tuple[TerminalFeed, asyncio.Task[None]]] = {}
        self.dropped = 0

    @property
    def idle(self) -> bool:
        """True when everything queued has been sent."""
        return not self._waiting

    def tell(self, frame: str) -> None:
        """Queue a text frame."""
        self._waiting.append(frame)
        self._wake.set()

    def tell_records(self, records: list[Record], after: int) -> None:
        """Queue everything after a sequence number, in pieces, the last one marked as caught up."""
        start = after
        while True:
            piece = list(islice(records, start, start + _CHUNK))
            start += len(piece)
            done = start >= len(records)
            self.tell(wire.say_records(piece, caught_up=done))
            if done:
                return

    def tell_delta(self, frame: str) -> None:
        """Queue a delta, unless the screen is far behind."""
        if self._deltas >= _HELD_DELTAS:
            self.dropped += 1
            return
        self._deltas += 1
        self.tell(frame)

    async def show_terminal(self, window: str, feed: TerminalFeed) -> None:
        """Send a window's terminal from now on, in place of the one it had."""
        await self._end_pump(window)
        self._pumps[window] = feed, asyncio.create_task(self._pump(window, feed))

    async def run(self) -> None:
        """Send what waits until cancelled or the screen is gone."""
        while True:
            self._wake.clear()
            while self._waiting:
                frame = self._waiting.popleft()
                if frame.startswith('{"t":"delta"'):
                    self._deltas -= 1
                await self._send(frame)
            await self._wake.wait()

    async def close(self) -> None:
        """Let go of every terminal."""
        for window in list(self._pumps):
            await self._end_pump(window)

    async def _end_pump(self, window: str) -> None:
        feed, task = self._pumps.pop(window, (None, None))
        if feed is not None and task is not None:
            feed.close()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _pump(self, window: str, feed: TerminalFeed) -> None:
        """Send a terminal's parts; waiting for the socket is what makes the feed drop for a slow screen."""
        async for part in feed:
            match part:
                case Snapshot(cols, rows, data):
                    await self._send(wire.pack_snapshot(window, cols, rows, data))
                case Output(data):
                    await self._send(wire.pack(wire.OUTPUT, window, data))
                case _:
                    return


class Screens:
    """Every screen attached. The newest one to type or attach is the typist; the others watch."""

    def __init__(self) -> None:
        """Begin with none."""
        self._all: list[Screen] = []
        self._typist: Screen | None = None
        self._emptied = asyncio.Event()
        self._emptied.set()

    def __len__(self) -> int:
        return len(self._all)

    def add(self, screen: Screen) -> None:
        """Attach a screen; the first one may type."""
        self._all.append(screen)
        self._emptied.clear()
        if self._typist is None:
            self._give_keys(screen)
        else:
            screen.tell(wire.say("typist", you=False))

    def remove(self, screen: Screen) -> None:
        """Let a screen go; the next one may type."""
        if screen in self._all:
            self._all.remove(screen)
        if screen is self._typist:
            self._typist = None
            if self._all:
                self._give_keys(self._all[-1])
        if not self._all:
            self._emptied.set()

    def may_type(self, screen: Screen) -> bool:
        """Say whether this screen is the typist."""
        return screen is self._typist

    def take_keys(self, screen: Screen) -> None:
        """Make a screen the typist because the person there asked for it."""
        if screen in self._all and screen is not self._typist:
            self._give_keys(screen)

    def _give_keys(self, screen: Screen) -> None:
        if self._typist is not None:
            self._typist.tell(wire.say("typist", you=False))
        self._typist = screen
        screen.tell(wire.say("typist", you=True))

    def each(self) -> tuple[Screen, ...]:
        """Return the attached screens."""
        return tuple(self._all)

    async def emptied(self) -> None:
        """Return when no screen is attached."""
        await self._emptied.wait()
