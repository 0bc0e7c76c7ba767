"""The commands an agent finds on its PATH: `quarterdeck tool` for its transitions, and `python` for the rehearsal's
tests.
"""

import shlex
import sys
from pathlib import Path

from sessions.store.files import make_private_folder, told_as_unusable

# Without -P an agent that stands in a project with a folder called `sessions` would run that.
_SHELL = """#!/bin/sh
exec {python} -P -m {module} "$@"
"""


def write_shims(folder: Path, *, python: bool) -> None:
    """Write the commands into a session's `bin` folder, pointing at the interpreter that runs this host.

    Args:
        python: Also offer `python`, so that the rehearsal's pytest runs wherever Quarterdeck itself does.

    Raises:
        FolderUnusable: If they cannot be written.
    """
    make_private_folder(folder)
    _write(
        folder / "quarterdeck", _SHELL.format(python=shlex.quote(sys.executable), module="sessions.transitions.shell")
    )
    if python:
        _write(folder / "python", f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "$@"\n')


def _write(path: Path, text: str) -> None:
    with told_as_unusable(path):
        path.write_text(text, "utf-8")
        path.chmod(0o700)
