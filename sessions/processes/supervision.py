"""The command line that puts a program under the supervisor, for pipes and for terminals alike."""

import os
import secrets
import sys
from collections.abc import Sequence
from pathlib import Path

from sessions.processes import supervisor
from sessions.processes.supervisor import MARKER_VARIABLE

__all__ = ["DEFAULT_GRACE", "MARKER_VARIABLE", "new_marker", "supervised"]

DEFAULT_GRACE = 2.0
"""Seconds a tree may take to end by itself after TERM, before KILL."""


def new_marker() -> str:
    """A random value for `MARKER_VARIABLE`. Journal it before the start: by it a crashed host's processes are found."""
    return secrets.token_hex(16)


def supervised(
    argv: Sequence[str],
    *,
    tty: bool = False,
    control_fd: int | None = None,
    report_fd: int | None = None,
    grace: float = DEFAULT_GRACE,
) -> list[str]:
    """The command line that runs argv under the supervisor, for the calling process as its parent.

    The caller sets `MARKER_VARIABLE` in the environment, and must let the child inherit the named descriptors.

    Args:
        tty: Standard input is the controlling terminal; argv becomes its foreground group. Without, argv gets a session
            of its own.
        control_fd: Read end of a pipe. When its other end closes, the tree is ended.
        report_fd: Write end of a pipe that receives the supervisor's report.
        grace: Seconds between TERM and KILL.
    """
    # -I and -S: neither the project's folder nor the person's PYTHON* variables and site hooks reach the supervisor.
    command = [sys.executable, "-I", "-S", str(Path(supervisor.__file__)), "--parent", str(os.getpid())]
    if tty:
        command.append("--tty")
    if control_fd is not None:
        command += ["--control-fd", str(control_fd)]
    if report_fd is not None:
        command += ["--report-fd", str(report_fd)]
    return [*command, "--grace", str(grace), "--", *argv]
