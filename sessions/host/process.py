"""The life of a session's host: lock, log, recovery, agents, socket, work, and an orderly end."""

import asyncio
import contextlib
import errno
import faulthandler
import json
import logging
import os
import signal
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import psutil

from sessions.errors import HostError, QuarterdeckError, StoreError
from sessions.events import HostStopped
from sessions.host.agents import AgentMaker
from sessions.host.journal import Journal
from sessions.host.opening import OpenedSession, open_session
from sessions.host.orders import Orders
from sessions.host.recovery import recover
from sessions.host.server import SessionServer, Terminal
from sessions.host.session import LiveSession, Surroundings
from sessions.host.shims import write_shims
from sessions.host.starting import BUSY, NO_SPACE, running_host
from sessions.processes.environment import clean_environment
from sessions.project.clone import SessionClone
from sessions.store.errors import LogWriteFailed, SessionBusy
from sessions.store.files import replace_private_file
from sessions.store.folders import SessionFolder
from sessions.store.lock import SessionLock
from sessions.store.roots import Roots
from sessions.workflow.runner import cancel_and_wait

T = TypeVar("T")

LINGER = 3.0
"""Seconds a host stays after its session is over and the last screen has left."""
FAILED = 70
_LEAVING = 20.0
"""Seconds a new host waits for one that is on its way out, or in."""

_ENDING = 60.0
"""Seconds the end may take: what hangs longer is given up, and every program of ours ends with the host's process."""

_log = logging.getLogger(__name__)


def serve(path: Path) -> int:
    """Serve the session in a folder until it is over and nobody watches, or until told to stop.

    Returns:
        0 after an orderly end, 75 when another host serves the session, 70 when it failed; the reason is then in
        `failure.json`. 73 when that could not be written either, for want of space.
    """
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s", level=logging.WARNING)
    # A client that connects and says nothing is no fault of the host's.
    logging.getLogger("websockets").setLevel(logging.CRITICAL)
    folder = SessionFolder(path, Roots.of().runtime)
    failure = folder.path / "failure.json"
    try:
        with contextlib.closing(_lock(folder)):
            with contextlib.suppress(OSError):
                failure.unlink(missing_ok=True)
            asyncio.run(_serve(folder))
    except SessionBusy:
        return BUSY
    except QuarterdeckError as error:
        return _leave(failure, error)
    except Exception as error:  # noqa: BLE001  the last line of the process: whoever started it must learn of it
        _log.exception("the host failed")
        what = f"a fault of Quarterdeck itself: {type(error).__name__}: {error}"
        _leave(
            failure, HostError(what, where=str(folder.host_log), next="nothing is lost; attach goes on from the log")
        )
        return FAILED
    return 0


class _Lock:
    """The session's lock as something to be closed."""

    def __init__(self, lock: SessionLock) -> None:
        self.close = lock.release


def _lock(folder: SessionFolder) -> _Lock:
    """Take the session's lock, and wait for it only as long as its holder does not serve (any more, or yet).

    Raises:
        SessionBusy: If another host serves the session.
    """
    deadline = time.monotonic() + _LEAVING
    while True:
        try:
            return _Lock(SessionLock(folder.lock).acquire())
        except SessionBusy:
            if running_host(folder) is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def _leave(path: Path, error: QuarterdeckError) -> int:
    """Leave the reason for whoever started us, and return the exit code, which is all that a full disk lets us say."""
    _log.error("%s", str(error).replace("\n", "; "))
    reason = {"what": error.what, "where": error.where, "next": error.next}
    try:
        replace_private_file(path, json.dumps(reason).encode())
    except (StoreError, OSError) as problem:
        return NO_SPACE if _for_want_of_space(problem) else FAILED
    return FAILED


def _for_want_of_space(problem: BaseException | None) -> bool:
    while problem is not None:
        if isinstance(problem, OSError) and problem.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            return True
        problem = problem.__cause__
    return False


