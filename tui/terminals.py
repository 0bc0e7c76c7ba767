"""The windows that are terminals: loaded with the first of them, fed with bytes, told who has the keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.widget import Widget

from sessions.client.updates import PaneSnapshot, SessionSource
from sessions.errors import AgentError
from tui.bridge import Batch

if TYPE_CHECKING:
    from panes.terminal import TerminalPane


class Terminals:
    """The terminal panes of a session by window. The emulator is loaded with the first of them.

    Args:
        reserved: Keys that never reach a program.
    """

    def __init__(self, source: SessionSource, reserved: frozenset[str]) -> None:
        self._source = source
        self._reserved = reserved
        self._panes: dict[str, TerminalPane] = {}
        self._damaged: dict[str, str] = {}
        self._typist = True

    def open(self, window: str) -> Widget:
        """Return a new terminal pane for a window."""
        from panes.terminal import TerminalPane

        pane = TerminalPane(id=f"terminal-{window}")
        pane.reserved = self._reserved
        self._panes[window] = pane
        return pane

    def take(self, batch: Batch) -> None:
        """Feed what has come; bytes for a window that is no terminal are nobody's."""
        if batch.typist is not None:
            self._typist = batch.typist
            for pane in self._panes.values():
                pane.owns_size = batch.typist
        for update in batch.panes:
            pane = self._panes.get(update.window)
            if pane is None:
                continue
            if isinstance(update, PaneSnapshot):
                self._load(pane, update)
            else:
                pane.feed(update.data)

    def _load(self, pane: TerminalPane, snapshot: PaneSnapshot) -> None:
        self._damaged.pop(snapshot.window, None)
        try:
            pane.load_snapshot(snapshot.data, snapshot.columns, snapshot.rows)
        except AgentError as error:
            self._damaged[snapshot.window] = error.what

    def words(self, window: str) -> str:
        """Return what the frame of a window has to add: who else types, that the view is scrolled back."""
        pane = self._panes.get(window)
        if pane is None:
            return ""
        words = ["another screen types"] if not self._typist else []
        if pane.scrolled_back:
            words.append(f"SCROLLED BACK {pane.scrolled_back}")
        if window in self._damaged:
            words.append(self._damaged[window])
        return "  ".join(words)

    def hand_keys(self, window: str, *, to_program: bool) -> None:
        """Say who has the keys while a terminal has the focus. Called only when the person turns to it."""
        pane = self._panes.get(window)
        if pane is not None:
            pane.read_only = not to_program

    def has_keys(self, widget: Widget) -> bool:
        """Say whether a widget is a terminal whose program gets the keys."""
        return any(widget is pane and not pane.read_only for pane in self._panes.values())

    def type_into(self, widget: Widget, data: bytes) -> None:
        """Send what was typed at a terminal to its program."""
        for window, pane in self._panes.items():
            if pane is widget:
                self._source.type_into(window, data)

    def send_key(self, window: str, data: bytes) -> None:
        """Send bytes to a window's program, if it is a terminal whose program gets the keys."""
        pane = self._panes.get(window)
        if pane is not None and not pane.read_only:
            self._source.type_into(window, data)

    def resize(self, widget: Widget, columns: int, rows: int) -> None:
        """Tell the program of a terminal its size."""
        for window, pane in self._panes.items():
            if pane is widget:
                self._source.resize_pane(window, columns, rows)
