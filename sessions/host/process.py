"""The life of a session's host: lock, log, recovery, agents, socket, work, and an orderly end."""

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sessions.agents.protocol import Agent
from sessions.errors import HostError, QuarterdeckError, StoreError
from sessions.events import GateModeChanged, HostStopped, SessionStarted
from sessions.handoffs import ASSISTED_PASSES
from sessions.host.agents import AgentMaker
from sessions.host.journal import Journal
from sessions.host.orders import Orders
from sessions.host.recovery import recover
from sessions.host.seats import seats_of
from sessions.host.server import SessionServer, Terminal
from sessions.host.session import LiveSession, Surroundings
from sessions.host.shims import write_shims
from sessions.host.starting import SessionOrder, read_order
from sessions.models.fleet import Fleet
from sessions.processes.environment import clean_environment
from sessions.project.clone import SessionClone
from sessions.project.inspection import Repository, require_workable
from sessions.store.artefacts import ArtefactStore
from sessions.store.errors import SessionBusy
from sessions.store.files import replace_private_file
from sessions.store.folders import SessionFolder
from sessions.store.lock import SessionLock
from sessions.store.log import EventLog
from sessions.store.roots import Roots
from sessions.workflow.graph import Workflow
from sessions.workflow.reader import load_workflow, read_workflow
from sessions.workflow.runner import cancel_and_wait

LINGER = 3.0
"""Seconds a host stays after its session is over and the last screen has left."""
BUSY, FAILED = 75, 70


def serve(path: Path) -> int:
    """Serve the session in a folder until it is over and nobody watches, or until told to stop.

    Returns:
        0 after an orderly end, 75 when another host serves the session, 70 when it failed; the reason is then in
        `failure.json`.
    """
    folder = SessionFolder(path, Roots.of().runtime)
    failure = folder.path / "failure.json"
    failure.unlink(missing_ok=True)
    try:
        with contextlib.closing(_Locked(folder)):
            asyncio.run(_serve(folder))
    except SessionBusy:
        return BUSY
    except QuarterdeckError as error:
        _leave(failure, error)
        return FAILED
    return 0


class _Locked:
    """The session's lock as something to be closed."""

    def __init__(self, folder: SessionFolder) -> None:
        self._lock = SessionLock(folder.lock).acquire()

    def close(self) -> None:
        self._lock.release()


def _leave(path: Path, error: QuarterdeckError) -> None:
    """Leave the reason for whoever started us; on a full disk there is only the log file's text."""
    with contextlib.suppress(OSError):
        replace_private_file(path, json.dumps({"what": error.what, "where": error.where, "next": error.next}).encode())


@dataclass(slots=True)
class _Opened:
    """What a host works with, once everything that can be refused has been checked."""

    order: SessionOrder
    journal: Journal
    repository: Repository
    workflow: Workflow
    fleet: Fleet | None


async def _serve(folder: SessionFolder) -> None:
    opened = await _open(folder)
    try:
        await recover(opened.journal, os.getpid())
        await _run(folder, opened)
    finally:
        await opened.journal.close()


async def _open(folder: SessionFolder) -> _Opened:
    order = read_order(folder)
    repository = await require_workable(order.repository)
    fleet = Fleet.load(order.fleet) if order.fleet is not None else None
    fresh = not folder.database.exists()
    workflow, text = load_workflow(order.workflow) if fresh else (None, "")
    seats = seats_of(workflow, fleet) if workflow is not None else ()
    log = await (EventLog.create(folder.database) if fresh else EventLog.open(folder.database))
    journal = Journal(log, ArtefactStore(folder.artefacts))
    try:
        await journal.load()
        if journal.state.started is None:
            if workflow is None:
                workflow, text = load_workflow(order.workflow)
                seats = seats_of(workflow, fleet)
            started = SessionStarted(
                session=folder.id,
                project=repository.name,
                repository=str(repository.root),
                idea=order.idea,
                workflow_name=workflow.name,
                workflow=text,
                base=repository.head_commit,
                branch=f"quarterdeck/{folder.id}",
                seats=seats,
                rehearsal=all(seat.rehearsal for seat in seats),
                screen=order.screen,
                notices=repository.notices,
            )
            passes = 0 if order.gate == "manual" else ASSISTED_PASSES
            await journal.append(started, GateModeChanged(mode=order.gate, passes=passes, by="start"))
        if workflow is None:
            kept = journal.state.started
            workflow = read_workflow(kept.workflow if kept else "", where=f"session {folder.id}")
    except BaseException:
        await journal.close()
        raise
    return _Opened(order, journal, repository, workflow, fleet)


