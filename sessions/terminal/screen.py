"""What a terminal shows, as plain values: runs of text with a style, rows of runs, the cursor, the modes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

Rgb: TypeAlias = tuple[int, int, int]
"""Red, green and blue, each from 0 to 255."""

Colour: TypeAlias = int | Rgb | None
"""A palette index from 0 to 255, an exact colour, or None for the terminal's default."""

Underline: TypeAlias = Literal["none", "single", "double", "curly", "dotted", "dashed"]
CursorShape: TypeAlias = Literal["block", "bar", "underline", "hollow"]


@dataclass(frozen=True, slots=True)
class Style:
    """How a run of text is drawn."""

    foreground: Colour = None
    background: Colour = None
    bold: bool = False
    dim: bool = False
    italic: bool = False
    blink: bool = False
    inverse: bool = False
    invisible: bool = False
    strike: bool = False
    overline: bool = False
    underline: Underline = "none"
    underline_colour: Colour = None
    link: str = ""
    """The address of a hyperlink (OSC 8), printable ASCII only; empty when there is none or it was unfit."""


PLAIN = Style()
"""The style of text that nothing was asked for."""


@dataclass(frozen=True, slots=True)
class Run:
    """Neighbouring cells of one style."""

    text: str
    """Printable: control characters, bidirectional overrides and lone surrogates have been made visible."""

    style: Style
    cells: int
    """How many cells the run covers. Not `len(text)`: a wide character covers two, a cluster is many."""

    pieces: tuple[str, ...] = ()
    """What each cell shows, nothing for the second half of a wide character; empty where it is one character
    each.
    """

    def cut(self, start: int, end: int) -> Run:
        """Give the cells from `start` up to `end`. A wide character cut in half becomes spaces."""
        if start <= 0 and end >= self.cells:
            return self
        start, end = max(0, start), max(start, min(end, self.cells))
        if not self.pieces:
            return Run(self.text[start:end], self.style, end - start)
        pieces = list(self.pieces[start:end])
        if pieces and not pieces[0]:
            pieces[0] = " "
        if pieces and end < self.cells and not self.pieces[end]:
            pieces[-1] = " "
        return Run("".join(pieces), self.style, end - start, tuple(pieces))


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the screen, from the first cell to the last; the runs' cells add up to the columns."""

    runs: tuple[Run, ...]

    @property
    def text(self) -> str:
        """The row's text, with trailing spaces."""
        return "".join(run.text for run in self.runs)

    def cut(self, start: int, end: int) -> Row:
        """Give the cells from `start` up to `end`, as far as there are any."""
        runs: list[Run] = []
        at = 0
        for run in self.runs if start < end else ():
            if start < at + run.cells and at < end:
                runs.append(run.cut(start - at, end - at))
            at += run.cells
        return Row(tuple(runs))


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where the cursor is in the part of the screen that is shown, and how it looks."""

    x: int = 0
    y: int = 0
    visible: bool = True
    """False when the program hid it, or when the view is scrolled back to where the cursor is not."""

    shape: CursorShape = "block"
    blinking: bool = False
    hides_input: bool = False
    """The program seems to ask for a password."""


@dataclass(frozen=True, slots=True)
class Colours:
    """Colours that the program itself set (OSC 4, 10, 11, 12); None or absent where the theme's stand."""

    foreground: Rgb | None = None
    background: Rgb | None = None
    cursor: Rgb | None = None
    palette: tuple[tuple[int, Rgb], ...] = ()
    reversed: bool = False
    """Foreground and background are exchanged for the whole screen (DECSCNM)."""


@dataclass(frozen=True, slots=True)
class Frame:
    """What changed since the frame before.

    Args:
        rows: The changed rows by their line, 0 at the top of the view.
        cols: Columns of the whole screen.
        height: Rows of the whole screen.
    """

    rows: Mapping[int, Row]
    cols: int
    height: int
    cursor: Cursor
    colours: Colours


@dataclass(frozen=True, slots=True)
class Modes:
    """What the program has switched on."""

    alternate_screen: bool = False
    bracketed_paste: bool = False
    mouse_tracking: bool = False
    application_cursor_keys: bool = False
    alternate_scroll: bool = False
    """On the alternate screen the wheel is to be sent as arrow keys (1007)."""

    focus_events: bool = False
    kitty_keyboard: int = 0
    """Flags of the kitty keyboard protocol."""


@dataclass(frozen=True, slots=True)
class Scrollback:
    """Where the view stands in everything that is kept, in rows."""

    total: int
    """Rows kept: history and screen."""

    above: int
    """Rows above the view."""

    below: int
    """Rows below the view; 0 when it follows the program."""
