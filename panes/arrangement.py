"""Which window is where: a pure value, no widget. Focus moves only when a person says so."""

from dataclasses import dataclass, replace
from typing import Literal

Shape = Literal["wide", "middle", "narrow", "tiny"]


def shape_of(columns: int, rows: int) -> Shape:
    """Return how a screen of this size is laid out.

    wide: rail and two panes; middle: rail and one; narrow: a strip and one; tiny: one pane and a status line.
    """
    if columns < 60 or rows < 16:
        return "tiny"
    if columns < 100 or rows < 22:
        return "narrow"
    if columns < 140 or rows < 34:
        return "middle"
    return "wide"


@dataclass(frozen=True, slots=True)
class Desk:
    """The two places for windows and which of them has the focus.

    `second` holds one window, the Manager's unless it is in the first place; a window that is asked for and not visible
    takes the first place, so that the one below stays put and no terminal changes its size for a glance. `last` had the
    focus before.
    """

    first: str = ""
    second: str = ""
    focus: str = ""
    last: str = ""
    zoomed: bool = False

    def focused(self, window: str) -> "Desk":
        """Return the desk with the focus on a window, bringing it into view when it is not."""
        if window == self.focus:
            return self
        first = self.first if window in (self.first, self.second) else window
        return replace(self, first=first, focus=window, last=self.focus)

    def with_zoom(self, zoomed: bool) -> "Desk":
        """Return the desk with the focused window alone on screen, or not."""
        return replace(self, zoomed=zoomed)

    def visible(self, shape: Shape) -> tuple[str, ...]:
        """Return the windows on screen, the upper one first."""
        if shape != "wide" or self.zoomed or not self.second or self.second == self.first:
            return (self.focus,)
        return (self.first, self.second)


def set_up(windows: tuple[str, ...], manager: str, focus: str, beside: str = "") -> Desk:
    """Return the desk a session opens with: `focus` above, the Manager below; `beside` above if that is the Manager."""
    others = tuple(window for window in windows if window != manager)
    if not others:
        return Desk(first=manager, focus=manager)
    first = next((window for window in (focus, beside) if window in others), others[0])
    return Desk(first=first, second=manager, focus=focus or first)


def step(windows: tuple[str, ...], window: str, by: int) -> str:
    """Return the window `by` places further in the list, round its ends."""
    if not windows:
        return window
    at = windows.index(window) if window in windows else 0
    return windows[(at + by) % len(windows)]
