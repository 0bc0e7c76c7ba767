"""Starts a program in a PTY, under the supervisor that ends its whole tree."""

from __future__ import annotations

import contextlib
import errno
import os
import select
import signal
import termios
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pexpect

from sessions.errors import AgentError
from sessions.processes.leftovers import ProcessMark, mark_process
from sessions.processes.supervision import MARKER_VARIABLE, supervised

_NOT_OURS = (
    "TMUX",
    "TMUX_PANE",
    "STY",
    "TERM_PROGRAM",
    "TERM_PROGRAM_VERSION",
    "TERMCAP",
    "KITTY_WINDOW_ID",
    "ConEmuANSI",
    "COLUMNS",
    "LINES",
)
"""Variables that speak of another terminal. Agents choose keyboard modes and escape sequences by them."""

_UTF8_INPUT = 0x4000
"""IUTF8 of both Linux and macOS, which Python does not name: erasing in a line takes whole characters."""

_START_LIMIT = 20.0
"""Seconds for the supervisor to report; it takes 30 ms, on a machine under heavy load some seconds."""


def terminal_environment(environment: Mapping[str, str], marker: str) -> dict[str, str]:
    """Give the environment for a program in one of our terminals.

    Args:
        environment: All the program gets beside; `clean_environment` makes one.
        marker: Names the program's whole tree.
    """
    kept = {name: value for name, value in environment.items() if name not in _NOT_OURS}
    return kept | {"TERM": "xterm-256color", "COLORTERM": "truecolor", MARKER_VARIABLE: marker}


if TYPE_CHECKING:
    _PexpectSpawn = pexpect.spawn[bytes]
else:
    _PexpectSpawn = pexpect.spawn  # generic in its type stubs only


class _Spawn(_PexpectSpawn):
    """pexpect's spawn, with descriptors handed on to the program and without its pauses.

    Used for starting, sizing and closing only. Output is read from the descriptor: `expect` is quadratic.
    """

    def __init__(self, argv: Sequence[str], hand_on: tuple[int, ...], **options: Any) -> None:
        self._hand_on = hand_on
        super().__init__(argv[0], list(argv[1:]), **options)
        self.delaybeforesend = None

    def _spawnpty(self, args: list[str], **options: Any) -> Any:
        inherited: Any = super()  # its `_spawnpty` passes options on, which the type stubs do not know
        started = inherited._spawnpty(args, pass_fds=self._hand_on, **options)
        started.delayafterclose = started.delayafterterminate = 0.0
        return started


@dataclass(slots=True)
class Spawned:
    """A program that runs in a PTY. Its owner reads `terminal`, reaps with `reap`, and then calls `close`."""

    child: Any
    """pexpect's object. It owns the terminal's descriptor."""

    terminal: int
    """The non-blocking descriptor of the terminal."""

    control: int
    """Closing it makes the supervisor end the tree, as the end of this process does."""

    report: int
    """What the supervisor reports, non-blocking."""

    mark: ProcessMark
    reported: bytes = b""

    def resize(self, cols: int, rows: int) -> None:
        """Tell the program its new size."""
        with contextlib.suppress(OSError):  # it has just ended
            self.child.setwinsize(rows, cols)

    def reap(self) -> bool:
        """Collect the supervisor's exit if it has ended; whether it has. Does not wait."""
        try:
            return not self.child.isalive()
        except pexpect.ExceptionPexpect:
            return True  # somebody else collected it; it has ended all the same

    @property
    def status(self) -> int:
        """The exit status after `reap`; 128+n when signal n ended the supervisor itself, 255 when nobody knows."""
        child = self.child
        if child.signalstatus is not None:
            return 128 + int(child.signalstatus)
        return 255 if child.exitstatus is None else int(child.exitstatus)

    def end(self) -> None:
        """Have the supervisor end the tree. Safe to repeat."""
        if self.control >= 0:
            os.close(self.control)
            self.control = -1

    def close(self) -> bool:
        """Close every descriptor of a reaped program; whether the supervisor reported that nothing is left."""
        self.end()
        with contextlib.suppress(OSError):
            while part := os.read(self.report, 4096):
                self.reported += part
        os.close(self.report)
        with contextlib.suppress(pexpect.ExceptionPexpect):  # somebody else collected its exit
            self.child.close(force=False)
        return b"cleared\n" in self.reported


