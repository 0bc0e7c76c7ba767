"""The command line: parse, run, and turn the outcome into sentences and an exit code.

Everything heavy is imported by the command that needs it: `--version` and `--help` load neither Textual nor pydantic.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from panes.visible_text import visible
from sessions.errors import ProjectError, QuarterdeckError
from sessions.version import VERSION
from tui.exit_codes import INTERRUPTED, PASSED, UNUSABLE
from tui.output import OutputGone, prepare_streams, silence_output

if TYPE_CHECKING:
    from sessions.handoffs import GateMode

EPILOG = (
    "Exit codes: 0 passed, 2 wrong usage, 3 waits for your answer, 4 ended without passing, 5 cannot be used as it is, "
    "6 the host was lost, 130 interrupted."
)


_LARGEST_IDEA = 4_000_000
"""Bytes of standard input that are looked at."""


class _Group(click.Group):
    """The command group: prints our own errors as what, where and what to do, and ends with the documented code."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except QuarterdeckError as error:
            click.echo(f"quarterdeck: {visible(error.what)}", err=True)
            if error.where:
                click.echo(f"  at    {visible(error.where)}", err=True)
            if error.next:
                click.echo(f"  next  {visible(error.next)}", err=True)
            ctx.exit(UNUSABLE)
        except (BrokenPipeError, OutputGone):
            # The reader of our output went away (`| head`): it has what it wanted.
            silence_output()
            ctx.exit(PASSED)
        except OSError as error:
            # Where we open or write something, it is told above; what is left is what we print.
            silence_output()
            click.echo(f"quarterdeck: {visible(error.strerror or str(error))}", err=True)
            click.echo(f"  at    {visible(str(error.filename or 'standard output'))}", err=True)
            click.echo("  next  free some space, or see to the file, and try again", err=True)
            ctx.exit(UNUSABLE)
        except KeyboardInterrupt:
            ctx.exit(INTERRUPTED)


def _number(pace: float | None) -> float | None:
    """Return the pace as given; `nan` is within every range and no pace."""
    if pace is not None and pace != pace:
        raise click.BadParameter("nan is not a number between 0 and 10")
    return pace


# Whether it may be read is told by whoever reads it, in three lines like every error of ours.
_FILE = click.Path(path_type=Path, readable=False)
_PROJECT = click.option("--project", "-C", type=_FILE, default=Path(), help="The git repository; default: here.")
_FLEET = click.option("--fleet", type=_FILE, default=None, help="A fleet file; default: the rehearsal fleet.")
_WORKFLOW = click.option("--workflow", default="build-loop", show_default=True, help="A built-in workflow, or a file.")
_PACE = click.option(
    "--pace",
    type=click.FloatRange(0, 10),
    default=None,
    callback=lambda _ctx, _param, pace: _number(pace),
    help="Speed of the rehearsal fleet: 0 at once, 1 watchable.",
)
_GATE = click.option("--gate", type=click.Choice(["manual", "assisted", "auto"]), help="Who lets handoffs cross.")


@click.group(
    cls=_Group, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]}, epilog=EPILOG
)
@click.version_option(VERSION, "--version", "-V", message="quarterdeck %(version)s")
@_PROJECT
@_FLEET
@_WORKFLOW
@_GATE
@_PACE
@click.pass_context
def cli(
    ctx: click.Context, project: Path, fleet: Path | None, workflow: str, gate: str | None, pace: float | None
) -> None:
    """Build software with several models at once, every handoff under your hand.

    Without a command: open the app in the git repository you stand in.
    """
    if ctx.invoked_subcommand is not None:
        _refuse_early_options(ctx)
    else:
        from tui.open_session import open_here

        ctx.exit(open_here(project, fleet=fleet, workflow=workflow, gate=_gate(gate, "manual"), pace=_pace(pace, 1.0)))


