"""One watcher's share of a terminal: a snapshot, then what the program writes, in bounded memory.

A slow watcher never slows the program. What it cannot take is dropped, and a fresh snapshot brings it up again.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

LARGEST_BACKLOG = 1024 * 1024
"""Bytes kept for a watcher that does not take them, before a snapshot takes their place."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The terminal as it stands: for `Emulator.restore`. All that came before no longer matters."""

    cols: int
    rows: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Output:
    """Bytes the program wrote, following what came before."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Ended:
    """The program ended. Nothing follows.

    Args:
        status: Its exit status; 128+n when signal n ended it.
    """

    status: int


Part: TypeAlias = Snapshot | Output | Ended


class TerminalFeed:
    """Gives the parts to one task of the loop it was made in, by `async for`. Made by `PtyProcess.watch`.

    Cancelling the task that waits for the next part ends the feed's use: a part may be lost with it.

    `offer`, `spoil` and `finish` are for the pane thread.

    Args:
        snapshot: Gives a snapshot and calls `renew` at the very place in the stream where it was taken.
        let_go: Called once when the watcher is no longer interested.
    """

    def __init__(
        self,
        snapshot: Callable[[TerminalFeed], Snapshot],
        let_go: Callable[[TerminalFeed], None],
        limit: int = LARGEST_BACKLOG,
    ) -> None:
        self._snapshot, self._let_go, self._limit = snapshot, let_go, limit
        self._lock = threading.Lock()
        self._backlog = bytearray()
        self._stale = True
        self._status: int | None = None
        self._finished = False
        self._loop = asyncio.get_running_loop()
        self._news = asyncio.Event()
        self._waking = False

    def offer(self, data: bytes) -> None:
        """Take what the program wrote, or drop all and remember that a snapshot is due."""
        with self._lock:
            if not self._stale:
                self._backlog += data
                if len(self._backlog) > self._limit:
                    self._drop()
        self._wake()

    def spoil(self) -> None:
        """Have a snapshot follow next: after a change that bytes cannot tell, such as a new size."""
        with self._lock:
            self._drop()
        self._wake()

    def renew(self) -> None:
        """Take bytes again from here on: what came before is in the snapshot that is being taken."""
        with self._lock:
            self._backlog.clear()
            self._stale = False

    def finish(self, status: int) -> None:
        """Have the feed end once everything has been taken."""
        with self._lock:
            self._status = status
        self._wake()

    def __aiter__(self) -> TerminalFeed:
        return self

    async def __anext__(self) -> Part:
        while True:
            self._news.clear()
            with self._lock:
                self._waking = False
                stale, data = self._stale, bytes(self._backlog)
                self._backlog.clear()
            if stale:
                # Packing a long history takes some ten milliseconds: too long for the loop.
                return await asyncio.to_thread(self._snapshot, self)
            if data:
                return Output(data)
            if self._finished:
                raise StopAsyncIteration
            if self._status is not None:
                self._finished = True
                return Ended(self._status)
            await self._news.wait()

    def close(self) -> None:
        """Let go of the terminal. Safe to repeat."""
        self._let_go(self)

    def __enter__(self) -> TerminalFeed:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _drop(self) -> None:
        self._stale = True
        self._backlog.clear()

    def _wake(self) -> None:
        """Wake the loop, once until it has looked: a flood would fill its queue of calls."""
        with self._lock:
            if self._waking:
                return
            self._waking = True
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody watches any more
            self._loop.call_soon_threadsafe(self._news.set)
