"""Finding and ending what a crashed host left running.

The host journals a `ProcessMark` for everything it starts. After a crash the marks tell its processes from all
others: by the marker in their environment, or by pid together with start time, and then everything below those.
Never by name, never by pid alone.
"""

import asyncio
import contextlib
import errno
import os
import signal
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import psutil

from sessions.processes.supervision import DEFAULT_GRACE, MARKER_VARIABLE

_CLOCK_TOLERANCE = 2.0
"""Seconds by which a journaled start time may differ: it comes from the wall clock, which may have been set since."""
_SAME_MOMENT = 0.02
"""Seconds; two readings of one start time, taken shortly after each other, differ by rounding at most."""
_KILL_LIMIT = 5.0
_POLL = 0.02


@dataclass(frozen=True, slots=True)
class ProcessMark:
    """What the journal holds of a started program."""

    pid: int
    """Of the supervisor at the top of the tree; 0 when only the intent to start was journaled."""
    started: float
    """Seconds since the epoch, as `psutil.Process.create_time` gives."""
    marker: str
    """The value of `MARKER_VARIABLE` in the tree's environment."""


@dataclass(frozen=True, slots=True)
class Leftover:
    """A running process that belongs to a journaled program."""

    pid: int
    started: float
    marker: str
    command: str
    """For display only. Foreign text."""


def mark_process(pid: int, marker: str) -> ProcessMark:
    """The mark of a process that was just started; its start time is now when it has already ended."""
    try:
        return ProcessMark(pid, psutil.Process(pid).create_time(), marker)
    except psutil.Error:
        return ProcessMark(pid, time.time(), marker)


def find_leftovers(marks: Iterable[ProcessMark]) -> list[Leftover]:
    """Every running process of the marked programs. Reads the whole process table: milliseconds, so not on a loop.

    The caller and its ancestors are never among them, so a host inside another session's pane does not end itself.
    """
    marks = tuple(marks)
    if not marks:
        return []
    spared = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    found: dict[int, Leftover] = {}
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            marker = _marker_of(process, marks)
            if marker is None:
                continue
            for member in (process, *process.children(recursive=True)):
                if member.pid not in spared and (leftover := _leftover(member, marker)) is not None:
                    found.setdefault(member.pid, leftover)
    return list(found.values())


async def end_leftovers(marks: Iterable[ProcessMark], *, grace: float = DEFAULT_GRACE) -> list[Leftover]:
    """End every process of the marked programs: TERM, after `grace` seconds KILL. Returns what could not be ended.

    The returned list is empty when the trees are proven gone: a last look at the process table found nothing.
    """
    marks = tuple(marks)
    term_until = time.monotonic() + grace
    kill_until = term_until + _KILL_LIMIT
    asked: set[Leftover] = set()
    while left := await asyncio.to_thread(find_leftovers, marks):
        now = time.monotonic()
        if now > kill_until:
            return left
        for leftover in left:
            if now > term_until:
                _signal(leftover, signal.SIGKILL)
            elif leftover not in asked:
                asked.add(leftover)
                _signal(leftover, signal.SIGTERM)
                _signal(leftover, signal.SIGCONT)
        await _until_gone(left, min(term_until if now <= term_until else now + 0.2, kill_until))
    return []


async def _until_gone(leftovers: Sequence[Leftover], deadline: float) -> None:
    # They are not our children, and not every system can wait for the end of a stranger: so look again and again.
    while any(_runs(leftover) for leftover in leftovers) and time.monotonic() < deadline:  # noqa: ASYNC110
        await asyncio.sleep(_POLL)


def _marker_of(process: psutil.Process, marks: Sequence[ProcessMark]) -> str | None:
    for mark in marks:
        if 0 < mark.pid == process.pid and abs(process.create_time() - mark.started) <= _CLOCK_TOLERANCE:
            return mark.marker
    try:
        marker = process.environ().get(MARKER_VARIABLE)
    except (psutil.Error, OSError):
        return None
    return marker if marker and any(mark.marker == marker for mark in marks) else None


def _leftover(process: psutil.Process, marker: str) -> Leftover | None:
    try:
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        return Leftover(process.pid, process.create_time(), marker, " ".join(process.cmdline()) or process.name())
    except psutil.Error:
        return None


def _runs(leftover: Leftover) -> bool:
    try:
        process = psutil.Process(leftover.pid)
        same = abs(process.create_time() - leftover.started) <= _SAME_MOMENT
        return same and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _signal(leftover: Leftover, number: signal.Signals) -> None:
    """Signal exactly this process; through a pidfd where there is one, opened before its start time is checked."""
    with contextlib.suppress(OSError):  # it ended meanwhile, or is another user's and stays in the list
        descriptor = _open_pidfd(leftover.pid)
        try:
            if not _runs(leftover):
                return
            if descriptor is None:
                os.kill(leftover.pid, number)
            else:
                signal.pidfd_send_signal(descriptor, number)
        finally:
            if descriptor is not None:
                os.close(descriptor)


def _open_pidfd(pid: int) -> int | None:
    """None where there are no pidfds: outside Linux, and before Linux 5.3. Raises OSError when the process is gone."""
    if not hasattr(os, "pidfd_open"):
        return None
    try:
        return os.pidfd_open(pid)
    except OSError as error:
        if error.errno != errno.ENOSYS:
            raise
        return None
