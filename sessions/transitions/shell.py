"""`quarterdeck tool NAME --json '{...}'`: a transition tool for anything with a shell.

The host puts the socket and a file with the running turn's token into the agent's environment; the token says who
calls.
"""

import argparse
import asyncio
import hashlib
import io
import os
import sys
from pathlib import Path

from sessions.client.attached import AttachedSession
from sessions.contract import TRANSITIONS
from sessions.errors import QuarterdeckError

SOCKET, TOKEN, TOKEN_FILE = "QUARTERDECK_SOCKET", "QUARTERDECK_TOKEN", "QUARTERDECK_TOKEN_FILE"
_SECONDS = 45.0
"""No call of a transition tool takes longer (`docs/architecture.md`, Transition tools)."""


def main(arguments: list[str] | None = None) -> int:
    """Call a transition tool and print the host's answer.

    Returns:
        0 when it was accepted, 1 when it was refused (the answer says what to mend), 2 for a wrong command line, 3
        when the host could not be reached.
    """
    parser = argparse.ArgumentParser(
        prog="quarterdeck", description="End your turn by calling your transition tool.", allow_abbrev=False
    )
    commands = parser.add_subparsers(dest="command", required=True)
    tool = commands.add_parser("tool", help="call a transition tool", allow_abbrev=False)
    tool.add_argument("name", choices=sorted(TRANSITIONS), help="the tool")
    tool.add_argument("--json", default="-", metavar="TEXT", help="its arguments as JSON; - reads standard input")
    given = parser.parse_args(arguments)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # An agent may run without a locale, and the answer may quote it.
            stream.reconfigure(errors="replace")
    raw = sys.stdin.buffer.read() if given.json == "-" else os.fsencode(given.json)
    text = raw.decode("utf-8", "replace")
    socket, token = os.environ.get(SOCKET, ""), _token()
    if not socket or not token:
        print(f"{SOCKET} or {TOKEN_FILE} is not set: this command works inside a Quarterdeck pane", file=sys.stderr)  # noqa: T201
        return 3
    try:
        accepted, answer = asyncio.run(_call(Path(socket), token, given.name, text))
    except (QuarterdeckError, TimeoutError) as error:
        print(error or "the host did not answer in time", file=sys.stderr)  # noqa: T201
        return 3
    print(answer)  # noqa: T201
    return 0 if accepted else 1


def _token() -> str:
    """Return the token of the running turn: from the file the host renews, else from the environment."""
    path = os.environ.get(TOKEN_FILE, "")
    try:
        return Path(path).read_text("utf-8").strip() if path else os.environ.get(TOKEN, "")
    except (OSError, UnicodeDecodeError):
        return ""


async def _call(socket: Path, token: str, tool: str, arguments: str) -> tuple[bool, str]:
    """Call once; the key is made of the content, so that the same call twice counts once."""
    key = hashlib.sha256(f"{token}\0{tool}\0{arguments}".encode("utf-8", "replace")).hexdigest()[:32]
    async with asyncio.timeout(_SECONDS):
        host = await AttachedSession.caller(socket)
        try:
            reply = await host.call_tool(token, tool, arguments, key)
        finally:
            await host.close()
    return reply.done, reply.text


if __name__ == "__main__":
    sys.exit(main())
