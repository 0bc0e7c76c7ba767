"""Packs a terminal's history while its program is quiet, in steps too small to be noticed."""

from __future__ import annotations

import time

from sessions.terminal.emulator import Emulator
from sessions.terminal.pane_thread import PaneThread

QUIET = 2.0
"""Seconds without output after which the history is packed."""


class HistoryPacker:
    """Packs one emulator's history. For the pane thread; wakes it only while there is something to pack."""

    def __init__(self, thread: PaneThread, emulator: Emulator) -> None:
        self._thread, self._emulator = thread, emulator
        self._last_output = 0.0
        self._planned = False

    def note_output(self) -> None:
        """Remember that the program wrote something just now."""
        self._last_output = time.monotonic()
        if not self._planned:
            self._planned = True
            self._thread.after(QUIET, self._pack)

    def _pack(self) -> None:
        quiet = time.monotonic() - self._last_output
        if quiet < QUIET:
            self._thread.after(QUIET - quiet, self._pack)
        elif self._emulator.compress():
            self._thread.after(0.0, self._pack)
        else:
            self._planned = False
