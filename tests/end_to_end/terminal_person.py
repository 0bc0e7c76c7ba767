"""A person at a terminal: starts a command in a real PTY, reads the screen as a terminal shows it, and presses keys."""

import os
import select
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

import pexpect

from sessions.terminal.emulator import Emulator

KEYS = {
    "F1": "\x1bOP",
    "F7": "\x1b[18~",
    "F8": "\x1b[19~",
    "F9": "\x1b[20~",
    "Enter": "\r",
    "Esc": "\x1b",
    "Tab": "\t",
    "^G": "\x07",
}


class Person:
    """Sits at one terminal. Every wait has a generous limit and fails with the screen as it stands."""

    def __init__(self, *arguments: str, columns: int = 160, rows: int = 48, folder: Path | None = None) -> None:
        terminal = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LC_ALL": "C.UTF-8"}
        environment = {**os.environ, **terminal, "TEXTUAL_ANIMATIONS": "none"}
        self.emulator = Emulator(columns, rows)
        self.child = pexpect.spawn(
            sys.executable, ["-m", "tui.cli", *arguments], dimensions=(rows, columns), env=environment,
            cwd=str(folder) if folder else None, timeout=None,
        )  # fmt: skip
        self.child.delaybeforesend = None
        os.set_blocking(self.child.child_fd, False)

    def __enter__(self) -> "Person":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.child.isalive():
            self.child.kill(9)
            self.child.wait()
        self.child.close(force=True)

    def look(self, seconds: float = 0.05) -> str:
        """Take in what was drawn and return the screen's text."""
        ready, _, _ = select.select([self.child.child_fd], [], [], seconds)
        if ready:
            try:
                while data := os.read(self.child.child_fd, 65536):
                    fed = self.emulator.feed(data)
                    if fed.replies:
                        os.write(self.child.child_fd, fed.replies)
            except (BlockingIOError, OSError):
                pass
        return self.emulator.text()

    def wait(self, wanted: str | Callable[[str], bool], limit: float = 60.0) -> str:
        """Look until the screen shows what is wanted."""
        deadline = time.monotonic() + limit
        test = (lambda text: wanted in text) if isinstance(wanted, str) else wanted
        while time.monotonic() < deadline:
            text = self.look()
            if test(text):
                return text
        raise AssertionError(f"waited {limit:.0f} s for {wanted!r}; the screen shows:\n{self.emulator.text()}")

    def read(self) -> None:
        """Look at what is there for as long as it takes to read a dialog, which takes no keys in its first moment."""
        until = time.monotonic() + 0.6
        while time.monotonic() < until:
            self.look()

    def press(self, *keys: str) -> None:
        """Press keys one after the other, as fast as hands can."""
        for key in keys:
            os.write(self.child.child_fd, KEYS.get(key, key).encode())
            self.look(0.08)

    def leave(self, limit: float = 30.0) -> tuple[int, str]:
        """Wait for the command to end and return its exit code and the last screen."""
        deadline = time.monotonic() + limit
        while self.child.isalive() and time.monotonic() < deadline:
            self.look()
        text = self.look()
        assert not self.child.isalive(), f"it does not end; the screen shows:\n{text}"
        return self.child.exitstatus if self.child.exitstatus is not None else -1, text