class _Stop:
    """The order to end the host, by a signal or by a person. The first one counts."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.ordered: asyncio.Future[str] = loop.create_future()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, self.order, "the host was told to stop")

    def order(self, reason: str) -> None:
        """Order the end."""
        if not self.ordered.done():
            self.ordered.set_result(reason)

    async def cuts(self, work: Coroutine[Any, Any, T]) -> T:
        """Do a step of the start, unless the order comes first.

        Raises:
            _Stopped: If it came; the step has been broken off.
        """
        task = asyncio.create_task(work)
        try:
            await asyncio.wait({task, self.ordered}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if not task.done():
                await cancel_and_wait(task)
        if task.cancelled():
            raise _Stopped
        return task.result()


class _Stopped(Exception):
    """The order to stop came before the session was served."""


async def _serve(folder: SessionFolder) -> None:
    stop = _Stop()
    try:
        opened = await stop.cuts(open_session(folder))
    except _Stopped:
        return
    try:
        try:
            await stop.cuts(recover(opened.journal, os.getpid()))
            clone = await stop.cuts(_clone(folder, opened))
        except _Stopped:
            await opened.journal.append(HostStopped(reason=stop.ordered.result()))
            return
        try:
            await _run(folder, opened, clone, stop)
        finally:
            await clone.close()
    except LogWriteFailed as error:
        if error.disk_full:
            with contextlib.suppress(StoreError):
                await opened.journal.last_words(HostStopped(reason=error.what))
        raise
    finally:
        await opened.journal.close()


async def _clone(folder: SessionFolder, opened: OpenedSession) -> SessionClone:
    started = opened.started
    return await SessionClone.open_or_create(
        opened.repository, folder.clones, branch=started.branch, base_commit=started.base
    )


async def _run(folder: SessionFolder, opened: OpenedSession, clone: SessionClone, stop: _Stop) -> None:
    socket = folder.prepare_socket()
    session, server, maker = _assemble(folder, opened, clone, socket, stop)
    reason = ["the host failed"]
    async with contextlib.AsyncExitStack() as ending:
        ending.callback(faulthandler.cancel_dump_traceback_later)
        ending.callback(socket.unlink, missing_ok=True)
        ending.push_async_callback(lambda: server.close(reason[0]))
        ending.push_async_callback(lambda: _log_end(opened.journal, reason[0]))
        ending.push_async_callback(maker.close)
        ending.push_async_callback(session.turns.close)
        ending.callback(folder.host_file.unlink, missing_ok=True)
        try:
            await server.start(socket)
            await asyncio.to_thread(replace_private_file, folder.host_file, _host_facts(socket))
            reason[0] = await _until_over(session, server, stop)
        except QuarterdeckError as error:
            reason[0] = str(error).replace("\n", "; ")
            raise


def _assemble(
    folder: SessionFolder, opened: OpenedSession, clone: SessionClone, socket: Path, stop: _Stop
) -> tuple[LiveSession, SessionServer, AgentMaker]:
    """Put a session together: its agents, what it shows and who may order what."""
    journal, order = opened.journal, opened.order
    write_shims(folder.bin, python=opened.started.rehearsal)
    environment = clean_environment(set={"PATH": f"{folder.bin}{os.pathsep}{os.environ.get('PATH', os.defpath)}"})
    terminals: dict[str, Terminal] = {}
    maker = AgentMaker(folder, opened.fleet, order, environment, journal, terminals)
    around = Surroundings(
        repository=opened.repository,
        clone=clone,
        test_environment=environment,
        agent_environment=environment,
        report_file=lambda name, text: _write_report(folder, name, text),
        unattended=order.unattended,
    )
    # The session shows through the server, which is made of the session.
    shown: list[SessionServer] = []

    def show(window: str, turn: str, kind: str, text: str) -> None:
        for one in shown:
            one.show(window, turn, kind, text)

    agents = maker.make(opened.started.seats, clone.folder, socket)
    session = LiveSession(journal, opened.workflow, agents, around, show)
    server = SessionServer(journal, session.turns, session.door, terminals, Orders(session, stop.order).carry_out)
    shown.append(server)
    maker.attach(server)
    return session, server, maker


async def _log_end(journal: Journal, reason: str) -> None:
    with contextlib.suppress(StoreError):
        await journal.append(HostStopped(reason=reason))


def _host_facts(socket: Path) -> bytes:
    """Return what tells others that this very process serves the session, and where."""
    pid = os.getpid()
    return json.dumps({"pid": pid, "started": psutil.Process(pid).create_time(), "socket": str(socket)}).encode()


async def _until_over(session: LiveSession, server: SessionServer, stop: _Stop) -> str:
    """Run the workflow and wait for the end: an order to stop, or nothing left to do for anybody.

    Raises:
        QuarterdeckError: If the session cannot go on; the log has everything until then.
    """
    running = asyncio.create_task(session.run())
    failing = asyncio.create_task(session.journal.failure())
    resting = asyncio.create_task(_until_unneeded(session, server))
    watched = {running, failing, resting, stop.ordered}
    try:
        while True:
            await asyncio.wait(watched, return_when=asyncio.FIRST_COMPLETED)
            if failing.done():
                raise failing.result()
            if stop.ordered.done():
                return stop.ordered.result()
            if running in watched and running.done():
                running.result()
                watched = watched - {running}
            if resting.done():
                return resting.result()
    finally:
        # Should an agent or a client never let go, this ends the process, and host.log says where it stood.
        faulthandler.dump_traceback_later(_ENDING, exit=True)
        for task in (running, failing, resting):
            task.cancel()
        await asyncio.gather(running, failing, resting, return_exceptions=True)


async def _until_unneeded(session: LiveSession, server: SessionServer) -> str:
    """Return, with the reason, once no screen is attached and the session can do nothing without one.

    A session that was started without a screen does not wait for one: its question is in the log.
    """
    while True:
        await session.journal.wait_for(
            lambda state: state.ended is not None or (session.unattended and bool(state.questions))
        )
        await server.screens.emptied()
        # Whoever started the host may still be on the way to it, and a person may come back at once.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LINGER):
                await (server.screens.left() if session.unattended else asyncio.Event().wait())
        state = session.state
        if not len(server.screens):
            if state.ended is not None:
                return "the session is over"
            if state.questions:
                return "a question waits for you"


def _write_report(folder: SessionFolder, name: str, text: str) -> str:
    path = folder.path / name
    replace_private_file(path, text.encode("utf-8", "replace"))
    return str(path)
