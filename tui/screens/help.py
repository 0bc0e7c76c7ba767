"""The help screen: every key that works now, and why the others do not."""

from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from sessions.state import SessionState
from tui.keymap import Keymap, key_words
from tui.screens.finder import CommandFinder


class HelpScreen(CommandFinder):
    """Gives the id of the command chosen, so that help is also a way to do it."""

    def __init__(self, keymap: Keymap, state: SessionState, window: str) -> None:
        super().__init__("HELP", "every key that works now; type to filter", keymap, state, window)

    def body(self) -> ComposeResult:
        prefix = key_words(self._keymap.prefix)
        lines = [
            f"NAV: letters at once.  PASS, EDIT: {prefix}, then the letter.  F-keys: always.",
            f"{prefix}{prefix} sends it.  PgUp PgDn Home End scroll, Enter shows what was said.",
        ]
        yield Static(Content.styled("\n".join(lines), "$muted"), classes="dialog-prompt", markup=False)
        yield from super().body()
