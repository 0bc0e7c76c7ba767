"""Commands about sessions that need no screen: list, log, stop, recover."""

import asyncio
import contextlib
from dataclasses import dataclass
from pathlib import Path

import click

from panes.visible_text import one_line, visible
from sessions.client.attached import AttachedSession
from sessions.errors import HostError, ProjectError, QuarterdeckError
from sessions.events import Record, load_events
from sessions.host.starting import read_order, running_host
from sessions.narration import narrate
from sessions.orders import StopHost
from sessions.project.inspection import inspect_repository
from sessions.state import EMPTY, SessionState, fold, fold_all
from sessions.store.errors import LogDamaged, LogTooNew
from sessions.store.files import told_as_unusable
from sessions.store.folders import ProjectFolder, SessionFolder, all_projects, find_session
from sessions.store.lock import SessionLock
from sessions.store.log import EventLog
from sessions.store.salvage import salvage

_STOP_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class SessionLine:
    """One session as the lists show it. `state` is running, open, passed, failed, stopped, damaged, newer or closed.

    A newer one was written by a later Quarterdeck, a closed one cannot be read at the moment; `idea` says what to do.
    """

    folder: SessionFolder
    state: str
    project: str
    idea: str
    tasks: str

    @property
    def unfinished(self) -> bool:
        """Whether it can be taken up again."""
        return self.state in ("running", "open")


async def read_records(folder: SessionFolder) -> list[Record]:
    """Read a session's whole log without disturbing its host.

    Raises:
        StoreError: If it is damaged or missing.
    """
    reader = await EventLog.read_only(folder.database)
    try:
        rows = await reader.rows()
    finally:
        await reader.close()
    events = load_events([row.body for row in rows])
    return [Record(row.seq, row.at, event) for row, event in zip(rows, events, strict=True)]


async def describe(folder: SessionFolder) -> SessionLine:
    """Return one session for a list; a log that cannot be read is a state, not an error."""
    served = "running" if running_host(folder) is not None else "open"
    name = folder.project.path.name
    try:
        if not folder.database.exists():
            # Its host was ended before it had begun the log, or is just beginning it: all there is is the order.
            order = read_order(folder)
            return SessionLine(folder, served, order.repository.name, _one_line(order.idea), "")
        state = fold_all(await read_records(folder))
    except LogDamaged:
        return SessionLine(folder, "damaged", name, f"quarterdeck recover {folder.id}", "")
    except LogTooNew as error:
        return SessionLine(folder, "newer", name, error.next, "")
    except QuarterdeckError as error:
        return SessionLine(folder, "closed", name, _one_line(error.what), "")
    started = state.started
    word = state.ended.outcome if state.ended is not None else served
    done = sum(1 for one in state.tasks.values() if one.stage == "done")
    total = sum(1 for one in state.tasks.values() if one.stage != "dropped")
    idea = _one_line(started.idea) if started else ""
    return SessionLine(folder, word, started.project if started else "", idea, f"{done}/{total}" if total else "")


def _one_line(text: str) -> str:
    return one_line(text, limit=60)


async def sessions_of(project: Path) -> list[SessionLine]:
    """Return a project's sessions, newest first.

    Raises:
        ProjectError: If the path is not in a git repository.
    """
    repository = await inspect_repository(project)
    return [await describe(folder) for folder in ProjectFolder.for_repository(repository.root).sessions()]


async def choose(session: str, project: Path) -> SessionFolder:
    """Return the session meant: by the beginning of its id, else the newest unfinished one of the project.

    Raises:
        QuarterdeckError: If there is none, or the beginning fits several.
    """
    if session:
        return find_session(session)
    lines = await sessions_of(project)
    open_ones = [line for line in lines if line.unfinished] or lines
    if not open_ones:
        raise ProjectError("this project has no session yet", where=str(project), next="begin one with `quarterdeck`")
    return open_ones[0].folder


