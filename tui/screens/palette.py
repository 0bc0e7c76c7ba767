"""The palette: find a command by typing part of its name."""

from sessions.state import SessionState
from tui.keymap import Keymap
from tui.screens.finder import CommandFinder


class CommandPalette(CommandFinder):
    """Gives the id of the command chosen."""

    def __init__(self, keymap: Keymap, state: SessionState, window: str) -> None:
        super().__init__("COMMANDS", "what do you want to do?", keymap, state, window)