def _refuse_early_options(ctx: click.Context) -> None:
    """Refuse options before a command: they are for the app, and the command would go on without them.

    Raises:
        UsageError: If one was given.
    """
    early = [name for name in ctx.params if ctx.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE]
    if early:
        raise click.UsageError(f"put --{early[0]} behind `{ctx.invoked_subcommand}`, not before it")


@cli.command()
@click.argument("idea", default="-")
@_PROJECT
@_FLEET
@_WORKFLOW
@_GATE
@_PACE
@click.pass_context
def run(
    ctx: click.Context,
    idea: str,
    project: Path,
    fleet: Path | None,
    workflow: str,
    gate: str | None,
    pace: float | None,
) -> None:
    """Run a session with no screen: IDEA is a sentence, or - to read it from standard input.

    Spec and plan are approved by the run itself; a structural question ends it with exit code 3, and `quarterdeck
    attach` takes it up. Without --fleet the rehearsal fleet builds its own sample, whatever the idea.
    """
    from tui.open_session import run_headless

    text = _read_idea() if idea == "-" else idea
    ctx.exit(
        run_headless(project, text, fleet=fleet, workflow=workflow, gate=_gate(gate, "auto"), pace=_pace(pace, 0.0))
    )


@cli.command()
@_PACE
@click.option("--folder", type=_FILE, default=None, help="Where to make the sample project.")
@click.pass_context
def demo(ctx: click.Context, pace: float | None, folder: Path | None) -> None:
    """Watch a whole build loop on a small sample project: scripted, no AI, no key, real code.

    Without a terminal the same loop runs with no screen and prints its progress.
    """
    from tui.open_session import open_demo

    ctx.exit(open_demo(folder, pace))


@cli.command()
@click.argument("session", default="")
@_PROJECT
@click.pass_context
def attach(ctx: click.Context, session: str, project: Path) -> None:
    """Come back to a session: SESSION is its id or the beginning of it; default: the newest one here."""
    from tui.open_session import attach_to

    ctx.exit(attach_to(session, project))


@cli.command("sessions")
@click.option("--all", "everywhere", is_flag=True, help="Of every project, not only of this one.")
@_PROJECT
def list_sessions(everywhere: bool, project: Path) -> None:
    """List sessions: their state, their project, their idea."""
    from tui.session_list import print_sessions

    print_sessions(project, everywhere=everywhere)


@cli.command()
@click.argument("session", default="")
@_PROJECT
def log(session: str, project: Path) -> None:
    """Print what happened in a session, one line a thing."""
    from tui.session_list import print_log

    print_log(session, project)


@cli.command()
@click.argument("session", default="")
@_PROJECT
def stop(session: str, project: Path) -> None:
    """End a session's host in order: its agents are stopped, the session can be taken up again."""
    from tui.session_list import stop_session

    stop_session(session, project)


@cli.command()
@click.argument("session")
def recover(session: str) -> None:
    """Save what is whole of a session whose log is damaged. The damaged file is kept beside it."""
    from tui.session_list import recover_session

    recover_session(session)


@cli.command(context_settings={"ignore_unknown_options": True, "help_option_names": []})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def tool(ctx: click.Context, arguments: tuple[str, ...]) -> None:
    """Call a transition tool from inside a pane (for agents)."""
    from sessions.transitions.shell import main as call

    ctx.exit(call(["tool", *arguments]))


def _pace(given: float | None, default: float) -> float:
    return default if given is None else given


def _gate(given: str | None, default: "GateMode") -> "GateMode":
    return given if given in ("manual", "assisted", "auto") else default


def _read_idea() -> str:
    if sys.stdin.isatty():
        raise ProjectError(
            "an idea is needed", next='say what to build, such as: quarterdeck run "a CSV bar chart tool"'
        )
    # No more than is needed to see that it is too much: the other end may never stop.
    return sys.stdin.buffer.read(_LARGEST_IDEA).decode("utf-8", "replace")


def main() -> None:
    """Run the command line."""
    prepare_streams()
    command: Callable[[], Any] = cli
    command()


if __name__ == "__main__":
    main()
