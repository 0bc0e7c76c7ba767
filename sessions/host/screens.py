"""The screens attached to a session: what each one still has to be told, and who may type."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from itertools import islice

from sessions import wire
from sessions.events import Record

_HELD_BYTES = 8 * 1024 * 1024
"""Terminal bytes held for a slow screen before they are dropped for a fresh snapshot."""
_HELD_DELTAS = 5_000
_CHUNK = 2_000

Snapshot = Callable[[str], tuple[int, int, bytes] | None]
"""Gives a window's terminal as it stands: columns, rows, bytes; None when it has none."""


class Screen:
    """One attached screen: a queue of frames and the task that sends them.

    Records are never dropped. Terminal bytes and deltas of a screen that does not keep up are: it gets a fresh snapshot of the
    terminal, and the transcript when the turn ends.
    """

    def __init__(self, send: Callable[[str | bytes], Awaitable[None]], snapshot: Snapshot) -> None:
        """Take the way out and the way to a terminal's present screen."""
        self._send = send
        self._snapshot = snapshot
        self._waiting: deque[str | bytes] = deque()
        self._held = 0
        self._deltas = 0
        self._stale: set[str] = set()
        self._wake = asyncio.Event()
        self.dropped = 0

    @property
    def idle(self) -> bool:
        """True when everything queued has been sent."""
        return not self._waiting and not self._stale

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

    def tell_output(self, window: str, data: bytes) -> None:
        """Queue terminal bytes; once too many wait, drop them and owe the screen a snapshot."""
        if window in self._stale:
            self.dropped += len(data)
            return
        self._held += len(data)
        self._waiting.append(wire.pack(wire.OUTPUT, window, data))
        if self._held > _HELD_BYTES:
            self._owe_snapshots()
        self._wake.set()

    def owe_snapshot(self, window: str) -> None:
        """Send a window's whole screen next."""
        self._stale.add(window)
        self._wake.set()

    def _owe_snapshots(self) -> None:
        kept: deque[str | bytes] = deque()
        for frame in self._waiting:
            if isinstance(frame, bytes):
                self._stale.add(wire.unpack(frame).window)
                self.dropped += len(frame)
            else:
                kept.append(frame)
        self._waiting = kept
        self._held = 0

    async def run(self) -> None:
        """Send what waits until cancelled or the screen is gone."""
        while True:
            if not self._waiting and not self._stale:
                self._wake.clear()
                await self._wake.wait()
            while self._waiting:
                frame = self._waiting.popleft()
                if isinstance(frame, bytes):
                    self._held -= len(wire.unpack(frame).data)
                elif frame.startswith('{"t":"delta"'):
                    self._deltas -= 1
                await self._send(frame)
            stale, self._stale = self._stale, set()
            for window in stale:
                found = self._snapshot(window)
                if found is not None:
                    await self._send(wire.pack_snapshot(window, *found))


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
