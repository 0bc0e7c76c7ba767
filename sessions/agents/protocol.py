"""What the host asks of every agent, whatever fills the role."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from sessions.events import Event
from sessions.models.protocol import Usage
from sessions.prompts import Prompt

DeltaKind = Literal["text", "reasoning", "tool", "output", "note"]
TurnEnding = Literal["transition", "no_transition", "interrupted", "failed"]


@dataclass(frozen=True, slots=True)
class TurnOrder:
    """One turn to be run: who, on what, told what, and what it may call to end it.

    `token` authorises exactly this turn at the transition door; `over` is set once a transition of it was accepted,
    through whatever way it came. `clone` is the folder the agent works in, None for a role that touches no files.
    `toolbox` names the file and run tools offered beside the transitions.
    """

    turn: str
    window: str
    role: str
    prompt: Prompt
    transitions: tuple[str, ...]
    token: str
    toolbox: tuple[str, ...] = ()
    clone: Path | None = None
    task: str = ""
    attempt: int = 0
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    over: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(frozen=True, slots=True)
class TransitionReply:
    """The door's answer to a call: accepted, or what to mend (`text`)."""

    accepted: bool
    text: str


@dataclass(frozen=True, slots=True)
class TurnReport:
    """How a turn ended. `said` is the whole transcript as text, kept as an artefact by the host."""

    ending: TurnEnding
    detail: str
    usage: Usage
    said: str
    failure: str = ""


@dataclass(frozen=True, slots=True)
class HaltProof:
    """What was seen of an agent's stopping: the last step needed, what was observed, and seconds until then."""

    stopped: bool
    step: str
    observed: str
    seconds: float


class TurnSink(Protocol):
    """Where a running turn reports to."""

    def delta(self, kind: DeltaKind, text: str) -> None:
        """Show a piece of output. Not recorded event by event; the whole goes into the turn's transcript."""
        ...

    async def record(self, *events: Event) -> None:
        """Append events to the log; returns after the commit."""
        ...

    async def call(self, tool: str, arguments: str, key: str) -> TransitionReply:
        """Call a transition tool with its JSON arguments. The same `key` twice counts once."""
        ...


class Agent(Protocol):
    """A thing that fills a role in one window for the length of a session."""

    async def run_turn(self, order: TurnOrder, sink: TurnSink) -> TurnReport:
        """Run one turn to its end. Never raises for what an agent or a model does: that is a report.

        Cancelling the task interrupts the turn at once; prefer `halt`, which proves it.
        """
        ...

    async def halt(self, *, grace: float = 2.0) -> HaltProof:
        """Interrupt the running turn and return what was seen of its stopping. Safe to repeat and when idle.

        Args:
            grace: Seconds each step of the ladder may take before the next, harder one.
        """
        ...

    async def close(self) -> None:
        """End everything the agent started. Safe to repeat."""
        ...
