"""The screens attached to a session: what each one still has to be told, and who may type."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence

from sessions import wire
from sessions.events import Record
from sessions.terminal.feed import Output, Snapshot, TerminalFeed

_HELD_DELTAS, _HELD_LETTERS = 5_000, 4_000_000
"""Deltas, and letters of them, held for a slow screen; it gets the whole transcript when the turn ends."""
_CHUNK = 400
"""Records in one frame: some milliseconds of work for both ends, and no more for the loop at once."""


class Screen:
    """One attached screen: a queue of text frames, a pump for each terminal, and the tasks that send them.

    Records are never dropped. Deltas and terminal bytes of a screen that does not keep up are: a terminal's feed then
    gives a fresh snapshot.
    """

    def __init__(self, send: Callable[[str | bytes], Awaitable[None]]) -> None:
        """Take the way out."""
        self._send = send
        self._waiting: deque[str | Iterator[str]] = deque()
        self._deltas = self._delta_letters = 0
        self._wake = asyncio.Event()
        self._sending = False
        self._pumps: dict[str, tuple[TerminalFeed, asyncio.Task[None]]] = {}
        self.dropped = 0

    @property
    def idle(self) -> bool:
        """True when everything queued has been sent."""
        return not self._waiting and not self._sending

    def tell(self, frame: str) -> None:
        """Queue a text frame."""
        self._waiting.append(frame)
        self._wake.set()

    def tell_records(self, records: Sequence[Record], after: int) -> None:
        """Queue everything logged so far after a sequence number, in frames made as they are sent, the last one marked
        as caught up.

        Args:
            records: Grows at its end only.
        """
        self._waiting.append(_frames(records, min(max(after, 0), len(records)), len(records)))
        self._wake.set()

    def tell_delta(self, frame: str) -> None:
        """Queue a delta, unless the screen is far behind."""
        if self._deltas >= _HELD_DELTAS or self._delta_letters >= _HELD_LETTERS:
            self.dropped += 1
            return
        self._deltas += 1
        self._delta_letters += len(frame)
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
                self._sending = True
                await self._send_next(self._waiting.popleft())
            self._sending = False
            await self._wake.wait()

    async def _send_next(self, item: str | Iterator[str]) -> None:
        if not isinstance(item, str):
            for frame in item:
                await self._send(frame)
                # A socket with room does not wait, and the next frame has to be made.
                await asyncio.sleep(0)
            return
        if item.startswith('{"t":"delta"'):
            self._deltas -= 1
            self._delta_letters -= len(item)
        await self._send(item)

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


def _frames(records: Sequence[Record], start: int, end: int) -> Iterator[str]:
    while True:
        piece = records[start : min(start + _CHUNK, end)]
        start += len(piece)
        yield wire.say_records(piece, caught_up=start >= end)
        if start >= end:
            return


class Screens:
    """Every screen attached. The newest one to type or attach is the typist; the others watch."""

    def __init__(self) -> None:
        """Begin with none."""
        self._all: list[Screen] = []
        self._typist: Screen | None = None
        self._emptied = asyncio.Event()
        self._emptied.set()
        self._left = asyncio.Event()

    def __len__(self) -> int:
        return len(self._all)

    def add(self, screen: Screen) -> None:
        """Attach a screen; the first one may type. Attaching twice changes nothing."""
        if screen in self._all:
            return
        self._all.append(screen)
        self._emptied.clear()
        self._left.clear()
        if self._typist is None:
            self._give_keys(screen)
        else:
            screen.tell(wire.say("typist", you=False))

    def remove(self, screen: Screen) -> None:
        """Let a screen go; the next one may type."""
        if screen not in self._all:
            return
        self._all.remove(screen)
        if screen is self._typist:
            self._typist = None
            if self._all:
                self._give_keys(self._all[-1])
        if not self._all:
            self._emptied.set()
            self._left.set()

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

    async def left(self) -> None:
        """Return when there was a screen, and none is attached any more."""
        await self._left.wait()
