"""A session with no screen: readable progress, a final report, and an exit code that says how it went."""

import asyncio
import contextlib
import signal
import subprocess
import sys
from collections.abc import Callable

from sessions.client.attached import AttachedSession
from sessions.client.updates import HostLost, Records
from sessions.host.starting import await_host, running_host, start_host
from sessions.narration import narrate
from sessions.orders import StopHost
from sessions.state import EMPTY, SessionState, fold
from sessions.store.folders import SessionFolder
from tui.exit_codes import FAILED, HOST_LOST, INTERRUPTED, NEEDS_YOU, PASSED

Say = Callable[[str], None]


def say_line(text: str) -> None:
    """Print one line of progress at once; a reader that went away is not an error of the session."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


async def follow(folder: SessionFolder, *, say: Say = say_line) -> int:
    """Start or join a session's host, print what happens, and return the exit code.

    A question stops it: the host is ended in order, and the session waits for `quarterdeck attach`.
    """
    process = None if running_host(folder) is not None else start_host(folder)
    socket = await await_host(folder, process)
    source = await AttachedSession.attach(socket)
    stopped: list[str] = []
    loop = asyncio.get_running_loop()
    interrupted = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, interrupted.set)
    watcher = asyncio.create_task(_stop_when(interrupted, source, stopped))
    try:
        return await _print(source, folder, stopped, say)
    finally:
        watcher.cancel()
        await asyncio.gather(watcher, return_exceptions=True)
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
        await source.close()
        if process is not None:
            await _reap(process)


async def _stop_when(interrupted: asyncio.Event, source: AttachedSession, stopped: list[str]) -> None:
    await interrupted.wait()
    stopped.append("interrupted")
    await source.order(StopHost(reason="interrupted"))


async def _reap(process: "subprocess.Popen[bytes]") -> None:
    """Wait for our own host to end, so that it leaves no zombie; one that serves on is left alone."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        await asyncio.to_thread(process.wait, 10)


async def _print(source: AttachedSession, folder: SessionFolder, stopped: list[str], say: Say) -> int:
    state = EMPTY
    async for update in source.updates():
        match update:
            case Records(records):
                for record in records:
                    state = fold(state, record)
                    told = narrate(state, record.event)
                    if told is not None:
                        say(_line(state, told, record.at))
                if state.ended is not None:
                    await source.order(StopHost(reason="the session is over"))
                    return _finish(state, folder, say)
                if state.questions and not stopped:
                    stopped.append("question")
                    await source.order(StopHost(reason="a question waits for you"))
            case HostLost(reason, ended):
                return _lost(folder, reason, ended, stopped, say)
            case _:
                pass
    return HOST_LOST


def _line(state: SessionState, told: tuple[str, str], at: float) -> str:
    seconds = max(at - state.started_at, 0.0)
    return f"{int(seconds) // 60:3d}:{seconds % 60:04.1f}  {told[0]:<13} {told[1]}"


def _finish(state: SessionState, folder: SessionFolder, say: Say) -> int:
    report = folder.path / "report.md"
    say("")
    if report.exists():
        say(report.read_text("utf-8"))
    say(f"report  {report}")
    return PASSED if state.ended is not None and state.ended.outcome == "passed" else FAILED


def _lost(folder: SessionFolder, reason: str, ended: bool, stopped: list[str], say: Say) -> int:
    say("")
    if "question" in stopped:
        say(f"The session waits for your answer: quarterdeck attach {folder.id}")
        return NEEDS_YOU
    if "interrupted" in stopped:
        say(f"Stopped. Nothing is lost: quarterdeck attach {folder.id} goes on from here")
        return INTERRUPTED
    say(f"The session's host ended: {reason}. quarterdeck attach {folder.id} goes on from the log")
    return HOST_LOST if not ended else FAILED
