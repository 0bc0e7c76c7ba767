"""A session with no screen: readable progress, a final report, and an exit code that says how it went."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from types import TracebackType

from panes.visible_text import visible
from sessions.client.attached import AttachedSession
from sessions.client.updates import HostLost, Records
from sessions.errors import HostError
from sessions.host.starting import await_host, running_host, start_host
from sessions.narration import narrate
from sessions.orders import StopHost
from sessions.state import EMPTY, SessionState, fold
from sessions.store.folders import SessionFolder
from tui.exit_codes import FAILED, HOST_LOST, INTERRUPTED, NEEDS_YOU, PASSED
from tui.output import OutputGone, silence_output

Say = Callable[[str], None]

_REAP_SECONDS = 10.0
_LONGEST_REPORT = 1_000_000


def say_line(text: str) -> None:
    """Print one line of progress at once; what would steer the terminal is made visible.

    Raises:
        OutputGone: If it cannot be written. Output goes nowhere from then on.
    """
    try:
        sys.stdout.write(f"{visible(text, limit=_LONGEST_REPORT)}\n")
        sys.stdout.flush()
    except OSError as error:
        silence_output()
        raise OutputGone from error


class _Interrupts:
    """Ctrl-C and TERM while a session is followed: the first asks for an orderly end, the second does not wait."""

    def __init__(self) -> None:
        self.first, self.second = asyncio.Event(), asyncio.Event()

    def take(self) -> None:
        (self.second if self.first.is_set() else self.first).set()

    def __enter__(self) -> "_Interrupts":
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, self.take)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().remove_signal_handler(number)


async def follow(folder: SessionFolder, *, say: Say = say_line) -> int:
    """Start or join a session's host, print what happens, and return the exit code.

    A question stops it: the host is ended in order, and the session waits for `quarterdeck attach`. So does Ctrl-C, and
    a reader of the output that goes away.
    """
    with _Interrupts() as interrupts:
        process = None if running_host(folder) is not None else start_host(folder)
        following = asyncio.create_task(_follow(folder, process, interrupts, say))
        impatient = asyncio.create_task(interrupts.second.wait())
        try:
            await asyncio.wait({following, impatient}, return_when=asyncio.FIRST_COMPLETED)
            if following.done():
                return following.result()
            host = running_host(folder)
            if host is not None:
                os.kill(host.pid, signal.SIGKILL)
            return INTERRUPTED
        finally:
            following.cancel()
            impatient.cancel()
            await asyncio.gather(following, impatient, return_exceptions=True)
            if process is not None:
                await _reap(process, kill=interrupts.first.is_set())


async def _follow(
    folder: SessionFolder, process: "subprocess.Popen[bytes] | None", interrupts: _Interrupts, say: Say
) -> int:
    source = await _attach(folder, process, interrupts)
    if source is None:
        with contextlib.suppress(OutputGone):
            say(f"Stopped. Nothing is lost: quarterdeck attach {folder.id} goes on from here")
        return INTERRUPTED
    stopping = asyncio.create_task(_stop_when(interrupts.first, source))
    try:
        return await _print(source, folder, interrupts, say)
    except OutputGone:
        interrupts.first.set()
        await stopping
        async for _ in source.updates():
            pass
        with contextlib.suppress(OSError):
            sys.stderr.write("quarterdeck: the output cannot be written any more, so the run was stopped\n")
            sys.stderr.write(f"  next  quarterdeck attach {folder.id} goes on from here\n")
        return INTERRUPTED
    finally:
        stopping.cancel()
        await asyncio.gather(stopping, return_exceptions=True)
        await source.close()


async def _attach(
    folder: SessionFolder, process: "subprocess.Popen[bytes] | None", interrupts: _Interrupts
) -> AttachedSession | None:
    """Attach to the host once it listens; an interrupt ends a host of ours that is still on its way, and gives None."""

    async def attach() -> AttachedSession:
        return await AttachedSession.attach(await await_host(folder, process))

    attaching = asyncio.create_task(attach())
    interrupted = asyncio.create_task(interrupts.first.wait())
    try:
        await asyncio.wait({attaching, interrupted}, return_when=asyncio.FIRST_COMPLETED)
        if attaching.done():
            return attaching.result()
        if process is not None:
            process.terminate()
        return None
    finally:
        attaching.cancel()
        interrupted.cancel()
        await asyncio.gather(attaching, interrupted, return_exceptions=True)


async def _stop_when(ordered: asyncio.Event, source: AttachedSession) -> None:
    await ordered.wait()
    await _stop(source, "interrupted")


async def _stop(source: AttachedSession, reason: str) -> None:
    # A host that is gone already needs no order; the updates end with the reason.
    with contextlib.suppress(HostError):
        await source.order(StopHost(reason=reason))


async def _reap(process: "subprocess.Popen[bytes]", *, kill: bool) -> None:
    """Wait for our own host to end, so that it leaves no zombie; one that serves others is left alone.

    Args:
        kill: It was told to end, so it must.
    """
    try:
        await asyncio.to_thread(process.wait, _REAP_SECONDS)
    except subprocess.TimeoutExpired:
        if kill:
            process.kill()
            await asyncio.to_thread(process.wait)


async def _print(source: AttachedSession, folder: SessionFolder, interrupts: _Interrupts, say: Say) -> int:
    state, asked = EMPTY, False
    async for update in source.updates():
        match update:
            case Records(records):
                for record in records:
                    state = fold(state, record)
                    told = narrate(state, record.event)
                    if told is not None:
                        say(_line(state, told, record.at))
                if state.ended is not None:
                    return _finish(state, folder, say)
                if state.questions and not asked and not interrupts.first.is_set():
                    asked = True
                    await _stop(source, "a question waits for you")
            case HostLost(reason, ended):
                return _lost(folder, reason, ended, asked, interrupts, say)
            case _:
                pass
    return HOST_LOST


def _line(state: SessionState, told: tuple[str, str], at: float) -> str:
    seconds = max(at - state.started_at, 0.0)
    # Further lines stand under the first, so that no foreign text can look like a line of ours.
    what = told[1].replace("\n", f"\n{' ' * 24}")
    return f"{int(seconds) // 60:3d}:{seconds % 60:04.1f}  {told[0]:<13} {what}"


def _finish(state: SessionState, folder: SessionFolder, say: Say) -> int:
    report = folder.path / "report.md"
    say("")
    with contextlib.suppress(FileNotFoundError):
        say(report.read_text("utf-8", "replace"))
    say(f"report  {report}")
    return PASSED if state.ended is not None and state.ended.outcome == "passed" else FAILED


def _lost(folder: SessionFolder, reason: str, ended: bool, asked: bool, interrupts: _Interrupts, say: Say) -> int:
    say("")
    if asked:
        say(f"The session waits for your answer: quarterdeck attach {folder.id}")
        return NEEDS_YOU
    if interrupts.first.is_set():
        say(f"Stopped. Nothing is lost: quarterdeck attach {folder.id} goes on from here")
        return INTERRUPTED
    say(f"The session's host ended: {reason}. quarterdeck attach {folder.id} goes on from the log")
    return FAILED if ended else HOST_LOST
