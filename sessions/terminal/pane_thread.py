"""The one thread that reads every PTY of a host, feeds their emulators and reaps their programs.

One thread for all, because then nothing else has to be fast: the event loop may be busy for a while, a screen may be
slow, and no program notices. It sleeps while nothing happens.
"""

from __future__ import annotations

import contextlib
import heapq
import itertools
import logging
import os
import selectors
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

_log = logging.getLogger(__name__)

READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE


@dataclass(frozen=True, slots=True)
class _Watch:
    on_event: Callable[[int], None]
    on_failure: Callable[[Exception], None]


class PaneThread:
    """Runs what a descriptor, a time or another thread calls for, one thing after the other, in a thread of its own.

    `call` and `close` are for every thread; `watch`, `unwatch` and `after` for this thread only.
    """

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._wake_read, self._wake_write = os.pipe()
        for descriptor in (self._wake_read, self._wake_write):
            os.set_blocking(descriptor, False)
        self._selector.register(self._wake_read, READ, None)
        self._calls: deque[Callable[[], object]] = deque()
        self._timers: list[tuple[float, int, Callable[[], object]]] = []
        self._order = itertools.count()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="panes", daemon=True)
        self._thread.start()

    def call(self, work: Callable[[], object]) -> None:
        """Have work done in the thread, soon and in the order of the calls. Dropped once the thread is closed."""
        self._calls.append(work)
        self._wake()

    def watch(
        self,
        descriptor: int,
        events: int,
        on_event: Callable[[int], None],
        on_failure: Callable[[Exception], None],
    ) -> None:
        """Call `on_event` with READ, WRITE or both whenever a descriptor is ready; again to change the events.

        Args:
            on_failure: Called once when `on_event` raised. The descriptor is then no longer watched.
        """
        watch = _Watch(on_event, on_failure)
        try:
            self._selector.modify(descriptor, events, watch)
        except KeyError:
            self._selector.register(descriptor, events, watch)

    def unwatch(self, descriptor: int) -> None:
        """Watch a descriptor no longer. To be called before it is closed; safe to repeat."""
        with contextlib.suppress(KeyError):
            self._selector.unregister(descriptor)

    def after(self, seconds: float, work: Callable[[], object]) -> None:
        """Do work after a time."""
        heapq.heappush(self._timers, (time.monotonic() + seconds, next(self._order), work))

    def close(self) -> None:
        """End the thread, and wait for what it is doing. Stop the programs before: nobody reads them any more."""
        self._closing = True
        self._wake()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _wake(self) -> None:
        # A full pipe means that a wake-up is under way; a closed one that there is nobody to wake.
        with contextlib.suppress(OSError):
            os.write(self._wake_write, b"w")

    def _run(self) -> None:
        try:
            while not self._closing:
                for key, events in self._selector.select(self._patience()):
                    if key.data is None:
                        with contextlib.suppress(BlockingIOError):
                            os.read(self._wake_read, 4096)
                    # What was ready may have been closed since, by the one before it: its number may be another's.
                    elif self._selector.get_map().get(key.fd) == key:
                        self._dispatch(key.fd, key.data, events)
                while self._calls:
                    do_guarded(self._calls.popleft())
                while self._timers and self._timers[0][0] <= time.monotonic():
                    do_guarded(heapq.heappop(self._timers)[2])
        finally:
            self._selector.close()
            os.close(self._wake_read)
            os.close(self._wake_write)

    def _patience(self) -> float | None:
        if self._calls:
            return 0.0
        return max(0.0, self._timers[0][0] - time.monotonic()) if self._timers else None

    def _dispatch(self, descriptor: int, watch: _Watch, events: int) -> None:
        try:
            watch.on_event(events)
        except Exception as error:  # noqa: BLE001  the edge between panes: what breaks one must not stop the others
            _log.error("a pane failed", exc_info=error)
            failure = error
            self.unwatch(descriptor)
            do_guarded(lambda: watch.on_failure(failure))


def do_guarded(work: Callable[[], object]) -> None:
    """Do work whose failure is logged and goes no further: it belongs to one pane only."""
    try:
        work()
    except Exception as error:  # noqa: BLE001  the edge between panes, as above
        _log.error("a pane failed", exc_info=error)
