"""Running a program in the clone."""

import codecs
from collections.abc import Callable, Mapping

from sessions.agents.toolbox.arguments import Run
from sessions.agents.toolbox.confined import ConfinedFolder
from sessions.agents.toolbox.result import ToolFault, ToolResult
from sessions.agents.wording import one_line, shorten
from sessions.processes.running import ProgramResult, run_program

_MOST_READ = 30_000


async def run(
    folder: ConfinedFolder, wanted: Run, environment: Mapping[str, str], show: Callable[[str], None]
) -> ToolResult:
    """Run a command by the shell and return its output. Cancelling ends it and all it started."""
    if not wanted.command.strip() or "\0" in wanted.command:
        raise ToolFault("the command is empty or holds a zero byte")
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    result = await run_program(
        wanted.command,
        cwd=folder.root,
        env=environment,
        timeout=wanted.timeout,
        on_output=lambda chunk: show(decoder.decode(chunk)),
    )
    ending = _ending(result, wanted.timeout)
    output = result.output.decode("utf-8", "replace")
    whole = f"{ending}\n{output}" if output else f"{ending}, no output"
    ok = result.exit_code == 0 and not result.timed_out
    return ToolResult(ok, shorten(whole, _MOST_READ), f"{one_line(wanted.command, 100)}: {ending}", whole)


def _ending(result: ProgramResult, limit: float) -> str:
    ending = f"exit code {result.exit_code} after {result.seconds:.1f} s"
    if result.timed_out:
        ending = f"stopped after {limit:.0f} s, the limit"
    if not result.tree_cleared:
        ending += "; something it started could not be ended"
    return ending
