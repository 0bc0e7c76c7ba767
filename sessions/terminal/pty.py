"""A program in a PTY: its emulator, its recording, its watchers, what is typed into it, and its proven end."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import errno
import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sessions.errors import AgentError
from sessions.processes.leftovers import ProcessMark, end_leftovers
from sessions.processes.supervision import DEFAULT_GRACE, new_marker
from sessions.processes.supervisor import KILL_LIMIT
from sessions.terminal.emulator import Emulator, check_size
from sessions.terminal.feed import LARGEST_BACKLOG, TerminalFeed
from sessions.terminal.notices import Notice
from sessions.terminal.outbox import Outbox
from sessions.terminal.packing import HistoryPacker
from sessions.terminal.pane_thread import READ, WRITE, PaneThread, do_guarded
from sessions.terminal.recording import Recording
from sessions.terminal.spawning import Spawned, spawn
from sessions.terminal.stream import TerminalStream

_CHUNK = 65_536
_LAST_CHUNKS = 64
"""Reads after the end; the kernel holds less than one. Only a process that escaped the tree could write on."""

_REAP_AGAIN = 0.02


@dataclass(frozen=True, slots=True)
class PtyExit:
    """How a program in a PTY ended.

    Args:
        status: Its exit status; 128+n when signal n ended it, 127 when it could not be run.
        cleared: Whether its supervisor reported that nothing it started is running any more.
    """

    status: int
    cleared: bool


@dataclass(frozen=True, slots=True)
class StopProof:
    """What was seen of a program's stopping.

    Args:
        step: The hardest step that was needed: `gone` (it had ended before), `term`, `kill` or `sweep`.
        status: Its exit status.
        seconds: From the order to the proof.
        left: Processes of the tree that could not be ended; empty is the proof that it is gone.
    """

    step: str
    status: int
    seconds: float
    left: tuple[int, ...]


class PtyProcess:
    """A running program in a PTY. Made by `start`; every method may be called from any thread.

    Nothing here blocks: output is taken in the pane thread, input is queued, a new size is passed on.
    """

    def __init__(
        self,
        spawned: Spawned,
        emulator: Emulator,
        thread: PaneThread,
        recording: Recording | None,
        on_notices: Callable[[tuple[Notice, ...]], None] | None,
    ) -> None:
        self.mark: ProcessMark = spawned.mark
        """What finds the program's tree after a crash of the host."""

        self._stream = TerminalStream(emulator, recording)
        self._spawned, self._thread, self._on_notices = spawned, thread, on_notices
        self._outbox = Outbox(spawned.terminal, lambda: thread.call(self._watch_terminal))
        self._exit: concurrent.futures.Future[PtyExit] = concurrent.futures.Future()
        # From now on no waiter that is cancelled can cancel it.
        self._exit.set_running_or_notify_cancel()
        self._pidfd = -1
        self._open = True
        self._packer = HistoryPacker(thread, emulator)
        thread.call(self._begin)

    @classmethod
    async def start(
        cls,
        argv: Sequence[str],
        *,
        cwd: Path,
        environment: Mapping[str, str],
        thread: PaneThread,
        emulator: Emulator,
        recording: Recording | None = None,
        on_notices: Callable[[tuple[Notice, ...]], None] | None = None,
        marker: str = "",
        grace: float = DEFAULT_GRACE,
    ) -> PtyProcess:
        """Start a program in a PTY of the emulator's size, and return when it runs.

        Args:
            environment: All the program gets, but for the variables that describe the terminal.
            emulator: Taken over: the pane thread feeds it. Others may read it.
            recording: Taken over: written and closed with the program's end.
            on_notices: Called in the pane thread with what the program asks of its terminal.
            marker: From `new_marker`, for a host that journals the intent before the start.
            grace: Seconds between TERM and KILL when the tree is ended.

        Raises:
            AgentError: If the program or its folder cannot be used.
        """
        if not argv or not argv[0]:
            raise AgentError("There is no program to run: the command is empty.", where=str(cwd))

        def start_it() -> PtyProcess:
            size = (emulator.cols, emulator.rows)
            mark = marker or new_marker()
            try:
                spawned = spawn(argv, cwd=cwd, environment=environment, marker=mark, size=size, grace=grace)
            except AgentError:
                if recording is not None:
                    recording.close()
                raise
            return cls(spawned, emulator, thread, recording, on_notices)

        starting = asyncio.get_running_loop().run_in_executor(None, start_it)
        try:
            return await asyncio.shield(starting)
        except asyncio.CancelledError:
            # A started program must have an owner. Nobody will have this one, so it is ended as soon as it runs.
            starting.add_done_callback(_end_unowned)
            raise

    @property
    def pid(self) -> int:
        """The supervisor's process id: the top of the program's tree."""
        return self.mark.pid

    @property
    def emulator(self) -> Emulator:
        """The terminal as it stands. Fed by the pane thread; to be read by anyone."""
        return self._stream.emulator

    @property
    def recording(self) -> Recording | None:
        """The recording; its `stopped` tells why it went no further."""
        return self._stream.recording

    @property
    def exit(self) -> PtyExit | None:
        """How the program ended; None while it runs."""
        return self._exit.result() if self._exit.done() else None

    def write(self, data: bytes) -> bool:
        """Type bytes into the program, in order. All of them are queued or, when too much waits, none.

        Returns:
            False when nothing was taken: the program has ended, or does not read what waits for it already.
        """
        taken = self._outbox.put(data)
        if taken and self.recording is not None:
            self._thread.call(lambda: self._stream.record_input(data))
        return taken

    def resize(self, cols: int, rows: int) -> None:
        """Give the terminal a new size. Watchers get a snapshot of it.

        Raises:
            AgentError: If the size is out of range.
        """
        check_size(cols, rows)
        self._thread.call(lambda: self._resize(cols, rows))

    def interrupt(self, number: signal.Signals = signal.SIGINT) -> None:
        """Signal the program in the foreground of the terminal, as the terminal's own keys would."""
        self._thread.call(lambda: self._signal_foreground(number))

    def watch(self, limit: int = LARGEST_BACKLOG) -> TerminalFeed:
        """Give a feed of the terminal, for the running loop. Close it when done; it works after the end too."""
        return self._stream.watch(limit)

    async def wait(self) -> PtyExit:
        """Wait for the program's end and return how it was. Cancelling the waiting changes nothing."""
        return await asyncio.wrap_future(self._exit)

    async def stop(self, grace: float = DEFAULT_GRACE) -> StopProof:
        """End the program and everything it started, and return what was seen of it. Safe to repeat.

        Args:
            grace: Seconds between HUP with TERM, and KILL; at most the grace given at the start.
        """
        begun = time.monotonic()
        step = "gone"
        for harder, limit in (("term", grace), ("kill", KILL_LIMIT + 1.0)):
            if self.exit is not None:
                break
            step = harder
            # The supervisor takes a first TERM as the order to end the tree, a second as the order to hurry.
            self._thread.call(lambda: self._signal_supervisor(signal.SIGTERM))
            await self._ends_within(limit)
        ended, left = self.exit, ()
        if ended is None or not ended.cleared:
            step = "sweep"
            left = tuple(leftover.pid for leftover in await end_leftovers([self.mark], grace=0.0))
            await self._ends_within(KILL_LIMIT)
            ended = self.exit
        status = 128 + signal.SIGKILL if ended is None else ended.status
        return StopProof(step, status, time.monotonic() - begun, left)

    def end_soon(self) -> None:
        """Have the program and everything it started ended, without waiting for it."""
        self._thread.call(self._spawned.end)

    async def _ends_within(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.wait(), seconds)

    # In the pane thread

    def _begin(self) -> None:
        self._watch_terminal()
        if hasattr(os, "pidfd_open"):
            with contextlib.suppress(OSError):
                self._pidfd = os.pidfd_open(self.pid)
                self._thread.watch(self._pidfd, READ, lambda _: self._end_if_reaped(), self._fail)

    def _watch_terminal(self) -> None:
        if self._open:
            events = READ | WRITE if self._outbox.waiting else READ
            self._thread.watch(self._spawned.terminal, events, self._on_terminal, self._fail)

    def _on_terminal(self, events: int) -> None:
        if events & WRITE and not self._outbox.flush():
            self._watch_terminal()
        if events & READ and not self._read():
            self._open = False
            self._thread.unwatch(self._spawned.terminal)
            if self._pidfd < 0:
                self._end_if_reaped()

    def _read(self) -> bool:
        """Take what is there; False when the terminal is closed for good."""
        try:
            data = os.read(self._spawned.terminal, _CHUNK)
        except BlockingIOError:
            return True
        except OSError as error:
            if error.errno != errno.EIO:  # how Linux tells that no program has the terminal open any more
                raise
            return False
        if data:
            self._take(data)
        return bool(data)

    def _take(self, data: bytes) -> None:
        fed = self._stream.take(data)
        if fed.replies:
            self._outbox.put_reply(fed.replies)
        if fed.notices and self._on_notices is not None:
            listener = self._on_notices
            do_guarded(lambda: listener(fed.notices))
        self._packer.note_output()

    def _resize(self, cols: int, rows: int) -> None:
        if (cols, rows) == (self.emulator.cols, self.emulator.rows) or self._exit.done():
            return
        report = self._stream.resize(cols, rows, lambda: self._spawned.resize(cols, rows))
        if report:
            self._outbox.put_reply(report)

    def _signal_foreground(self, number: signal.Signals) -> None:
        if self._open:
            with contextlib.suppress(OSError):  # it ended meanwhile
                group = os.tcgetpgrp(self._spawned.terminal)
                if group > 0 and group != os.getpgid(self.pid):
                    os.killpg(group, number)

    def _signal_supervisor(self, number: signal.Signals) -> None:
        # Reaping happens in this thread too, so the pid cannot be another's here.
        if not self._exit.done():
            with contextlib.suppress(OSError):
                os.kill(self.pid, number)

    def _fail(self, _error: Exception) -> None:
        """End a program whose output cannot be taken; its exit is still awaited."""
        self._open = False
        self._spawned.end()
        self._end_if_reaped()

    def _end_if_reaped(self) -> None:
        if self._exit.done():
            return
        if not self._spawned.reap():
            if self._pidfd < 0:
                self._thread.after(_REAP_AGAIN, self._end_if_reaped)
            return
        for descriptor in (self._pidfd, self._spawned.terminal):
            self._thread.unwatch(descriptor)
        if self._pidfd >= 0:
            os.close(self._pidfd)
        self._take_the_rest()
        self._outbox.close()
        ended = PtyExit(self._spawned.status, self._spawned.close())
        self._stream.finish(ended.status)
        self._exit.set_result(ended)

    def _take_the_rest(self) -> None:
        with contextlib.suppress(OSError):
            os.set_blocking(self._spawned.terminal, False)
            for _ in range(_LAST_CHUNKS):
                data = os.read(self._spawned.terminal, _CHUNK) if self._open else b""
                if not data:
                    break
                self._take(data)
        self._open = False


def _end_unowned(starting: asyncio.Future[PtyProcess]) -> None:
    if not starting.cancelled() and starting.exception() is None:
        starting.result().end_soon()
