"""What a script is told and what it answers."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from sessions.models.protocol import Message, ModelRequest
from sessions.prompts import read_parts

LABEL = "Rehearsal: scripted, no AI."
"""Stands where a role begins something that a reader could take for a model's own thought."""


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call to make."""

    name: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer: what is thought, said and called."""

    text: str
    reasoning: str = ""
    calls: tuple[Call, ...] = ()


@dataclass(frozen=True, slots=True)
class Done:
    """A tool call that was made in this turn and what came back."""

    name: str
    arguments: Mapping[str, Any]
    result: str


@dataclass(frozen=True, slots=True)
class Exchange:
    """A turn as the conversation tells it: the prompt's parts, the tools offered and what was done since the prompt."""

    parts: Mapping[str, str]
    tools: frozenset[str] = frozenset()
    done: tuple[Done, ...] = ()

    def part(self, name: str) -> str:
        """Return a part's text without blank ends and without what no reply may hold; empty when absent."""
        return self.parts.get(name, "").encode("utf-8", "replace").decode("utf-8").strip()

    @property
    def note(self) -> str:
        """What the person added, on one line."""
        return " ".join(self.part("note").split())

    def results(self, *names: str) -> tuple[Done, ...]:
        """Return what was done with these tools, in order."""
        return tuple(done for done in self.done if done.name in names)


def read_exchange(request: ModelRequest) -> Exchange:
    """Read a turn from a conversation: the last message that holds parts begins it."""
    parts: dict[str, str] = {}
    start = 0
    for index, message in enumerate(request.messages):
        found = read_parts(message.content) if message.role == "user" else {}
        if found:
            parts, start = found, index + 1
    since = request.messages[start:]
    return Exchange(parts, frozenset(tool.name for tool in request.tools), _done(since))


def clip(text: str, limit: int) -> str:
    """Return a text on one line of at most `limit` letters."""
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def acknowledge(note: str, obeyed: bool) -> str:
    """Say that a note was read, and whether this role has a script for it; empty without a note."""
    if not note:
        return ""
    done = "done so." if obeyed else "read; my script knows no such order, so it changes nothing here."
    return f"Your note “{clip(note, 80)}”: {done}"


def sentences(*parts: str) -> str:
    """Join what there is to say, a paragraph each."""
    return "\n\n".join(part for part in parts if part)


def _done(messages: Sequence[Message]) -> tuple[Done, ...]:
    results = {message.tool_call_id: message.content for message in messages if message.role == "tool"}
    calls = (call for message in messages for call in message.tool_calls)
    return tuple(Done(call.name, _arguments(call.arguments), results[call.id]) for call in calls if call.id in results)


def _arguments(text: str) -> Mapping[str, Any]:
    try:
        read: object = json.loads(text or "{}")
    except ValueError:
        return {}
    return cast("dict[str, Any]", read) if isinstance(read, dict) else {}
