"""Running one program to its end, with its output, a time limit and proof that its whole tree is gone."""

import asyncio
import contextlib
import errno
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sessions.errors import ProjectError
from sessions.processes.leftovers import ProcessMark, end_leftovers, mark_process
from sessions.processes.output import OutputRing
from sessions.processes.supervision import DEFAULT_GRACE, MARKER_VARIABLE, new_marker, supervised
from sessions.processes.supervisor import KILL_LIMIT

DEFAULT_OUTPUT_LIMIT = 1_000_000
"""Bytes of output kept: one half from the beginning, one from the end."""

_CHUNK = 65_536
_DRAIN_LIMIT = 2.0
"""Seconds to wait for the end of the output once the tree is gone. Only a process that escaped can hold it open."""


class ProgramNotStarted(ProjectError):
    """A program could not be started: it does not exist, may not be run, or its folder is gone."""


@dataclass(frozen=True, slots=True)
class ProgramResult:
    """How a program ended, and what it wrote."""

    exit_code: int
    """128+n when signal n ended it. After a time-out or a stop, whatever the program made of the TERM it got."""
    timed_out: bool
    cancelled: bool
    """The `stop` event ended it."""
    output: bytes
    """Standard output and error as they came, with a line about the gap where bytes were dropped."""
    dropped: int
    """Bytes left out of `output`."""
    seconds: float
    tree_cleared: bool
    """Nothing that the program started is running any more: proven, not assumed."""


async def run_program(
    program: Sequence[str] | str,
    *,
    cwd: Path,
    env: Mapping[str, str],
    timeout: float | None,  # noqa: ASYNC109  it ends the program, not the waiting for it
    output_limit: int = DEFAULT_OUTPUT_LIMIT,
    on_output: Callable[[bytes], None] | None = None,
    on_started: Callable[[ProcessMark], None] | None = None,
    stop: asyncio.Event | None = None,
    marker: str | None = None,
    grace: float = DEFAULT_GRACE,
) -> ProgramResult:
    """Run a program to its end under the supervisor, then end whatever it left running.

    Its input is empty. Cancelling the caller's task ends the tree too, before the cancellation goes on. An error raised
    by a callback ends the program and is raised here afterwards.

    Args:
        program: Arguments to run as they are, or one string for `/bin/sh -c`.
        env: The whole environment; `clean_environment` makes one.
        timeout: Seconds until the tree is ended; None for no limit.
        output_limit: Bytes of output to keep. All of it goes to `on_output`, in chunks as they come.
        on_started: Called with the journal's mark as soon as the process exists.
        stop: Ends the program when set.
        marker: From `new_marker`, for a host that journals the intent before the start.
        grace: Seconds between TERM and KILL.

    Raises:
        ProgramNotStarted: If the program or its folder cannot be used.
    """
    argv = ["/bin/sh", "-c", program] if isinstance(program, str) else list(program)
    if not argv or not argv[0]:
        raise ProgramNotStarted("There is no program to run: the command is empty", where=str(cwd))
    run = _Run(argv, cwd, env, marker or new_marker(), timeout, grace, stop or asyncio.Event())
    run.on_output, run.on_started, run.ring = on_output, on_started, OutputRing(output_limit)
    # A task of its own, so that a cancellation cannot leave a half-started or half-ended tree: it runs to its end here.
    task = asyncio.create_task(run.to_its_end(), name=f"run {argv[0]}")
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        run.stop_now.set()
        while not task.done():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait({task})
        if not task.cancelled():
            task.exception()
        raise


