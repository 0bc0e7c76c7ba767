"""Doubles for the tests of the model agent: a model that follows a script, and the host's side of a turn."""

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sessions.agents.model_agent import ModelAgent
from sessions.agents.protocol import DeltaKind, TransitionReply, TurnOrder
from sessions.events import Event
from sessions.models.protocol import (
    Finished,
    Message,
    ModelEvent,
    ModelFacts,
    ModelRequest,
    TextDelta,
    ToolCall,
    ToolCallDelta,
    Usage,
)
from sessions.prompts import Prompt, part
from sessions.transitions.schema import ContractFault, parse

VERDICT = {"verdict": "fail", "diagnosis": "off by one", "rec_action": "retask", "pointer": "a.py / add / test_add"}
MARKER = "0123456789ab"
PRICE = Usage(100, 10, cost=0.5)

Script = Sequence[ModelEvent | Callable[[], Awaitable[None]]]


@dataclass
class ScriptedClient:
    """A model that answers from a script; a callable in it is awaited where it stands."""

    answers: list[Script]
    tools: bool = True
    requests: list[ModelRequest] = field(default_factory=list)
    open: int = 0

    def facts(self, model: str) -> ModelFacts:
        return ModelFacts(model, tools=self.tools)

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent]:
        self.requests.append(request)
        self.open += 1
        try:
            for step in self.answers[len(self.requests) - 1]:
                if callable(step):
                    await step()
                else:
                    yield step
        finally:
            self.open -= 1

    async def close(self) -> None:
        raise AssertionError("the agent does not own the client")


@dataclass
class RecordingSink:
    """The host's side of a turn, with the door's own validation."""

    deltas: list[tuple[str, str]] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    calls: list[tuple[str, str, str]] = field(default_factory=list)
    accepted: list[Any] = field(default_factory=list)
    at_the_door: asyncio.Event | None = None
    open_door: asyncio.Event | None = None

    def delta(self, kind: DeltaKind, text: str) -> None:
        text.encode()
        self.deltas.append((kind, text))

    async def record(self, *events: Event) -> None:
        for event in events:
            event.model_dump_json()
        self.events.extend(events)

    async def call(self, tool: str, arguments: str, key: str) -> TransitionReply:
        f"{tool}{arguments}{key}".encode()
        self.calls.append((tool, arguments, key))
        if self.at_the_door is not None and self.open_door is not None:
            self.at_the_door.set()
            await self.open_door.wait()
        try:
            self.accepted.append(parse(tool, arguments))
        except ContractFault as fault:
            return TransitionReply(False, str(fault))
        return TransitionReply(True, "accepted; your turn is over")

    def shown(self, kind: str) -> str:
        return "".join(text for one, text in self.deltas if one == kind)

    def of(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]


@dataclass
class Artefacts:
    kept: list[str] = field(default_factory=list)

    async def keep(self, text: str) -> str:
        text.encode()
        self.kept.append(text)
        return f"sha-{len(self.kept)}"


def audit_order(clone: Path) -> TurnOrder:
    """An Auditor's turn with the whole toolbox."""
    prompt = Prompt("You are the Auditor.", (part("task", "the task", "Add two numbers."),), MARKER)
    return TurnOrder(
        "t007", "w3", "auditor", prompt, ("submit_verdict",), "token",
        toolbox=("list_files", "read_file", "search", "write_file", "edit_file", "run"), clone=clone,
    )  # fmt: skip


def agent(client: ScriptedClient, artefacts: Artefacts, **settings: Any) -> ModelAgent:
    return ModelAgent("w3", "scripted/auditor", client, keep=artefacts.keep, **settings)


def call(name: str, arguments: object, id: str = "c1") -> ToolCall:
    return ToolCall(id, name, arguments if isinstance(arguments, str) else json.dumps(arguments))


def says(text: str, *calls: ToolCall, usage: Usage = PRICE, complete: bool = True) -> Script:
    """A streamed answer: its text and its calls in pieces, then the whole."""
    pieces: list[ModelEvent] = [TextDelta(text[:3]), TextDelta(text[3:])] if text else []
    for index, one in enumerate(calls):
        pieces.append(ToolCallDelta(index, one.name, ""))
        pieces.extend(ToolCallDelta(index, "", one.arguments[at : at + 9]) for at in range(0, len(one.arguments), 9))
    reason = "tool_calls" if calls else "stop"
    return [*pieces, Finished(Message("assistant", text, calls), usage, reason, complete=complete)]


VERDICT_CALL = call("submit_verdict", VERDICT, "call-9")