def spawn(
    argv: Sequence[str],
    *,
    cwd: Path,
    environment: Mapping[str, str],
    marker: str,
    size: tuple[int, int],
    grace: float,
) -> Spawned:
    """Start a program in a PTY and wait until it runs. Takes some 40 ms, so not on an event loop.

    Args:
        size: Columns and rows of the terminal.

    Raises:
        AgentError: If the program or its folder cannot be used.
    """
    pipes: list[int] = []
    try:
        pipes += os.pipe()
        pipes += os.pipe()
        control_read, control, report, report_write = pipes
        hand_on = (control_read, report_write)
        command = supervised(argv, tty=True, control_fd=control_read, report_fd=report_write, grace=grace)
        child = _fork(
            command,
            hand_on,
            env=terminal_environment(environment, marker),
            dimensions=(size[1], size[0]),
            preexec_fn=lambda: _prepare_child(hand_on, cwd),
        )
    except (OSError, pexpect.ExceptionPexpect) as error:
        for descriptor in pipes:
            os.close(descriptor)
        raise _not_started(argv, cwd, error) from error
    os.close(control_read)
    os.close(report_write)
    os.set_blocking(report, False)
    os.set_blocking(child.child_fd, False)
    spawned = Spawned(child, child.child_fd, control, report, mark_process(child.pid, marker))
    _wait_until_started(spawned, argv, cwd)
    return spawned


def _fork(command: Sequence[str], hand_on: tuple[int, ...], **options: Any) -> Any:
    with warnings.catch_warnings():
        # Python 3.12 and newer warn of every fork beside threads. Between this one and its exec only system
        # calls are made.
        warnings.simplefilter("ignore", DeprecationWarning)
        return _Spawn(command, hand_on, **options)


def _prepare_child(hand_on: tuple[int, ...], cwd: Path) -> None:
    """In the forked child, before exec: only system calls.

    The folder is changed here because what is raised here is told to the parent. With pexpect's own `cwd`
    a folder that is gone would leave a copy of this process running.
    """
    os.chdir(cwd)
    for descriptor in hand_on:
        os.set_inheritable(descriptor, True)
    with contextlib.suppress(termios.error):
        attributes = termios.tcgetattr(0)
        attributes[0] |= _UTF8_INPUT
        termios.tcsetattr(0, termios.TCSANOW, attributes)


def _wait_until_started(spawned: Spawned, argv: Sequence[str], cwd: Path) -> None:
    """Read the supervisor's first line."""
    poll = select.poll()
    poll.register(spawned.report, select.POLLIN)
    while b"\n" not in spawned.reported and poll.poll(_START_LIMIT * 1000):
        part = os.read(spawned.report, 4096)
        if not part:
            break
        spawned.reported += part
    line = spawned.reported.partition(b"\n")[0].decode("ascii", "replace")
    if line.startswith("started "):
        return
    spawned.end()
    if not line:
        # It hangs or broke before its first word; nothing of the program runs yet.
        spawned.child.kill(signal.SIGKILL)
    spawned.child.wait()
    spawned.close()
    reason, _, number = line.partition(" ")
    if reason == "failed":
        raise _not_started(argv, cwd, OSError(int(number), os.strerror(int(number))))
    raise _not_started(argv, cwd, ChildProcessError("its supervisor did not start"))


def _not_started(argv: Sequence[str], cwd: Path, error: Exception) -> AgentError:
    name = "".join(letter if letter.isprintable() else "\ufffd" for letter in argv[0])[:200]
    number = error.errno if isinstance(error, OSError) else None
    if not cwd.is_dir():
        return AgentError("The folder to run in does not exist.", where=str(cwd), next="Choose another folder.")
    if number == errno.ENOENT:
        what, then = f"There is no program {name!r}.", "Install it, or correct the command."
    elif number == errno.EACCES:
        what, then = f"{name!r} may not be run.", "Check that it is a program and executable (chmod +x)."
    elif number == errno.EMFILE:
        what, then = "No more terminals can be opened.", "Close some panes or raise the limit (ulimit -n)."
    else:
        what, then = f"{name!r} could not be started: {error}", "Correct the command and try again."
    return AgentError(what, where=str(cwd), next=then)
