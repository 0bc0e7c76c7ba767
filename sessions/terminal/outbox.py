"""What waits to be typed into a program that does not read it yet."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable

LARGEST_OUTBOX = 8 * 1024 * 1024
"""Bytes that may wait; a person's paste of some megabytes fits."""

LARGEST_REPLIES = 64 * 1024
"""Bytes that may wait before the emulator's replies are dropped: a program that asks and never reads gets none."""

_PIECE = 64 * 1024


class Outbox:
    """Writes to a non-blocking descriptor what fits, and keeps the rest in order. Safe for all threads.

    Args:
        on_waiting: Called when something begins to wait: `flush` is to be called once the descriptor is ready.
    """

    def __init__(self, descriptor: int, on_waiting: Callable[[], None]) -> None:
        self._descriptor, self._on_waiting = descriptor, on_waiting
        self._lock = threading.Lock()
        self._pending = bytearray()
        self._closed = False

    @property
    def waiting(self) -> bool:
        """Whether anything waits."""
        return bool(self._pending)

    def put(self, data: bytes) -> bool:
        """Write or queue all of the data, or none of it; whether it was taken."""
        return self._put(data, LARGEST_OUTBOX)

    def put_reply(self, data: bytes) -> bool:
        """As `put`, for an emulator's replies, of which far less may wait."""
        return self._put(data, LARGEST_REPLIES)

    def flush(self) -> bool:
        """Write what the descriptor takes now; whether anything still waits."""
        with self._lock:
            self._write()
            return bool(self._pending)

    def close(self) -> None:
        """Take nothing more and forget what waits. To be called before the descriptor is closed."""
        with self._lock:
            self._closed = True
            self._pending.clear()

    def _put(self, data: bytes, limit: int) -> bool:
        with self._lock:
            if self._closed or len(self._pending) + len(data) > limit:
                return False
            waited = bool(self._pending)
            self._pending += data
            if not waited:
                self._write()
            began_to_wait = bool(self._pending) and not waited
        if began_to_wait:
            self._on_waiting()
        return True

    def _write(self) -> None:
        # The program may have ended: then the pane thread is about to notice, and nothing is read any more.
        with contextlib.suppress(OSError):
            while self._pending and not self._closed:
                written = os.write(self._descriptor, bytes(self._pending[:_PIECE]))
                del self._pending[:written]
