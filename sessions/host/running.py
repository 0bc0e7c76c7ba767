"""A turn under way, as the host and late screens see it. Knows neither log nor agents' ways."""

from collections import deque
from dataclasses import dataclass, field

from sessions.agents.protocol import Agent

_KEPT = 1_000_000
"""Letters of a running turn's output kept for screens that attach later; the whole goes into its transcript."""


@dataclass(slots=True)
class Running:
    """A turn from just before its start is logged until its end is: who works where, and what was shown so far.

    `since` is the log's last sequence number before the turn's own events. `halted` forbids the agent to begin, for a
    halt that came between the turn's being logged and its agent's being told. `overdue` says that its time was up.
    """

    turn: str
    window: str
    agent: Agent
    since: int
    halted: bool = False
    overdue: bool = False
    _pieces: deque[tuple[str, str]] = field(default_factory=deque[tuple[str, str]])
    _size: int = 0

    def say(self, kind: str, text: str) -> None:
        """Remember a piece of output, and forget the oldest when there is too much."""
        self._pieces.append((kind, text))
        self._size += len(text)
        while self._size > _KEPT and len(self._pieces) > 1:
            self._size -= len(self._pieces.popleft()[1])

    @property
    def pieces(self) -> list[tuple[str, str]]:
        """What was shown so far, in order, pieces of one kind that follow each other taken together."""
        found: list[tuple[str, list[str]]] = []
        for kind, text in self._pieces:
            if found and found[-1][0] == kind:
                found[-1][1].append(text)
            else:
                found.append((kind, [text]))
        return [(kind, "".join(texts)) for kind, texts in found]
