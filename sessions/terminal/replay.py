"""Brings an emulator to where a recording leads."""

from __future__ import annotations

from pathlib import Path

from sessions.terminal.emulator import LONGEST_SIDE, Emulator
from sessions.terminal.recording import read_recording


def replay(path: Path, *, until: float | None = None) -> Emulator:
    """Give an emulator in the state a recording had after `until` seconds, or at its end.

    Raises:
        AgentError: If the recording cannot be read.
    """
    recorded, events = read_recording(path)
    emulator = Emulator(_side(recorded.cols), _side(recorded.rows))
    for event in events:
        if until is not None and event.at > until:
            break
        if event.code == "o":
            emulator.feed(event.data.encode(errors="replace"))
        elif event.code == "r":
            cols, _, rows = event.data.partition("x")
            if cols.isdecimal() and rows.isdecimal():
                emulator.resize(_side(int(cols)), _side(int(rows)))
    return emulator


def _side(cells: int) -> int:
    return min(max(1, cells), LONGEST_SIDE)
