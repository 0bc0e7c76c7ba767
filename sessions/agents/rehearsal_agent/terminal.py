"""The terminal the program runs in: raw mode, whole frames out, everything put back at the end."""

import asyncio
import contextlib
import os
import select
import termios
import tty

from sessions.agents.rehearsal_agent.status import CLEAR

_ENTER = "\x1b[22;2t\x1b[?1049h\x1b[?2004h\x1b[2J\x1b[H"
_LEAVE = "\x1b[?2026l\x1b[0m\x1b[?2004l\x1b[?25h\x1b[?1049l\x1b[23;2t"
_PATIENCE = 0.5
"""Seconds that the last bytes may wait for a terminal that does not read."""


class Terminal:
    """Owns the terminal between `enter` and `leave`.

    What is written goes out as the terminal takes it: a terminal that stops reading holds up no key and no signal.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._before = termios.tcgetattr(fd)
        # A description of our own may be non-blocking without changing the one that we share with our parent.
        try:
            self._out = os.open(os.ttyname(fd), os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK)
        except OSError:
            # A container may hide the device's name; then a terminal that does not read holds us up.
            self._out = os.dup(fd)
        self._waiting = b""
        self._entered = False

    @property
    def busy(self) -> bool:
        """Whether earlier output still waits to be taken."""
        return bool(self._waiting)

    def size(self) -> tuple[int, int]:
        """Return columns and rows; 80 and 24 when the terminal does not say."""
        try:
            columns, rows = os.get_terminal_size(self._fd)
        except OSError:
            return 80, 24
        return columns or 80, rows or 24

    def enter(self) -> None:
        """Take the terminal: raw mode, alternate screen, bracketed paste."""
        self._entered = True
        tty.setraw(self._fd, termios.TCSANOW)
        self.write(_ENTER)

    def write(self, text: str) -> None:
        """Send text, now or as soon as the terminal takes it."""
        self._waiting += text.encode("utf-8", "replace")
        self._send()
        if self._waiting:
            asyncio.get_running_loop().add_writer(self._out, self._on_writable)

    def leave(self, last_words: str = "") -> None:
        """Put everything back. Safe to repeat, and after the terminal has gone."""
        if not self._entered:
            return
        self._entered = False
        with contextlib.suppress(RuntimeError):
            asyncio.get_running_loop().remove_writer(self._out)
        self._waiting += f"{CLEAR}{_LEAVE}{last_words}".encode()
        while self._waiting and select.select([], [self._out], [], _PATIENCE)[1]:
            self._send()
        with contextlib.suppress(termios.error, OSError):
            termios.tcsetattr(self._fd, termios.TCSANOW, self._before)
        os.close(self._out)

    def _send(self) -> None:
        while self._waiting:
            try:
                sent = os.write(self._out, self._waiting)
            except BlockingIOError:
                return
            except OSError:
                # The terminal has gone; the hang-up or the end of input ends the program.
                self._waiting = b""
                return
            self._waiting = self._waiting[sent:]

    def _on_writable(self) -> None:
        self._send()
        if not self._waiting:
            asyncio.get_running_loop().remove_writer(self._out)
