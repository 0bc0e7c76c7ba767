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
        self._cursor_shown = False

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

    def show_cursor(self, shown: bool) -> Region | None:
        """Draw the cursor or not; gives the region that changed."""
        if shown == self._cursor_shown:
            return None
        self._cursor_shown = shown
        return Region(0, self.cursor.y - self._top, max(1, self._cols), 1)

    def cursor_cell(self) -> tuple[int, int]:
        """Give the cursor's column and line in the widget."""
        return self.cursor.x, self.cursor.y - self._top

    def strips(self, crop: Region) -> list[Strip]:
        """Give the strips of a region of the widget, each exactly as wide as the region."""
        return [self._strip(self._top + y, crop) for y in range(crop.y, crop.bottom)]

    def _strip(self, y: int, crop: Region) -> Strip:
        row = self._rows.get(y, _EMPTY)
        if self._cursor_shown and self.cursor.visible and y == self.cursor.y:
            return self._make(self._around_cursor(row), crop)
        if crop.x > 0 or crop.right < self._cols:
            return self._make([(row, False)], crop)
        strip = self._strips.get(y)
        if strip is None or strip.cell_length != crop.width:
            strip = self._strips[y] = self._make([(row, False)], crop)
        return strip

    def _around_cursor(self, row: Row) -> list[tuple[Row, bool]]:
        """Split a row before and after the cell under the cursor, which may be two cells wide."""
        x = self.cursor.x
        under = row.cut(x, x + 2)
        after = x + (2 if under.runs and under.runs[0].pieces[1:2] == ("",) else 1)
        return [(row.cut(0, x), False), (row.cut(x, after), True), (row.cut(after, self._cols), False)]

    def _make(self, parts: list[tuple[Row, bool]], crop: Region) -> Strip:
        """Make the strip of a region from a row's parts, of which one may be under the cursor."""
        segments: list[Segment] = []
        at = 0
        for part, under_cursor in parts:
            cut = part.cut(crop.x - at, crop.right - at)
            segments += [self._segment(run, under_cursor) for run in cut.runs]
            at += sum(run.cells for run in part.runs)
        blank = crop.right - max(crop.x, at)
        if blank > 0:
            segments.append(Segment(" " * blank, self._beyond))
        return Strip(segments, crop.width)

    def _segment(self, run: Run, under_cursor: bool) -> Segment:
        style = RichStyle() if self._styles is None else self._styles.rich(run.style)
        if under_cursor:
            style += self._cursor_style(style)
        return Segment(" " * run.cells if run.style.invisible else run.text, style)

    def _cursor_style(self, style: RichStyle) -> RichStyle:
        """Give what the cursor changes in a cell: it must also be seen on text that is reversed or underlined."""
        if self.cursor.shape == "underline":
            return RichStyle(underline=not style.underline)
        return RichStyle(reverse=not style.reverse)


def _merged(lines: list[int], width: int) -> list[Region]:
    """Give the regions of lines, neighbours together: the compositor looks at each region on its own."""
    regions: list[Region] = []
    for y in lines:
        if regions and regions[-1].bottom == y:
            regions[-1] = Region(0, regions[-1].y, width, regions[-1].height + 1)
        else:
            regions.append(Region(0, y, width, 1))
    return regions
