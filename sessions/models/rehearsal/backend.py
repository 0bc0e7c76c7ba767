"""The model client of the rehearsal: streams what the scripts answer at a believable speed."""

import asyncio
import hashlib
import json
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator

from sessions.models.protocol import (
    Failed,
    Finished,
    Message,
    ModelEvent,
    ModelFacts,
    ModelRequest,
    ReasoningDelta,
    TextDelta,
    ToolCall,
    ToolCallDelta,
    Usage,
)
from sessions.models.rehearsal.answer import Answer
from sessions.models.rehearsal.scripts import respond
from sessions.prompts import estimate_tokens

PREFIX = "rehearsal/"
"""Begins the name of every rehearsal model."""

_FIRST_TOKEN = 0.25
"""Seconds before the first word at pace 1."""
_SLOWEST, _SPREAD = 45, 15
"""Tokens a second at pace 1, and by how much one answer may be faster than another."""
_CALL_FACTOR = 5
"""How much faster a tool call's arguments come: nobody reads JSON word by word."""


class RehearsalModels:
    """A `ModelClient` whose models are scripts. It keeps nothing between requests.

    Args:
        pace: Factor on every wait: 1 is believable, 2 takes twice as long, 0 does not wait at all.
        sleep: Waits for so many seconds; the tests give their own.
    """

    def __init__(self, pace: float = 1.0, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._pace = max(pace, 0.0)
        self._sleep = sleep

    def facts(self, model: str) -> ModelFacts:
        """Return the facts of a rehearsal model: it costs nothing and calls tools."""
        return ModelFacts(model, context_window=200_000, input_price=0.0, output_price=0.0, rehearsal=True)

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent]:
        """Yield the scripted answer: reasoning, text, tool call fragments, `Finished`."""
        if not request.model.startswith(PREFIX):
            yield Failed("unknown_model", f"{request.model} is no rehearsal model; their names begin with {PREFIX}")
            return
        answer = respond(request)
        mark = _mark(request)
        await self._wait(_FIRST_TOKEN)
        rate = _SLOWEST + int(mark[:2], 16) % (_SPREAD + 1)
        for event, tokens in _pieces(answer):
            yield event
            await self._wait(tokens / rate)
        yield _finished(request, answer, mark)

    async def close(self) -> None:
        """Nothing was started, so nothing is ended."""

    async def _wait(self, seconds: float) -> None:
        if self._pace:
            await self._sleep(seconds * self._pace)


def _pieces(answer: Answer) -> Iterator[tuple[ModelEvent, float]]:
    """Yield each event of an answer with the tokens it stands for."""
    for word in _words(answer.reasoning):
        yield ReasoningDelta(word), estimate_tokens(word)
    for word in _words(answer.text):
        yield TextDelta(word), estimate_tokens(word)
    for index, call in enumerate(answer.calls):
        yield ToolCallDelta(index, call.name, ""), 1
        for fragment in _words(json.dumps(call.arguments, ensure_ascii=False)):
            yield ToolCallDelta(index, call.name, fragment), estimate_tokens(fragment) / _CALL_FACTOR


def _words(text: str) -> list[str]:
    return re.findall(r"\s*\S+\s*", text)


def _finished(request: ModelRequest, answer: Answer, mark: str) -> Finished:
    calls = tuple(
        ToolCall(f"call_{mark}_{index}", call.name, json.dumps(call.arguments, ensure_ascii=False))
        for index, call in enumerate(answer.calls)
    )
    said = [answer.reasoning, answer.text, *(f"{call.name} {call.arguments}" for call in calls)]
    heard = [message.content for message in request.messages]
    heard += [f"{call.name} {call.arguments}" for message in request.messages for call in message.tool_calls]
    heard += [json.dumps(dict(tool.parameters)) + tool.name + tool.description for tool in request.tools]
    usage = Usage(sum(map(estimate_tokens, heard)), sum(map(estimate_tokens, said)), cost=0.0, estimated=True)
    return Finished(Message("assistant", answer.text, calls), usage, "tool_calls" if calls else "stop")


def _mark(request: ModelRequest) -> str:
    """Return a name for this conversation, so that call ids differ between turns and repeat in a repeated request."""
    told = hashlib.sha256(request.model.encode())
    for message in request.messages:
        calls = [(call.id, call.name, call.arguments) for call in message.tool_calls]
        told.update(repr((message.role, message.content, calls)).encode("utf-8", "surrogatepass"))
    return told.hexdigest()[:12]
