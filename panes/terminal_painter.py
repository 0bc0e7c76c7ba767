"""What a terminal pane shows: rows of its emulator as strips, and which lines changed from frame to frame."""

from __future__ import annotations

from rich.segment import Segment
from rich.style import Style as RichStyle
from textual.geometry import Region, Size
from textual.strip import Strip

from panes.terminal_styles import TerminalStyles
from sessions.terminal.screen import Colours, Cursor, Frame, Row, Run

_EMPTY = Row(())


class TerminalPainter:
    """Holds the rows last taken from an emulator and makes strips of them when they are asked for.

    The program's screen may have another size than the widget, when another screen decides it: then what fits is
    shown, and always the line of the cursor.
    """

    def __init__(self) -> None:
        self.cursor = Cursor()
        self.colours = Colours()
        self._rows: dict[int, Row] = {}
        self._strips: dict[int, Strip] = {}
        self._cols = 0
        self._height = 0
        self._top = 0
        self._styles: TerminalStyles | None = None
        self._beyond = RichStyle()
        self._cursor_style: RichStyle | None = None

    def dress(self, styles: TerminalStyles, beyond: RichStyle) -> None:
        """Take new colours; every strip is made anew.

        Args:
            beyond: The style of cells that are not the program's.
        """
        self._styles, self._beyond = styles, beyond
        self._strips.clear()

    def take(self, frame: Frame, size: Size) -> list[Region]:
        """Take a frame, and give the regions of the widget that look other than before."""
        changed = {y for y, row in frame.rows.items() if self._rows.get(y) != row}
        self._rows.update(frame.rows)
        old, self.cursor = self.cursor, frame.cursor
        if old != frame.cursor:
            changed |= {old.y, frame.cursor.y}
        top = max(0, min(frame.cursor.y - size.height + 1, frame.height - size.height))
        before = (self._cols, self._height, self._top, self.colours)
        self._cols, self._height, self._top, self.colours = frame.cols, frame.height, top, frame.colours
        for gone in [y for y in self._rows if y >= frame.height]:
            del self._rows[gone]
        if before != (frame.cols, frame.height, top, frame.colours):
            self._strips.clear()
            return [size.region]
        for y in changed:
            self._strips.pop(y, None)
        shown = (y - top for y in sorted(changed) if top <= y < top + size.height)
        return _merged(list(shown), size.width)

    def show_cursor(self, style: RichStyle | None) -> Region | None:
        """Draw the cursor in a style, or not at all; gives the region that changed."""
        if style == self._cursor_style:
            return None
        self._cursor_style = style
        return Region(0, self.cursor.y - self._top, max(1, self._cols), 1)

    def cursor_cell(self) -> tuple[int, int]:
        """Give the cursor's column and line in the widget."""
        return self.cursor.x, self.cursor.y - self._top

    def strips(self, crop: Region) -> list[Strip]:
        """Give the strips of a region of the widget, each exactly as wide as the region."""
        return [self._strip(self._top + y, crop) for y in range(crop.y, crop.bottom)]

    def _strip(self, y: int, crop: Region) -> Strip:
        row = self._rows.get(y, _EMPTY)
        with_cursor = self._cursor_style is not None and self.cursor.visible and y == self.cursor.y
        if with_cursor or crop.x > 0 or crop.width < self._cols:
            return self._make(row, crop.x, crop.right, with_cursor)
        strip = self._strips.get(y)
        if strip is None or strip.cell_length != crop.width:
            strip = self._strips[y] = self._make(row, crop.x, crop.right, with_cursor)
        return strip

    def _make(self, row: Row, start: int, end: int, with_cursor: bool) -> Strip:
        segments: list[Segment] = []
        if with_cursor:
            x, cell = self.cursor.x, self._cursor_run(row)
            segments += self._segments(row.cut(start, min(x, end)))
            if start <= x < end:
                segments.append(cell)
                x += cell.cell_length if x + 1 < end else 1
            segments += self._segments(row.cut(max(start, x), end))
        else:
            segments += self._segments(row.cut(start, end))
        covered = min(end, self._cols if row.runs else 0)
        if covered < end:
            segments.append(Segment(" " * (end - max(start, covered)), self._beyond))
        return Strip(segments, end - start)

    def _segments(self, row: Row) -> list[Segment]:
        styles = self._styles
        if styles is None:
            return [Segment(run.text) for run in row.runs]
        return [
            Segment(" " * run.cells if run.style.invisible else run.text, styles.rich(run.style))
            for run in row.runs
        ]
