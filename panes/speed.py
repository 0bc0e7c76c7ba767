"""How fast a window speaks right now, from the pieces as they come. Pure: times in seconds of any clock go in."""

from collections import deque

SPAN = 5.0
"""Seconds over which the speed is taken."""


class SpeedMeter:
    """Tokens a second of one window. None while nothing is spoken, and until there is enough to tell."""

    def __init__(self) -> None:
        self._pieces: deque[tuple[float, int]] = deque()
        self._began = 0.0

    def add(self, tokens: int, at: float) -> None:
        """Count tokens that came at a time."""
        if not self._pieces:
            self._began = at
        self._pieces.append((at, tokens))

    def rate(self, at: float) -> float | None:
        """Return the tokens a second at a time, over the last few seconds."""
        while self._pieces and self._pieces[0][0] < at - SPAN:
            self._pieces.popleft()
        spoken = min(SPAN, at - self._began)
        if not self._pieces or spoken < 0.5:
            return None
        return sum(tokens for _, tokens in self._pieces) / spoken
