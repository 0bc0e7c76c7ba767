"""From a terminal's styles to Rich's, in the theme's colours."""

from __future__ import annotations

from collections.abc import Sequence

from rich.color import Color as RichColor
from rich.segment import Segment
from rich.style import Style as RichStyle
from textual.color import Color
from textual.filter import LineFilter

from sessions.terminal.screen import Colour, Colours, Style

_MOST_STYLES = 4096
"""Styles remembered; a program that paints gradients makes millions."""


class TerminalStyles:
    """Gives Rich styles and remembers them, for one theme and one set of the program's own colours.

    Args:
        base: Foreground and background of plain text.
        filters: What the app does to every line: colours of the theme, dim text, no colours at all.
        background: What is behind the terminal.
        blink: Whether blinking text may blink.
    """

    def __init__(
        self,
        base: RichStyle,
        filters: Sequence[LineFilter],
        background: Color,
        colours: Colours,
        *,
        blink: bool,
    ) -> None:
        self._filters, self._background, self._blink = filters, background, blink
        self._palette = dict(colours.palette)
        self._base = base + RichStyle(color=self._colour(colours.foreground), bgcolor=self._colour(colours.background))
        self._reversed = colours.reversed
        self._known: dict[Style, RichStyle] = {}

    def rich(self, style: Style) -> RichStyle:
        """Give the Rich style of a run. Underlines other than single and double fall back to single."""
        found = self._known.get(style)
        if found is None:
            if len(self._known) >= _MOST_STYLES:
                self._known.clear()
            found = self._known[style] = self.filtered(self._make(style))
        return found

    def filtered(self, style: RichStyle) -> RichStyle:
        """Give a style as the app's filters leave it."""
        segments = [Segment(" ", style)]
        for line_filter in self._filters:
            segments = line_filter.apply(segments, self._background)
        return segments[0].style or RichStyle()

    def _make(self, style: Style) -> RichStyle:
        return self._base + RichStyle(
            color=self._colour(style.foreground),
            bgcolor=self._colour(style.background),
            bold=style.bold or None,
            dim=style.dim or None,
            italic=style.italic or None,
            blink=(style.blink and self._blink) or None,
            reverse=(style.inverse != self._reversed) or None,
            strike=style.strike or None,
            overline=style.overline or None,
            underline=style.underline not in ("none", "double") or None,
            underline2=style.underline == "double" or None,
            link=style.link or None,
        )

    def _colour(self, colour: Colour) -> RichColor | None:
        if colour is None:
            return None
        if isinstance(colour, int):
            changed = self._palette.get(colour)
            return RichColor.from_ansi(colour) if changed is None else RichColor.from_rgb(*changed)
        return RichColor.from_rgb(*colour)
