"""Standard streams that can be written to, whoever started us and however: loads nothing but the standard library."""

import contextlib
import os
import sys


class OutputGone(Exception):
    """Standard output cannot be written any more: its reader went away, or its disk is full."""


_MODES = {0: "r", 1: "w", 2: "w"}


def prepare_streams() -> None:
    """Make sure that there are three standard streams, and that none raises for a letter it cannot encode.

    A closed descriptor would be given to the next file that is opened, and what is printed would end up there.
    """
    for descriptor, mode in _MODES.items():
        try:
            os.fstat(descriptor)
        except OSError:
            # The lowest free number, which is this one: those below are open by now.
            os.open(os.devnull, os.O_RDWR)
        name = ("stdin", "stdout", "stderr")[descriptor]
        if getattr(sys, name) is None:
            setattr(sys, name, open(descriptor, mode, encoding="utf-8", closefd=False))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, ValueError):
            stream.reconfigure(errors="replace")  # pyright: ignore[reportAttributeAccessIssue]


def silence_output() -> None:
    """Send what is still to be printed nowhere: the reader went away, and Python would complain at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 1)
    finally:
        os.close(nowhere)