async def _run(folder: SessionFolder, opened: _Opened) -> None:
    started = opened.journal.state.started
    if started is None:
        raise HostError("the session's log does not begin with its start", where=str(folder.database))
    clone = await SessionClone.open_or_create(
        opened.repository, folder.clones, branch=started.branch, base_commit=started.base
    )
    try:
        await _run_in(folder, opened, started, clone)
    finally:
        await clone.close()


async def _run_in(folder: SessionFolder, opened: _Opened, started: SessionStarted, clone: SessionClone) -> None:
    journal, order = opened.journal, opened.order
    write_shims(folder.bin, python=started.rehearsal)
    socket = folder.prepare_socket()
    path = f"{folder.bin}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    # Plug-ins of the environment Quarterdeck runs in have no business in the rehearsal's tests, and cost seconds.
    alone = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"} if started.rehearsal else {}
    environment = clean_environment(set={"PATH": path, **alone})
    terminals: dict[str, Terminal] = {}
    maker = AgentMaker(folder, opened.fleet, order, environment, journal, terminals)
    server: SessionServer | None = None

    def show(window: str, turn: str, kind: str, text: str) -> None:
        if server is not None:
            server.show(window, turn, kind, text)

    agents: Mapping[str, Agent] = maker.make(started.seats, clone.folder, socket)
    around = Surroundings(
        repository=opened.repository,
        clone=clone,
        test_environment=environment,
        agent_environment=environment,
        report_file=lambda name, text: _write_report(folder, name, text),
        unattended=order.unattended,
    )
    session = LiveSession(journal, opened.workflow, agents, around, show)
    stopping: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def stop(reason: str) -> None:
        if not stopping.done():
            stopping.set_result(reason)

    server = SessionServer(journal, session.turns, session.door, terminals, Orders(session, stop).carry_out)
    maker.attach(server)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop, "the host was told to stop")
    try:
        await server.start(socket)
        replace_private_file(folder.host_file, json.dumps({"pid": os.getpid(), "socket": str(socket)}).encode())
        reason = await _until_over(session, server, stopping)
    except StoreError as error:
        await server.close(str(error))
        raise
    finally:
        folder.host_file.unlink(missing_ok=True)
        await session.turns.close()
        await maker.close()
    with contextlib.suppress(StoreError):
        await journal.append(HostStopped(reason=reason))
    await server.close(reason)
    socket.unlink(missing_ok=True)


async def _until_over(session: LiveSession, server: SessionServer, stopping: "asyncio.Future[str]") -> str:
    """Run the workflow and wait for the end: an order to stop, or a finished session that nobody watches any more."""
    running = asyncio.create_task(session.run())
    try:
        await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if stopping.done():
            return stopping.result()
        await running
        while not stopping.done():
            gone = asyncio.create_task(_nobody(server))
            await asyncio.wait({gone, stopping}, return_when=asyncio.FIRST_COMPLETED)
            await cancel_and_wait(gone)
            if not stopping.done() and not len(server.screens):
                return "the session is over"
        return stopping.result()
    finally:
        await cancel_and_wait(running)


async def _nobody(server: SessionServer) -> None:
    """Return once no screen has been attached for a while."""
    while True:
        await server.screens.emptied()
        await asyncio.sleep(LINGER)
        if not len(server.screens):
            return


def _write_report(folder: SessionFolder, name: str, text: str) -> str:
    path = folder.path / name
    replace_private_file(path, text.encode("utf-8", "replace"))
    return str(path)
