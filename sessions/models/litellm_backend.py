"""Requests through litellm. The only module that imports it, and itself imported only inside the model host.

Importing it takes two seconds of processor time and some 170 MB. Facts on litellm were measured with 1.106.2.
"""

import asyncio
import contextlib
import os
from collections.abc import Callable, Mapping
from typing import Any

import litellm

from sessions.models.assembly import Assembly
from sessions.models.failures import classify, failed
from sessions.models.fleet import FleetModel
from sessions.models.host_lines import HostCall
from sessions.models.protocol import Failed, Finished, Message, ModelEvent, Usage
from sessions.models.providers import provider_of

Emit = Callable[[ModelEvent], None]

# These providers ask for the reasoning of earlier answers; others refuse a message that has it.
_WANT_REASONING_BACK = {"deepseek", "moonshot"}

# litellm's own limit must never act before ours: it says nothing and stops nothing in mid-stream.
_NEVER_FIRST = 86_400

# Reasons that say the model had more to say, or was not let finish.
_NOT_DONE = {"length", "content_filter"}

litellm.suppress_debug_info = True
litellm.disable_hf_tokenizer_download = True


async def answer(call: HostCall, emit: Emit) -> None:
    """Run one request and emit its events; the last is `Finished` or `Failed`. Cancelling closes the connection."""
    assembly = Assembly(call.request.id)
    key = os.environ.get(call.entry.needs_key, "") if call.entry.needs_key else ""
    if call.entry.needs_key and not key:
        emit(failed("no_key", f"set {call.entry.needs_key}"))
        return
    try:
        last = await _Stream(call, assembly, emit).run(key)
    except Exception as error:  # noqa: BLE001 - whatever the provider's side raises is an event, not a crash of the host.
        last = classify(error, partial=assembly.text, begun=assembly.begun)
    emit(_without(key, last) if isinstance(last, Failed) else last)


class _Stream:
    """One request on its way through litellm."""

    def __init__(self, call: HostCall, assembly: Assembly, emit: Emit) -> None:
        self._call = call
        self._assembly = assembly
        self._emit = emit
        self._loop = asyncio.get_running_loop()
        self._counted: Any = None
        self._watch = GeminiFinish() if provider_of(call.entry.model) in GeminiFinish.PROVIDERS else None

    async def run(self, key: str) -> Finished | Failed:
        limits = self._call.limits
        total, silence = asyncio.timeout(limits.total), asyncio.timeout(limits.first)
        try:
            async with total, silence:
                response: Any = await litellm.acompletion(**_arguments(self._call, key))  # pyright: ignore[reportUnknownMemberType]
                if self._watch:
                    self._watch.attach(response)
                # Leaving the loop early does not close the stream, and an open one goes on billing.
                async with contextlib.aclosing(response):
                    async for chunk in response:
                        if self._take(chunk):
                            silence.reschedule(self._loop.time() + limits.idle)
        except TimeoutError:
            if not (total.expired() or silence.expired()):
                raise
            return self._stalled(total.expired())
        return self._finish(response)

    def _take(self, chunk: Any) -> bool:
        """Show what a chunk holds; tell whether it held anything."""
        self._counted = getattr(chunk, "usage", None) or self._counted
        shown = self._assembly.take(chunk.choices[0].delta) if chunk.choices else []
        for event in shown:
            self._emit(event)
        return bool(shown)

    def _stalled(self, total: bool) -> Failed:
        limits, begun = self._call.limits, self._assembly.begun
        if total:
            detail = f"the answer was not over after {limits.total:g} s"
        else:
            detail = f"nothing for {limits.idle:g} s" if begun else f"no answer within {limits.first:g} s"
        return failed("stalled", detail, self._assembly.text)

    def _finish(self, response: Any) -> Finished | Failed:
        for event in self._assembly.end():
            self._emit(event)
        reason = self._reason(response)
        if reason == "content_filter":
            return failed("content_refused", "the provider's filter ended the answer", self._assembly.text)
        entry = self._call.entry
        # When the provider counted nothing, litellm counts for itself, and does not say so.
        reported = any(getattr(chunk, "usage", None) is not None for chunk in response.chunks)
        usage = _usage(self._counted, entry, estimated=not (reported and reason))
        message = self._assembly.message(_opaque(self._assembly, self._call.request.model, entry))
        return Finished(message, usage, reason, complete=bool(reason) and reason not in _NOT_DONE)

    def _reason(self, response: Any) -> str:
        """Return why the provider says it ended; empty when it never said. litellm would then make up a "stop"."""
        if self._watch:
            return str(response.intermittent_finish_reason or "stop") if self._watch.finished else ""
        return str(response.received_finish_reason or "")


