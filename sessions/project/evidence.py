"""Running the project's tests: the host's own evidence, whatever an agent says of them."""

import asyncio
import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from sessions.errors import ProjectError
from sessions.processes.leftovers import ProcessMark
from sessions.processes.running import DEFAULT_OUTPUT_LIMIT, run_program
from sessions.project.summaries import TestCounts, first_failure, read_counts

__all__ = ["TestCounts", "TestRun", "first_failure", "run_tests", "split_command"]

_SHELL_WORDS = re.compile(
    r"""[.:\[!{}] | alias | bg | break | case | cd | command | continue | do | done | elif | else | esac | eval | exec
    | exit | export | fg | fi | for | function | getopts | hash | if | jobs | local | read | readonly | return | set
    | shift | source | then | time | times | trap | type | ulimit | umask | unalias | unset | until | wait | while""",
    re.VERBOSE,
)
_SHELL_SIGNS = re.compile(r"[|&;<>()$`\\*?\[\]~#\n{}]")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")


@dataclass(frozen=True, slots=True)
class TestRun:
    """What running the tests came to."""

    __test__: ClassVar[bool] = False  # not a test itself, whatever its name makes pytest think

    command: str
    exit_code: int
    passed: bool
    """Exit status 0, in time, and not without a single test having been run."""
    timed_out: bool
    cancelled: bool
    seconds: float
    output: bytes
    dropped: int
    """Bytes of output beyond the limit, left out of `output`'s middle."""
    counts: TestCounts | None
    """None when the output has no summary of a known runner."""
    tree_cleared: bool
    """Nothing the tests started is running any more."""


async def run_tests(
    command: str,
    clone_folder: Path,
    *,
    env: Mapping[str, str],
    timeout: float | None,  # noqa: ASYNC109  it ends the tests, not the waiting for them
    on_output: Callable[[bytes], None] | None = None,
    on_started: Callable[[ProcessMark], None] | None = None,
    stop: asyncio.Event | None = None,
    marker: str | None = None,
    output_limit: int = DEFAULT_OUTPUT_LIMIT,
) -> TestRun:
    """Run a test command in the clone, as `run_program` does, and judge it.

    Args:
        command: As a person would type it. It runs without a shell unless it needs one.

    Raises:
        ProjectError: If the command is empty or malformed, or its program or the folder is not there.
    """
    result = await run_program(
        split_command(command),
        cwd=clone_folder,
        env=env,
        timeout=timeout,
        output_limit=output_limit,
        on_output=on_output,
        on_started=on_started,
        stop=stop,
        marker=marker,
    )
    counts = await asyncio.to_thread(read_counts, result.output)
    finished = result.exit_code == 0 and not result.timed_out and not result.cancelled
    none_ran = counts is not None and counts.ran == 0
    failures = counts is not None and counts.failed + counts.errors > 0
    return TestRun(
        command=command,
        exit_code=result.exit_code,
        passed=finished and not none_ran and not failures,
        timed_out=result.timed_out,
        cancelled=result.cancelled,
        seconds=result.seconds,
        output=result.output,
        dropped=result.dropped,
        counts=counts,
        tree_cleared=result.tree_cleared,
    )


def split_command(command: str) -> list[str]:
    """A command line as arguments; as one for `/bin/sh -c` when it has anything that only a shell understands.

    Raises:
        ProjectError: If it is empty or a quote is not closed.
    """
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise ProjectError(
            f"The command cannot be read: {error}", where=command[:200], next="Close its quotes, then try again"
        ) from error
    if not words:
        raise ProjectError("There is no test command", next="Give the task one, such as: python -m pytest -q")
    needs_shell = (
        _ASSIGNMENT.match(words[0]) or _SHELL_WORDS.fullmatch(words[0]) or _SHELL_SIGNS.search(_unquoted(command))
    )
    return ["/bin/sh", "-c", command] if needs_shell else words


def _unquoted(command: str) -> str:
    """What a shell would look at for signs: nothing in single quotes, in double ones only `$`, backtick, backslash."""
    kept: list[str] = []
    quote = ""
    for letter in command:
        if quote:
            if letter == quote:
                quote = ""
            elif quote == '"' and letter in "$`\\":
                kept.append(letter)
        elif letter in "'\"":
            quote = letter
        else:
            kept.append(letter)
    return "".join(kept)
