"""The commands an agent finds on its PATH: `quarterdeck tool` for its transitions, and `python` for the rehearsal's
tests.
"""

import shlex
import sys
from pathlib import Path

_SHELL = """#!/bin/sh
exec {python} -P -m {module} "$@"
"""


def write_shims(folder: Path, *, python: bool) -> None:
    """Write the commands into a session's `bin` folder, pointing at the interpreter that runs this host.

    Args:
        python: Also offer `python`, so that the rehearsal's pytest runs wherever Quarterdeck itself does.
    """
    folder.mkdir(mode=0o700, exist_ok=True)
    _write(
        folder / "quarterdeck", _SHELL.format(python=shlex.quote(sys.executable), module="sessions.transitions.shell")
    )
    if python:
        _write(folder / "python", f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "$@"\n')


def _write(path: Path, text: str) -> None:
    path.write_text(text, "utf-8")
    path.chmod(0o700)
