"""Opening sessions: in the app, in the demo, or with no screen at all."""

import asyncio
import sys
from pathlib import Path

import click

from panes.visible_text import visible
from sessions.errors import ProjectError
from sessions.handoffs import GateMode
from sessions.host.starting import (
    SessionOrder,
    check_idea,
    create_session,
    read_order,
    running_host,
    start_host,
    write_order,
)
from sessions.project.inspection import Repository, require_workable
from sessions.store.folders import SessionFolder
from sessions.workflow.reader import load_workflow
from tui.demo_project import make_demo_project
from tui.exit_codes import HOST_LOST, INTERRUPTED, PASSED
from tui.headless import follow, say_line
from tui.output import OutputGone

DEMO_IDEA = "A small command line tool that draws bar charts in the terminal from a CSV file."
_REHEARSAL = (
    "Rehearsal fleet: scripted, no AI. It builds its own sample, whatever the idea. "
    "A fleet file with real models is given with --fleet."
)


def run_headless(project: Path, idea: str, *, fleet: Path | None, workflow: str, gate: GateMode, pace: float) -> int:
    """Run a session with no screen and return its exit code.

    Raises:
        QuarterdeckError: If the idea, the repository, the workflow or the fleet cannot be used.
    """
    idea = check_idea(idea)
    repository = asyncio.run(_workable(project))
    order = _order(repository, idea, fleet=fleet, workflow=workflow, gate=gate, pace=pace)
    order = order.model_copy(update={"screen": False, "unattended": True})
    try:
        if fleet is None:
            say_line(_REHEARSAL)
        for notice in repository.notices:
            say_line(f"note: {notice}")
    except OutputGone:
        return INTERRUPTED
    return asyncio.run(follow(create_session(order)))


def open_demo(folder: Path | None, pace: float | None) -> int:
    """Make the sample project and run the whole loop on it, on screen or, without a terminal, as lines of text.

    Raises:
        QuarterdeckError: If the sample cannot be made.
    """
    say_line("making a sample project ...")
    project = make_demo_project(folder)
    say_line(f"sample project  {project}")
    screen = has_screen()
    if not screen:
        return run_headless(
            project, DEMO_IDEA, fleet=None, workflow="build-loop", gate="auto", pace=0.0 if pace is None else pace
        )
    repository = asyncio.run(_workable(project))
    order = _order(
        repository, DEMO_IDEA, fleet=None, workflow="build-loop", gate="assisted", pace=1.0 if pace is None else pace
    )
    return show(create_session(order))


def open_here(project: Path, *, fleet: Path | None, workflow: str, gate: GateMode, pace: float) -> int:
    """Open the app in a repository: come back to what runs, choose among what is open, or ask for an idea.

    Raises:
        QuarterdeckError: If the repository, the workflow or the fleet cannot be used, or there is no terminal.
    """
    repository = asyncio.run(_workable(project))
    order = _order(repository, "", fleet=fleet, workflow=workflow, gate=gate, pace=pace)
    require_screen()
    from tui.session_list import sessions_of

    unfinished = [line for line in asyncio.run(sessions_of(project)) if line.unfinished]
    running = [line for line in unfinished if line.state == "running"]
    if len(running) == 1:
        return show(running[0].folder)
    if unfinished:
        from tui.screens.opening import choose_session

        chosen = choose_session(unfinished)
        if chosen is None:
            return PASSED
        if chosen:
            folder = next(line.folder for line in unfinished if line.folder.id == chosen)
            _take_over(folder)
            return show(folder)
    from tui.screens.opening import ask_idea

    idea = ask_idea(repository.name, fleet=str(fleet) if fleet else "", gate=gate, notices=repository.notices)
    if idea is None:
        return PASSED
    return show(create_session(order.model_copy(update={"idea": check_idea(idea)})))


def attach_to(session: str, project: Path) -> int:
    """Come back to a session in the app; its host is started when none runs.

    Raises:
        QuarterdeckError: If there is no such session, or no terminal.
    """
    from tui.session_list import choose

    require_screen()
    folder = asyncio.run(choose(session, project))
    _take_over(folder)
    return show(folder)


def _take_over(folder: SessionFolder) -> None:
    """Have a session that no host serves wait for the person from now on, however it was begun."""
    if running_host(folder) is None:
        kept = read_order(folder)
        write_order(folder, kept.model_copy(update={"unattended": False, "screen": True}))


def show(folder: SessionFolder) -> int:
    """Open the app on a session, starting its host when none runs, until the person leaves it."""
    while True:
        process = None if running_host(folder) is not None else start_host(folder)
        from tui.app_session import run_app

        state = run_app(folder, process)
        if state.kind != "restart":
            break
    if state.text and state.kind != "host_lost":
        click.echo(visible(state.text))
    if state.kind == "host_lost":
        click.echo(f"quarterdeck: {visible(state.text or 'the session host is gone')}", err=True)
        click.echo(f"  next  quarterdeck attach {folder.id}", err=True)
        return HOST_LOST
    if state.kind in ("detached", "quit", "stopped"):
        click.echo(f"session {folder.id}: `quarterdeck attach {folder.id}` comes back to it")
    report = folder.path / "report.md"
    if state.kind == "finished" and report.exists():
        click.echo(f"report  {report}: what was built, how to run it, how to take it over")
    return PASSED


def has_screen() -> bool:
    """Say whether there is a terminal to draw on and to type at."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def require_screen() -> None:
    """Refuse to open the app without a terminal.

    Raises:
        ProjectError: If standard input or output is not a terminal.
    """
    if not has_screen():
        raise ProjectError(
            "the app needs a terminal", next='run it in one, or use `quarterdeck run "idea"`, which needs no screen'
        )


async def _workable(project: Path) -> Repository:
    """Return the repository, once it is seen that a session can be made of it.

    Raises:
        ProjectError: If it cannot.
    """
    repository = await require_workable(project)
    try:
        str(repository.root).encode()
    except UnicodeEncodeError as error:
        raise ProjectError(
            "the path of the repository is not UTF-8, so it cannot be written into a log",
            where=str(repository.root),
            next="rename the folder, or move the repository",
        ) from error
    return repository


def _order(
    repository: Repository, idea: str, *, fleet: Path | None, workflow: str, gate: GateMode, pace: float
) -> SessionOrder:
    """Check the workflow and the fleet before a session is made of them."""
    graph, _ = load_workflow(workflow)
    path = workflow if workflow == graph.name else str(Path(workflow).expanduser().resolve())
    if fleet is not None:
        from sessions.host.seats import seats_of
        from sessions.models.fleet import Fleet

        fleet = fleet.expanduser().resolve()
        seats_of(graph, Fleet.load(fleet))
    return SessionOrder(repository=repository.root, idea=idea, workflow=path, fleet=fleet, gate=gate, pace=pace)
