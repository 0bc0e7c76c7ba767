"""Searching the clone's files: which files here, the matching in a child process that a clock ends."""

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import sessions
from sessions.agents.toolbox.arguments import Search
from sessions.agents.toolbox.confined import ConfinedFolder
from sessions.agents.toolbox.listing import names_under
from sessions.agents.toolbox.result import ToolFault, ToolResult
from sessions.agents.wording import count, one_line, storable

SEARCH_SECONDS = 20
"""How long a search may take."""

_CODE = "import sys; sys.path.insert(0, sys.argv[1]); from sessions.agents.toolbox.search_child import main; main()"


async def search(folder: ConfinedFolder, wanted: Search, environment: Mapping[str, str]) -> ToolResult:
    """Return the matching lines as `path:line: text`; what was found before the clock ran out is kept."""
    names = await names_under(folder, wanted.path, environment)
    asked = {"root": str(folder.root), "pattern": wanted.pattern, "names": names, "seconds": SEARCH_SECONDS}
    said = [json.loads(line) for line in (await _ask(json.dumps(asked).encode(), environment)).splitlines()]
    end: dict[str, Any] = said[-1] if said else {}
    if "error" in end:
        raise ToolFault(f"the pattern is not a Python regular expression: {one_line(str(end['error']))}")
    found = [f"{storable(one['path'])}:{one['line']}: {storable(one['text'])}" for one in said if "path" in one]
    notes = [f"{count(len(found), 'matching line')} for {one_line(wanted.subject, 60)}"]
    if "searched" not in end:
        notes.append(f"stopped after {SEARCH_SECONDS} s: the pattern takes too long, make it simpler or name a folder")
    elif end["full"]:
        notes.append("more were left out, search more narrowly")
    if end.get("left_out"):
        notes.append(f"{count(end['left_out'], 'link or binary or very large file')} not searched")
    header = "; ".join(notes)
    return ToolResult("searched" in end, "\n".join([header, *found]), header)


async def _ask(asked: bytes, environment: Mapping[str, str]) -> bytes:
    """Run the child on one search and return what it said. It is gone when this returns or raises."""
    place = str(Path(next(iter(sessions.__path__))).parent)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-I", "-S", "-c", _CODE, place,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        cwd=os.sep,
        env=dict(environment),
    )  # fmt: skip
    try:
        said, _ = await process.communicate(asked)
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    # A line that the alarm cut in two is no match.
    return said[: said.rfind(b"\n") + 1]
