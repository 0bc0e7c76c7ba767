"""What a program writes, on its way to the emulator, the recording and the watchers, in one order for all."""

from __future__ import annotations

import threading
from collections.abc import Callable

from sessions.terminal.emulator import Emulator, Fed
from sessions.terminal.feed import Snapshot, TerminalFeed
from sessions.terminal.recording import Recording


class TerminalStream:
    """Passes a program's output on. One lock keeps the order, so that a snapshot is taken between two pieces of it.

    `watch` is for every thread, the rest for the pane thread.
    """

    def __init__(self, emulator: Emulator, recording: Recording | None) -> None:
        self.emulator = emulator
        self.recording = recording
        self._lock = threading.Lock()
        self._feeds: list[TerminalFeed] = []
        self._status: int | None = None

    def take(self, data: bytes) -> Fed:
        """Pass on what the program wrote, and give what it asked for."""
        with self._lock:
            fed = self.emulator.feed(data)
            if self.recording is not None:
                self.recording.output(data)
            for feed in self._feeds:
                feed.offer(data)
        return fed

    def resize(self, cols: int, rows: int, tell_program: Callable[[], None]) -> bytes:
        """Take a new size, have the program told, and give the report it may have asked to get."""
        with self._lock:
            report = self.emulator.resize(cols, rows)
            tell_program()
            if self.recording is not None:
                self.recording.resize(cols, rows)
            for feed in self._feeds:
                feed.spoil()
        return report

    def record_input(self, data: bytes) -> None:
        """Record what was typed, if the recording keeps keystrokes."""
        if self.recording is not None:
            self.recording.input(data)

    def finish(self, status: int) -> None:
        """Tell everyone that the program ended."""
        with self._lock:
            self._status = status
            if self.recording is not None:
                self.recording.exit(status)
            for feed in self._feeds:
                feed.finish(status)

    def watch(self, limit: int) -> TerminalFeed:
        """Give a feed for the running loop; it works after the end too."""
        feed = TerminalFeed(self._snapshot_for, self._forget, limit)
        with self._lock:
            self._feeds.append(feed)
            if self._status is not None:
                feed.finish(self._status)
        return feed

    def _snapshot_for(self, feed: TerminalFeed) -> Snapshot:
        with self._lock:
            data = self.emulator.snapshot()
            feed.renew()
            return Snapshot(self.emulator.cols, self.emulator.rows, data)

    def _forget(self, feed: TerminalFeed) -> None:
        with self._lock:
            if feed in self._feeds:
                self._feeds.remove(feed)
