"""What every app of ours shares: palettes and sheets, no keys of the library's own, a crash report without secrets."""

import os
from typing import TypeVar

import rich
from rich.segment import Segments
from textual.app import App
from textual.binding import Binding

from panes.glyphs import ASCII, UNICODE, Glyphs
from themes import Palette, sheets
from tui.theming import choose, theme_of

Ending = TypeVar("Ending")


def speaks_utf8() -> bool:
    """Say whether the terminal shows more than ASCII, going by the locale and the kind of terminal."""
    locale = os.environ.get("LC_ALL") or os.environ.get("LC_CTYPE") or os.environ.get("LANG") or ""
    return os.environ.get("TERM") != "linux" and "utf" in locale.lower().replace("-", "")


def glyphs_for(ascii_only: bool | None) -> Glyphs:
    """Return the set of shapes; None asks the environment."""
    return ASCII if (not speaks_utf8() if ascii_only is None else ascii_only) else UNICODE


class PaintedApp(App[Ending]):
    """An app in one of our palettes; None chooses by the environment."""

    TITLE = "Quarterdeck"
    ENABLE_COMMAND_PALETTE = False
    ESCAPE_TO_MINIMIZE = False
    BINDINGS = [
        Binding("ctrl+q", "nothing", show=False),
        Binding("ctrl+c", "nothing", show=False, system=True),
    ]

    def __init__(self, palette: Palette | None = None) -> None:
        palette = palette or choose("quarterdeck-dark", os.environ)
        # Decided here, because a theme of the terminal's own colours cannot be changed to once the filters are made.
        super().__init__(css_path=[*sheets()], ansi_color=True if palette.ansi else None)
        self.register_theme(theme_of(palette))
        self.theme = palette.name

    def action_nothing(self) -> None:
        """Take away what the library binds by default: nothing quits by accident."""

    def _fatal_error(self) -> None:
        """Report a crash without the values of local variables, which may hold what an agent or a provider said."""
        from rich.traceback import Traceback

        self.bell()
        traceback = Traceback(show_locals=False, width=None, suppress=[rich])
        self._exit_renderables.append(Segments(self.console.render(traceback, self.console.options)))
        self._close_messages_no_wait()
