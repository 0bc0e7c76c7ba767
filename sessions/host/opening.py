"""Opening a session for its host: everything that can be refused is checked here, before anything runs."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

from sessions.errors import StoreError
from sessions.events import GateModeChanged, SessionStarted
from sessions.handoffs import ASSISTED_PASSES
from sessions.host.journal import Journal
from sessions.host.seats import seats_of
from sessions.host.starting import SessionOrder, read_order
from sessions.models.fleet import Fleet
from sessions.project.inspection import Repository, require_workable
from sessions.store.artefacts import ArtefactStore
from sessions.store.files import sync_folder, told_as_unusable
from sessions.store.folders import SessionFolder
from sessions.store.log import EventLog
from sessions.workflow.graph import Workflow
from sessions.workflow.reader import load_workflow, read_workflow

_PARTS = ("", "-wal", "-shm", "-journal")


@dataclass(slots=True)
class OpenedSession:
    """What a host works with. Its journal is to be closed by whoever opened it."""

    order: SessionOrder
    journal: Journal
    started: SessionStarted
    repository: Repository
    workflow: Workflow
    fleet: Fleet | None


async def open_session(folder: SessionFolder) -> OpenedSession:
    """Open a session's log, beginning it when the session is new.

    Raises:
        QuarterdeckError: If the repository, the workflow, the fleet or the log cannot be used.
    """
    order = read_order(folder)
    repository = await require_workable(order.repository)
    fleet = Fleet.load(order.fleet) if order.fleet is not None else None
    # Reading a workflow takes some ten milliseconds, and orders to stop may come.
    fresh = None if folder.database.exists() else await asyncio.to_thread(_beginning, folder, order, repository, fleet)
    if fresh is not None:
        await _create_log(folder.database)
    journal = await Journal.open(folder.database, ArtefactStore(folder.artefacts))
    try:
        if journal.state.started is None:
            begun = fresh or await asyncio.to_thread(_beginning, folder, order, repository, fleet)
            passes = 0 if order.gate == "manual" else ASSISTED_PASSES
            await journal.append(begun, GateModeChanged(mode=order.gate, passes=passes, by="start"))
        started = journal.state.started
        if started is None:
            raise StoreError("the session's log does not begin with its start", where=str(folder.database))
        workflow = await asyncio.to_thread(read_workflow, started.workflow, where=f"session {folder.id}")
    except BaseException:
        await journal.close()
        raise
    return OpenedSession(order, journal, started, repository, workflow, fleet)


def _beginning(
    folder: SessionFolder, order: SessionOrder, repository: Repository, fleet: Fleet | None
) -> SessionStarted:
    """Return the first event of a new session."""
    workflow, text = load_workflow(order.workflow)
    seats = seats_of(workflow, fleet)
    return SessionStarted(
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


async def _create_log(path: Path) -> None:
    """Make an empty log under another name and rename it: a host killed on the way must not leave half a log behind.

    Raises:
        StoreError: If it cannot be made.
    """
    making = path.with_name(f"{path.stem}.making{path.suffix}")
    for part in _PARTS:
        making.with_name(making.name + part).unlink(missing_ok=True)
    log = await EventLog.create(making)
    await log.close()
    with told_as_unusable(path):
        # Closing moved everything into the one file that is renamed.
        making.rename(path)
        sync_folder(path.parent)