@dataclass(slots=True)
class _Run:
    """One program between its start and the proof of its end."""

    argv: list[str]
    cwd: Path
    env: Mapping[str, str]
    marker: str
    timeout: float | None
    grace: float
    stop: asyncio.Event
    ring: OutputRing = field(default_factory=lambda: OutputRing(DEFAULT_OUTPUT_LIMIT))
    on_output: Callable[[bytes], None] | None = None
    on_started: Callable[[ProcessMark], None] | None = None
    stop_now: asyncio.Event = field(default_factory=asyncio.Event)
    failures: list[Exception] = field(default_factory=list[Exception])
    report: bytearray = field(default_factory=bytearray)

    async def to_its_end(self) -> ProgramResult:
        begun = time.monotonic()
        with _Pipes() as pipes:
            process = await self._start(pipes)
            mark = mark_process(process.pid, self.marker)
            self._call(self.on_started, mark)
            async with asyncio.TaskGroup() as tasks:
                reading = tasks.create_task(_read(pipes.take("output_read"), self._take_output))
                reporting = tasks.create_task(_read(pipes.take("report_read"), self.report.extend))
                ended = tasks.create_task(process.wait())
                stops = {tasks.create_task(event.wait()) for event in (self.stop, self.stop_now)}
                await asyncio.wait({ended, *stops}, timeout=self.timeout, return_when=asyncio.FIRST_COMPLETED)
                timed_out = not ended.done() and not self.stop.is_set() and not self.stop_now.is_set()
                cancelled = not ended.done() and not timed_out
                pipes.close("control_write")
                await self._until_ended(process, ended)
                seconds = time.monotonic() - begun
                await asyncio.wait({reporting}, timeout=_DRAIN_LIMIT)
                proof = self._reported("cleared") or self._reported("failed")
                cleared = bool(proof) or not await end_leftovers([mark], grace=self.grace)
                await asyncio.wait({reading}, timeout=_DRAIN_LIMIT)
                for task in (reading, reporting, *stops):
                    task.cancel()
        if self.failures:
            raise self.failures[0]
        exit_code = self._exit_code(process.returncode)
        return ProgramResult(
            exit_code, timed_out, cancelled, self.ring.content(), self.ring.dropped, seconds, tree_cleared=cleared
        )

    async def _start(self, pipes: "_Pipes") -> asyncio.subprocess.Process:
        command = supervised(self.argv, control_fd=pipes.control_read, report_fd=pipes.report_write, grace=self.grace)
        try:
            return await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=pipes.output_write,
                stderr=pipes.output_write,
                cwd=self.cwd,
                env={**self.env, MARKER_VARIABLE: self.marker},
                pass_fds=(pipes.control_read, pipes.report_write),
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            raise _not_started(self.argv[0], self.cwd, error) from error
        finally:
            for name in ("control_read", "report_write", "output_write"):
                pipes.close(name)

    async def _until_ended(self, process: asyncio.subprocess.Process, ended: asyncio.Task[int]) -> None:
        """Wait for the supervisor, which ends by itself in time; should it hang, kill it (leftovers do its work)."""
        await asyncio.wait({ended}, timeout=self.grace + KILL_LIMIT + _DRAIN_LIMIT)
        if not ended.done():
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await ended

    def _take_output(self, chunk: bytes) -> None:
        self.ring.add(chunk)
        self._call(self.on_output, chunk)

    def _call(self, function: Callable[[Any], None] | None, value: object) -> None:
        if function is None or self.failures:
            return
        try:
            function(value)
        except Exception as error:  # noqa: BLE001  the tree must end first; raised again then
            self.failures.append(error)
            self.stop_now.set()

    def _reported(self, word: str) -> list[str] | None:
        """The line of the supervisor's report that begins with this word, split; None without one."""
        lines = (line.split() for line in self.report.decode("ascii", "replace").splitlines())
        return next((line for line in lines if line[:1] == [word]), None)

    def _exit_code(self, returncode: int | None) -> int:
        if failed := self._reported("failed"):
            number = int(failed[1])
            raise _not_started(self.argv[0], self.cwd, OSError(number, os.strerror(number)))
        code = returncode if returncode is not None else -9
        return 128 - code if code < 0 else code


class _Pipes:
    """The three pipes of a run, each end closed exactly once."""

    def __init__(self) -> None:
        self._open: dict[str, int] = {}
        try:
            for name in ("control", "report", "output"):
                self._open[f"{name}_read"], self._open[f"{name}_write"] = os.pipe()
        except OSError as error:
            self.__exit__()
            raise ProjectError(
                f"No more files can be opened: {error.strerror}",
                next="Close some panes or raise the limit (ulimit -n)",
            ) from error

    def __enter__(self) -> "_Pipes":
        return self

    def __exit__(self, *_: object) -> None:
        for name in tuple(self._open):
            self.close(name)

    @property
    def control_read(self) -> int:
        return self._open["control_read"]

    @property
    def report_write(self) -> int:
        return self._open["report_write"]

    @property
    def output_write(self) -> int:
        return self._open["output_write"]

    def take(self, name: str) -> int:
        """Hand over one end; the caller closes it."""
        return self._open.pop(name)

    def close(self, name: str) -> None:
        if (descriptor := self._open.pop(name, None)) is not None:
            os.close(descriptor)


async def _read(descriptor: int, take: Callable[[bytes], None]) -> None:
    """Give every chunk of a pipe to `take` until its end, and close it."""
    reader = asyncio.StreamReader(limit=_CHUNK)
    loop = asyncio.get_running_loop()
    file = open(descriptor, "rb", buffering=0)  # noqa: ASYNC230, SIM115  a pipe; the transport closes it
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), file)
    try:
        while chunk := await reader.read(_CHUNK):
            take(chunk)
    finally:
        transport.close()


def _not_started(program: str, cwd: Path, error: Exception) -> ProgramNotStarted:
    shown = "".join(c if c.isprintable() else "�" for c in program)[:200]
    number = error.errno if isinstance(error, OSError) else None
    if not cwd.is_dir():
        return ProgramNotStarted("The folder to run in does not exist", where=str(cwd))
    if number == errno.ENOENT:
        what, then = f"There is no program {shown!r}", "Install it, or correct the command"
    elif number == errno.EACCES:
        what, then = f"{shown!r} may not be run", "Check that it is a program and executable (chmod +x)"
    elif number == errno.ENOEXEC:
        what, then = (
            f"{shown!r} is not a program this machine can run",
            "Does its first line name an interpreter?",
        )
    elif number == errno.E2BIG:
        what, then = f"The command line of {shown!r} is too long", "Give the text in a file"
    else:
        what, then = f"{shown!r} could not be started: {error}", "Correct the command and try again"
    return ProgramNotStarted(what, where=str(cwd), next=then)
