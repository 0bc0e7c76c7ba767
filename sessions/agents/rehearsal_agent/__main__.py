"""The command line of the rehearsal agent."""

import argparse
import asyncio
import importlib
import os
import secrets
import sys
from pathlib import Path

from sessions.agents.rehearsal_agent.cells import Line, harmless
from sessions.agents.rehearsal_agent.keeping import Keeper
from sessions.agents.rehearsal_agent.program import Performs, Program
from sessions.agents.rehearsal_agent.terminal import Terminal


def main() -> int:
    """Run the agent in this terminal and return its exit code: 2 without one, 128 and the signal that ended it."""
    parser = argparse.ArgumentParser(prog="rehearsal_agent", description="A coding agent that is a script: no AI.")
    parser.add_argument("--pace", type=float, default=1.0, metavar="P", help="factor on every wait; 0 does not wait")
    parser.add_argument("--ask", action="store_true", help="ask for permission before the first test run")
    parser.add_argument("--resume", default="", metavar="ID", help="go on under the id of an earlier run")
    options = parser.parse_args()
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        print("The rehearsal agent needs a terminal for its input and output.", file=sys.stderr)  # noqa: T201
        return 2
    return asyncio.run(_run(max(options.pace, 0.0), ask=options.ask, resume=options.resume))


async def _run(pace: float, *, ask: bool, resume: str) -> int:
    name = harmless(resume)[:40] or secrets.token_hex(3)
    terminal = Terminal(sys.stdout.fileno())
    keeper = Keeper(os.environ.get("QUARTERDECK_TRANSCRIPT", ""))
    greeting = _greeting(name, resumed=bool(resume))
    program = Program(terminal, sys.stdin.fileno(), ask=ask, greeting=greeting, keep=keeper.keep)

    def make_turn(stage: Program) -> Performs:
        # Loaded after the first frame: the readers of prompts take longer to import than a screen to draw.
        turn = importlib.import_module("sessions.agents.rehearsal_agent.turn")
        return turn.Turn(stage, Path.cwd(), pace)

    try:
        return await program.run(make_turn)
    finally:
        keeper.close()
        terminal.leave(f"To go on: python -P -m sessions.agents.rehearsal_agent --resume {name}\r\n")


def _greeting(name: str, *, resumed: bool) -> tuple[Line, ...]:
    if resumed:
        told = f"Resumed {name}. What was said before is not kept; what was built is in this folder."
    else:
        told = f"Run {name}. A script that plays the Worker of the rehearsal. /help shows the keys."
    return ((("dim", told),),)


if __name__ == "__main__":
    sys.exit(main())
