"""When a terminal's next frame may be shown. Pure: the time is passed in, in seconds of any steady clock."""

from __future__ import annotations

import math
from dataclasses import dataclass

FRAME = 1 / 60
ECHO = 0.05
"""Seconds after a key within which what comes is painted at once: it is most likely the key's echo."""

LONGEST_HOLD = 0.15
"""Seconds for which a program may ask not to be drawn."""


@dataclass(slots=True)
class FramePace:
    """Keeps one terminal to sixty frames a second, and lets an echo through at once."""

    shown_at: float = -math.inf
    typed_at: float = -math.inf
    held_since: float | None = None

    def wait(self, now: float, *, held: bool) -> float:
        """Give the seconds until the next frame may be shown; 0 for now.

        Args:
            held: Whether the program is in the middle of an update.
        """
        if not held:
            self.held_since = None
        elif self.held_since is None:
            self.held_since = now
        if self.held_since is not None and now - self.held_since < LONGEST_HOLD:
            return self.held_since + LONGEST_HOLD - now
        return 0.0 if self.echoes(now) else max(0.0, self.shown_at + FRAME - now)

    def echoes(self, now: float) -> bool:
        """Whether what comes now is most likely the echo of a key."""
        return 0.0 <= now - self.typed_at < ECHO