class GeminiFinish:
    """Whether Gemini said that it had finished: litellm leaves the field empty and makes up a "stop" for every chunk.

    So the chunks are looked at as they arrive. Where litellm cannot be looked into, every end counts as a finish.
    """

    PROVIDERS = frozenset({"gemini", "vertex_ai"})

    def __init__(self) -> None:
        self._looking = False
        self._said = False

    @property
    def finished(self) -> bool:
        """Whether the provider said so, or nobody can tell."""
        return self._said or not self._looking

    def attach(self, response: Any) -> None:
        """Watch a response that has not been read from."""
        make_call = getattr(response, "make_call", None)
        if make_call is None:
            return

        async def watched_call(**options: Any) -> Any:
            stream = await make_call(**options)
            if parse := getattr(stream, "chunk_parser", None):
                stream.chunk_parser = self._watched(parse)
                self._looking = True
            return stream

        response.make_call = watched_call

    def _watched(self, parse: Callable[..., Any]) -> Callable[..., Any]:
        def look(chunk: dict[str, Any]) -> Any:
            candidates: list[dict[str, Any]] = chunk.get("candidates") or []
            feedback: dict[str, Any] = chunk.get("promptFeedback") or {}
            over = "blockReason" in feedback or any(each.get("finishReason") for each in candidates)
            self._said = self._said or over
            return parse(chunk=chunk)

        return look


def _arguments(call: HostCall, key: str) -> dict[str, Any]:
    entry, request = call.entry, call.request
    arguments: dict[str, Any] = {
        "model": entry.model,
        "messages": [_wire_message(message, request.model) for message in request.messages],
        "stream": True,
        "stream_options": {"include_usage": True},
        "drop_params": True,
        "max_retries": 0,
        "num_retries": 0,
        "timeout": _NEVER_FIRST,
    }
    if request.tools:
        arguments["tools"] = [
            {
                "type": "function",
                "function": {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)},
            }
            for tool in request.tools
        ]
        arguments["tool_choice"] = request.tool_choice
    if longest := request.max_output_tokens or entry.max_output_tokens:
        arguments["max_tokens"] = longest
    if entry.api_base:
        arguments["api_base"] = entry.api_base
        # Without a key of its own a foreign server would be sent the one in OPENAI_API_KEY.
        arguments["api_key"] = key or "none"
    elif key:
        arguments["api_key"] = key
    return arguments


def _wire_message(message: Message, model: str) -> dict[str, Any]:
    fields: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.role == "tool":
        fields["tool_call_id"] = message.tool_call_id
    if message.tool_calls:
        fields["content"] = message.content or None
        fields["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in message.tool_calls
        ]
    # Another model's signatures are refused, and some servers refuse the very field.
    if message.opaque.get("model") == model:
        fields |= {name: value for name, value in message.opaque.items() if name != "model"}
    return fields


def _opaque(assembly: Assembly, model: str, entry: FleetModel) -> Mapping[str, Any]:
    kept: dict[str, Any] = {}
    if assembly.thinking_blocks:
        kept["thinking_blocks"] = list(assembly.thinking_blocks)
    elif assembly.reasoning and provider_of(entry.model) in _WANT_REASONING_BACK:
        kept["reasoning_content"] = assembly.reasoning
    return {"model": model, **kept} if kept else {}


def _usage(counted: Any, entry: FleetModel, *, estimated: bool) -> Usage:
    if counted is None:
        return Usage(0, 0, estimated=True)
    details = getattr(counted, "prompt_tokens_details", None)
    tokens = (int(counted.prompt_tokens or 0), int(counted.completion_tokens or 0))
    cached = int(getattr(details, "cached_tokens", None) or 0)
    return Usage(*tokens, cached, _cost(counted, cached, entry), estimated)


def _cost(counted: Any, cached: int, entry: FleetModel) -> float | None:
    """Return US dollars; None when nobody knows. litellm's map says 0 both for free and for unknown."""
    if entry.input_price is not None and entry.output_price is not None:
        cached_price = entry.input_price if entry.cached_price is None else entry.cached_price
        fresh = int(counted.prompt_tokens or 0) - cached
        spent = fresh * entry.input_price + cached * cached_price
        return (spent + int(counted.completion_tokens or 0) * entry.output_price) / 1e6
    if entry.local:
        return 0.0
    told = getattr(counted, "cost", None)
    if isinstance(told, float) and told > 0:
        return told
    try:
        costs = litellm.cost_per_token(model=entry.model, usage_object=counted)  # pyright: ignore[reportUnknownMemberType]
        return sum(costs) or None
    except Exception:  # noqa: BLE001 - litellm raises a bare Exception for a model it has no price of.
        return None


def _without(key: str, failure: Failed) -> Failed:
    """Keep a key some servers repeat out of the message."""
    if not key:
        return failure
    return Failed(failure.kind, failure.text.replace(key, "***"), failure.retry_after, failure.partial)
