"""Puts frames on the terminal: at most sixty a second, only changed rows, none while the terminal is behind."""

import asyncio
from collections.abc import Callable

from sessions.agents.rehearsal_agent.cells import paint
from sessions.agents.rehearsal_agent.screen import Frame
from sessions.agents.rehearsal_agent.terminal import Terminal

_FRAME = 1 / 60
_BEGIN, _END = "\x1b[?2026h\x1b[?25l", "\x1b[?2026l"


class Painter:
    """Paints what `compose` gives for the terminal's size, soon after `show` is called."""

    def __init__(self, terminal: Terminal, compose: Callable[[int, int], Frame], *, colour: bool) -> None:
        self._terminal, self._compose, self._colour = terminal, compose, colour
        self._size = (0, 0)
        self._shown: tuple[str, ...] = ()
        self._due: asyncio.TimerHandle | None = None

    def show(self) -> None:
        """Paint within a frame's time; several calls become one frame."""
        if self._due is None:
            self._due = asyncio.get_running_loop().call_later(_FRAME, self._when_due)

    def redraw(self) -> None:
        """Paint every row anew."""
        self._shown = ()
        self.show()

    def close(self) -> None:
        """Paint no more."""
        if self._due:
            self._due.cancel()

    def paint(self) -> None:
        """Paint now what differs from what is shown."""
        columns, rows = self._terminal.size()
        out = [_BEGIN]
        if (columns, rows) != self._size or not self._shown:
            self._size, self._shown = (columns, rows), ()
            out.append("\x1b[0m\x1b[2J")
        frame = self._compose(columns, rows)
        painted = tuple(paint(line, columns, colour=self._colour) for line in frame.rows)
        for index, row in enumerate(painted):
            if index >= len(self._shown) or self._shown[index] != row:
                out.append(f"\x1b[{index + 1};1H{row}")
        self._shown = painted
        if frame.cursor:
            out.append(f"\x1b[{frame.cursor[1] + 1};{frame.cursor[0] + 1}H\x1b[?25h")
        self._terminal.write("".join([*out, _END]))

    def _when_due(self) -> None:
        self._due = None
        if self._terminal.busy:
            self.show()
        else:
            self.paint()