def print_sessions(project: Path, *, everywhere: bool) -> None:
    """Print a project's sessions, or all."""

    async def lines() -> list[SessionLine]:
        if not everywhere:
            return await sessions_of(project)
        folders = [folder for one in all_projects() for folder in one.sessions()]
        return [await describe(folder) for folder in folders]

    found = asyncio.run(lines())
    if not found:
        click.echo("no sessions yet; begin one with `quarterdeck`, or watch one with `quarterdeck demo`")
    for line in found:
        project_name = one_line(line.project, limit=20)
        click.echo(f"{line.folder.id}  {line.state:<8} {line.tasks:>5}  {project_name:<20} {line.idea}")


def print_log(session: str, project: Path) -> None:
    """Print a session's history."""

    async def records() -> list[Record]:
        return await read_records(await choose(session, project))

    state: SessionState = EMPTY
    for record in asyncio.run(records()):
        state = fold(state, record)
        told = narrate(state, record.event)
        if told is not None:
            seconds = max(record.at - state.started_at, 0.0)
            # Further lines stand under the first, so that no foreign text can look like a line of ours.
            who, what = one_line(told[0], limit=60), visible(told[1]).replace("\n", f"\n{' ' * 30}")
            click.echo(f"{record.seq:5d} {int(seconds) // 60:3d}:{seconds % 60:04.1f}  {who:<13} {what}")


def stop_session(session: str, project: Path) -> None:
    """End a session's host in order.

    Raises:
        HostError: If there is none, or it has not ended in time.
    """

    async def end() -> str:
        folder = await choose(session, project)
        running = running_host(folder)
        if running is None:
            raise HostError(f"no host serves session {folder.id}", next=f"`quarterdeck attach {folder.id}` starts one")
        host = await AttachedSession.attach(running.socket, after=1 << 40)
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_STOP_SECONDS):
                    await host.order(StopHost(reason="stopped from the command line"))
                    async for _ in host.updates():
                        pass
                    while running.runs():  # noqa: ASYNC110  not our child: there is nothing to wait on
                        await asyncio.sleep(0.01)
                    return folder.id
        finally:
            await host.close()
        raise HostError(
            f"the host of session {folder.id} did not end within {_STOP_SECONDS:.0f} s",
            where=f"process {running.pid}",
            next=f"kill -9 {running.pid} ends it; nothing that was logged is lost",
        )

    click.echo(f"stopped; `quarterdeck attach {asyncio.run(end())}` goes on from here")


def recover_session(session: str) -> None:
    """Replace a damaged log by what is whole of it; the damaged file stays beside it under another name.

    Raises:
        QuarterdeckError: If there is no such session, a host serves it, or there is nothing to be saved.
    """

    async def save() -> str:
        folder = find_session(session)
        if running_host(folder) is not None:
            raise HostError(f"a host serves session {folder.id}", next=f"quarterdeck stop {folder.id}, then again")
        with SessionLock(folder.lock):
            return await _save(folder)

    click.echo(asyncio.run(save()))


async def _save(folder: SessionFolder) -> str:
    whole = folder.path / "session.recovered.db"
    if folder.database.exists():
        whole.unlink(missing_ok=True)
        result = await salvage(folder.database, whole)
        lost = f", lost from event {result.lost_from_seq} on" if result.lost_from_seq else ", nothing lost"
        said = f"{result.kept} events saved{lost}"
    elif whole.exists():
        # An earlier rescue was ended between its two last steps.
        said = "an earlier rescue is finished"
    else:
        raise HostError(f"session {folder.id} has no log yet", next=f"`quarterdeck attach {folder.id}` begins it")
    with told_as_unusable(folder.path):
        aside = _move_aside(folder)
        whole.rename(folder.database)
    return f"{said}; the damaged file is kept as {aside}" if aside else said


def _move_aside(folder: SessionFolder) -> str:
    """Give the damaged log another name, and return that; empty when there is none any more."""
    number = 1
    while (aside := folder.path / f"session.damaged-{number}.db").exists():
        number += 1
    for suffix in ("", "-wal", "-shm"):
        part = folder.database.with_name(folder.database.name + suffix)
        if part.exists():
            part.rename(aside.with_name(aside.name + suffix))
    return aside.name if aside.exists() else ""
