"""The search itself, in a process of its own: a regular expression can hold an interpreter for ever.

Reads one JSON object from standard input, writes one JSON line for each match and one at the end. An alarm that nothing
handles ends the process in time, even in the midst of a match and even when nobody is left to wait for it. Standard
library only, so that it starts at once.
"""

import json
import re
import signal
import sys
from pathlib import Path
from typing import Any

from sessions.agents.toolbox.confined import ConfinedFolder
from sessions.agents.toolbox.result import ToolFault

MAX_MATCHES = 200
MAX_FILE = 4 * 1024 * 1024
MAX_LINE = 5000
_SHOWN = 300


def main() -> None:
    """Serve one search."""
    asked: dict[str, Any] = json.load(sys.stdin)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(asked["seconds"])
    try:
        pattern = re.compile(asked["pattern"])
    except (re.error, RecursionError, OverflowError) as error:
        _say({"error": str(error)})
        return
    folder = ConfinedFolder(Path(asked["root"]))
    matches = left_out = searched = 0
    for name in asked["names"]:
        lines = _lines(folder, name)
        if lines is None:
            left_out += 1
            continue
        searched += 1
        for number, line in enumerate(lines, 1):
            if found := pattern.search(line, 0, MAX_LINE):
                _say({"path": name, "line": number, "text": _around(line, found.start())})
                matches += 1
                if matches == MAX_MATCHES:
                    _say({"searched": searched, "left_out": left_out, "full": True})
                    return
    _say({"searched": searched, "left_out": left_out, "full": False})


def _lines(folder: ConfinedFolder, name: str) -> list[str] | None:
    """Return a text file's lines, None for what is not searched: links, binary and very large files."""
    if (folder.root / name).is_symlink():
        return None
    try:
        with folder.open_file(name) as file:
            content = file.read(MAX_FILE + 1)
    except (ToolFault, OSError):
        return None
    if len(content) > MAX_FILE or b"\0" in content[:8192]:
        return None
    return [line.removesuffix("\r") for line in content.decode("utf-8", "replace").split("\n")]


def _around(line: str, start: int) -> str:
    """Return a line, or of a long one the part that matched."""
    if len(line) <= _SHOWN:
        return line
    begin = max(0, min(start - _SHOWN // 3, len(line) - _SHOWN))
    return f"[...] {line[begin : begin + _SHOWN]} [...]"


def _say(said: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()
