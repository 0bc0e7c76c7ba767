"""Requests through the real litellm in a real model host, to a scripted server on loopback."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from loopback_models import (
    Answer,
    Call,
    Comments,
    Count,
    End,
    HangUp,
    LoopbackModels,
    Piece,
    Raw,
    Refuse,
    Think,
    Wait,
)

from sessions.models.fleet import Fleet
from sessions.models.host_client import LitellmModels
from sessions.models.host_lines import StreamLimits
from sessions.models.protocol import (
    Failed,
    FailureKind,
    Finished,
    Message,
    ModelEvent,
    ModelRequest,
    ReasoningDelta,
    TextDelta,
    ToolCall,
    ToolCallDelta,
    ToolSchema,
    Usage,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

_KEY = "a-key-of-this-test"
_LIMITS = StreamLimits(first=4, idle=4, total=6)
_TOOL = ToolSchema(
    "plan_tasks", "Plans.", {"type": "object", "properties": {"tasks": {"type": "array", "items": {"type": "string"}}}}
)

_FLEET = """
[models.plain]
model = "openai/plain"
api_base = "{base}/v1"

[models.priced]
model = "openai/priced"
api_base = "{base}/v1"
input_price = 2.0
output_price = 10.0
cached_price = 0.5

[models.keyed]
model = "openai/keyed"
api_base = "{base}/v1"
key_env = "TEST_MODEL_KEY"

[models.keyless]
model = "openai/keyless"
api_base = "{base}/v1"
key_env = "NO_SUCH_KEY"

[models.toolless]
model = "openai/toolless"
api_base = "{base}/v1"
tools = false

[models.closed]
model = "openai/closed"
api_base = "http://127.0.0.1:9/v1"

[models.nobody]
model = "nobody-knows-this-provider/x"
api_base = "{base}/v1"

[models.claude]
model = "anthropic/claude-sonnet-4-5"
api_base = "{base}"
key_env = "TEST_MODEL_KEY"

[models.gemini]
model = "gemini/gemini-2.5-pro"
api_base = "{base}"
key_env = "TEST_MODEL_KEY"

[models.far]
model = "openai/gpt-4o"
api_base = "{far}/v1"

[models.far_unknown]
model = "openai/nobody-priced-this"
api_base = "{far}/v1"
"""


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def loopback() -> AsyncIterator[LoopbackModels]:
    async with LoopbackModels(lambda _: []) as server:
        yield server


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def models(loopback: LoopbackModels, place: Path) -> AsyncIterator[LitellmModels]:
    bases = {"base": f"http://127.0.0.1:{loopback.port}", "far": "http://models.example.invalid"}
    environment = {
        "HOME": str(place),
        # Stands in for the world: what is not local goes to the same server, and never further.
        "HTTP_PROXY": f"http://127.0.0.1:{loopback.port}",
        "HTTPS_PROXY": "http://127.0.0.1:9",
        "TEST_MODEL_KEY": _KEY,
        "OPENAI_API_KEY": "a-key-for-somebody-else",
    }
    models = LitellmModels(
        Fleet.parse(_FLEET.format(**bases), "fleet.toml"),
        limits=_LIMITS,
        environment=environment,
        log=place / "models.log",
    )
    await models.ready()
    yield models
    await models.close()


@pytest.fixture
def server(loopback: LoopbackModels) -> LoopbackModels:
    loopback.forget()
    return loopback


def _request(model: str, *messages: str | Message, **fields: Any) -> ModelRequest:
    told = tuple(Message("user", each) if isinstance(each, str) else each for each in messages or ("go",))
    return ModelRequest("r1", model, told, **fields)


async def _ask(models: LitellmModels, request: ModelRequest) -> list[ModelEvent]:
    async with aclosing(models.stream(request)) as events:
        return [event async for event in events]


async def _answered(models: LitellmModels, server: LoopbackModels, model: str, *pieces: Piece) -> list[ModelEvent]:
    server.answer = lambda _: pieces
    return await _ask(models, _request(model))


def _finished(events: list[ModelEvent]) -> Finished:
    last = events[-1]
    assert isinstance(last, Finished), last
    return last


def _failed(events: list[ModelEvent]) -> Failed:
    last = events[-1]
    assert isinstance(last, Failed), last
    return last


def _text(events: list[ModelEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


async def test_text_streams_and_ends_as_one_message(models: LitellmModels, server: LoopbackModels) -> None:
    events = await _answered(models, server, "plain", "Once ", "upon", " a [bold]time[/]\n\x1b[31m")

    assert _text(events) == "Once upon a [bold]time[/]\n\x1b[31m"
    assert events[-1] == Finished(Message("assistant", _text(events)), Usage(11, 7, cost=0.0), "stop")
    assert all(isinstance(event, TextDelta) for event in events[:-1])


async def test_a_tool_call_in_fragments_arrives_whole(models: LitellmModels, server: LoopbackModels) -> None:
    arguments = {"tasks": ["write « it »", "test it"]}
    server.answer = lambda _: [
        "Two things.",
        Call("plan_tasks", arguments, fragment=5),
        Call("plan_tasks", "{not json"),
    ]

    events = await _ask(models, _request("plain", tools=(_TOOL,), tool_choice="required", max_output_tokens=50))

    end = _finished(events)
    assert (end.reason, end.complete, end.message.content) == ("tool_calls", True, "Two things.")
    assert [(call.name, call.arguments) for call in end.message.tool_calls] == [
        ("plan_tasks", json.dumps(arguments)),
        ("plan_tasks", "{not json"),
    ]
    deltas = [event for event in events if isinstance(event, ToolCallDelta)]
    assert [delta.name for delta in deltas if delta.name] == ["plan_tasks", "plan_tasks"]
    assert "".join(delta.text for delta in deltas if delta.index == 0) == json.dumps(arguments)
    body = server.requests[0].body
    assert body["tools"][0]["function"] == {
        "name": "plan_tasks",
        "description": "Plans.",
        "parameters": dict(_TOOL.parameters),
    }
    assert (body["tool_choice"], body["max_tokens"], body["model"]) == ("required", 50, "plain")


async def test_a_whole_conversation_reaches_the_server(models: LitellmModels, server: LoopbackModels) -> None:
    server.answer = lambda _: ["good"]
    call = ToolCall("call_1", "plan_tasks", '{"tasks": []}')

    await _ask(
        models,
        _request(
            "plain",
            Message("system", "Be brief."),
            "Plan.",
            Message("assistant", "", (call,), opaque={"model": "claude", "thinking_blocks": [{"signature": "S"}]}),
            Message("tool", "accepted", tool_call_id="call_1"),
        ),
    )

    system, user, assistant, tool = server.requests[0].body["messages"]
    assert (system["role"], system["content"]) == ("system", "Be brief.")
    assert (user["role"], user["content"]) == ("user", "Plan.")
    assert assistant["tool_calls"][0]["function"] == {"name": "plan_tasks", "arguments": '{"tasks": []}'}
    assert "thinking_blocks" not in assistant
    assert (tool["role"], tool["tool_call_id"], tool["content"]) == ("tool", "call_1", "accepted")


async def test_reasoning_is_told_apart_from_the_answer(models: LitellmModels, server: LoopbackModels) -> None:
    native = await _answered(models, server, "plain", Think("Let me "), Think("see."), "Yes.")
    tagged = await _answered(models, server, "plain", "<thi", "nk>Let me see.</th", "ink>\n\nYes.")

    for events in (native, tagged):
        reasoning = "".join(event.text for event in events if isinstance(event, ReasoningDelta))
        assert (reasoning, _text(events)) == ("Let me see.", "Yes.")
        assert _finished(events).message.content == "Yes."


async def test_usage_is_the_providers_and_an_estimate_says_so(models: LitellmModels, server: LoopbackModels) -> None:
    counted = await _answered(models, server, "priced", "Yes.", Count(1000, 200, cached_tokens=400))
    guessed = await _answered(models, server, "plain", "Yes.", Count(reported=False))

    # 600 fresh at 2 $, 400 cached at 0.5 $, 200 out at 10 $, each for a million.
    assert _finished(counted).usage == Usage(1000, 200, 400, cost=0.0034, estimated=False)
    usage = _finished(guessed).usage
    assert usage.estimated
    assert usage.output_tokens > 0


async def test_a_cost_nobody_knows_stays_unknown(models: LitellmModels, server: LoopbackModels) -> None:
    known = await _answered(models, server, "far", "Yes.", Count(1000, 1000))
    unknown = await _answered(models, server, "far_unknown", "Yes.")
    local = await _answered(models, server, "plain", "Yes.")

    cost = _finished(known).usage.cost
    assert cost is not None
    assert cost > 0
    assert _finished(unknown).usage.cost is None
    assert _finished(local).usage.cost == 0.0


@pytest.mark.parametrize(("end", "reason"), [(End("length"), "length"), (End(None), "")])
async def test_an_answer_that_was_not_over_is_not_complete(
    models: LitellmModels, server: LoopbackModels, end: End, reason: str
) -> None:
    finished = _finished(await _answered(models, server, "plain", "Half an", end))

    assert (finished.complete, finished.reason, finished.message.content) == (False, reason, "Half an")


@pytest.mark.parametrize(
    ("pieces", "kind", "partial"),
    [
        ([Refuse(401, "Incorrect API key provided")], "refused_key", ""),
        ([Refuse(402, "top up")], "out_of_credit", ""),
        ([Refuse(403, "not for you")], "refused_key", ""),
        ([Refuse(404, {"error": {"message": "no such model", "code": "model_not_found"}})], "unknown_model", ""),
        ([Refuse(422, "what is this")], "bad_request", ""),
        ([Refuse(429, {"error": {"message": "x", "code": "insufficient_quota"}})], "out_of_credit", ""),
        ([Refuse(400, "This model's maximum context length is 8192 tokens.")], "context_too_long", ""),
        ([Refuse(400, "prompt is too long: 210000 tokens > 200000 maximum")], "context_too_long", ""),
        (
            [Refuse(400, {"error": {"message": "no", "code": "content_policy_violation"}})],
            "content_refused",
            "",
        ),
        ([Refuse(500, "oops")], "server_error", ""),
        ([Refuse(502, Raw("<html><h1>Bad Gateway</h1></html>"))], "server_error", ""),
        ([Refuse(503, "come back later")], "overloaded", ""),
        ([Refuse(529, "Overloaded")], "overloaded", ""),
        (["So far ", HangUp()], "cut_off", "So far "),
        (["So far ", Raw("data: {broken\n\n")], "cut_off", "So far "),
        (["So far ", Raw('data: {"error": {"message": "gone", "code": 500}}\n\n')], "cut_off", "So far "),
        (["So far ", End("content_filter")], "content_refused", "So far "),
    ],
)
async def test_each_fault_of_a_provider_is_one_kind_of_failure(
    models: LitellmModels, server: LoopbackModels, pieces: list[Piece], kind: FailureKind, partial: str
) -> None:
    failure = _failed(await _answered(models, server, "plain", *pieces))

    assert (failure.kind, failure.partial) == (kind, partial), failure
    assert len(server.requests) == 1, "litellm tried again by itself"


async def test_a_rate_limit_carries_the_wait_that_was_asked_for(models: LitellmModels, server: LoopbackModels) -> None:
    failure = _failed(await _answered(models, server, "plain", Refuse(429, "slow down", {"Retry-After": "7"})))

    assert (failure.kind, failure.retry_after) == ("rate_limited", 7.0)
    assert failure.text == "The provider limits the rate of requests (429): slow down"
    assert len(server.requests) == 1


async def test_a_server_that_is_not_there_is_unreachable(models: LitellmModels) -> None:
    assert _failed(await _ask(models, _request("closed"))).kind == "unreachable"


async def test_what_cannot_be_sent_is_refused_before(models: LitellmModels, server: LoopbackModels) -> None:
    missing = _failed(await _ask(models, _request("keyless")))
    unknown = _failed(await _ask(models, _request("plan")))
    toolless = _failed(await _ask(models, _request("toolless", tools=(_TOOL,))))
    provider = _failed(await _ask(models, _request("nobody")))

    assert (missing.kind, unknown.kind, toolless.kind) == ("no_key", "unknown_model", "bad_request")
    assert provider.kind == "unknown_model"
    assert "NO_SUCH_KEY" in missing.text
    assert "plain" in unknown.text
    assert server.requests == []


async def test_a_key_goes_only_where_it_belongs(models: LitellmModels, server: LoopbackModels) -> None:
    server.answer = lambda _: ["hello"]

    await _ask(models, _request("keyed"))
    await _ask(models, _request("plain"))

    keyed, plain = (request.headers["authorization"] for request in server.requests)
    assert keyed == f"Bearer {_KEY}"
    assert "somebody-else" not in plain


async def test_a_key_that_a_server_repeats_is_not_shown(models: LitellmModels, server: LoopbackModels) -> None:
    failure = _failed(await _answered(models, server, "keyed", Refuse(401, f"Incorrect key: {_KEY}")))

    assert failure.kind == "refused_key"
    assert _KEY not in failure.text


async def _closed_at_once(server: LoopbackModels) -> None:
    """Wait until the server has seen it, but not so long that our own limits could have closed the connection."""
    async with asyncio.timeout(_LIMITS.idle / 2):
        await server.requests[0].hung_up.wait()


async def test_closing_the_stream_closes_the_connection(models: LitellmModels, server: LoopbackModels) -> None:
    server.answer = lambda _: ["So far", Wait()]

    stream = models.stream(_request("plain"))
    assert await anext(stream) == TextDelta("So far")
    await stream.aclose()

    await _closed_at_once(server)


async def test_cancelling_before_the_first_word_closes_the_connection(
    models: LitellmModels, server: LoopbackModels
) -> None:
    silent = asyncio.Event()

    async def answer(_: dict[str, Any]) -> Answer:
        await silent.wait()
        return []

    server.answer = answer
    asking = asyncio.create_task(_ask(models, _request("plain")))
    async with asyncio.timeout(10):
        await server.arrived.wait()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking

    await _closed_at_once(server)


async def test_silence_of_every_sort_ends_at_our_limits(models: LitellmModels, server: LoopbackModels) -> None:
    async def answer(request: dict[str, Any]) -> Answer:
        match request["messages"][-1]["content"]:
            case "no headers":
                await asyncio.Event().wait()
                return []
            case "no first word":
                return [Wait()]
            case "only comments":
                return [Comments()]
            case "silence later":
                return ["So far", Wait()]
            case _:
                return _Endless()

    server.answer = answer
    stories = ["no headers", "no first word", "only comments", "silence later", "no end"]

    ends = [_failed(events) for events in await asyncio.gather(*(_ask(models, _request("plain", s)) for s in stories))]

    assert {end.kind for end in ends} == {"stalled"}
    assert [end.text for end in ends] == [
        "The model went silent: no answer within 4 s",
        "The model went silent: no answer within 4 s",
        "The model went silent: no answer within 4 s",
        "The model went silent: nothing for 4 s",
        "The model went silent: the answer was not over after 6 s",
    ]
    assert ends[3].partial == "So far"
    assert ends[4].partial.startswith("tick tick ")
    async with asyncio.timeout(5):
        await asyncio.gather(*(request.hung_up.wait() for request in server.requests))


class _Endless(list[Piece]):
    """An answer that never ends and never stops for long."""

    def __iter__(self) -> Any:
        while True:
            yield "tick "
            yield Wait(_soon())


def _soon() -> asyncio.Event:
    event = asyncio.Event()
    asyncio.get_running_loop().call_later(0.2, event.set)
    return event


async def test_many_streams_at_once_keep_apart(models: LitellmModels, server: LoopbackModels) -> None:
    server.answer = lambda request: [f"{request['messages'][-1]['content']} {number} " for number in range(50)]

    answers = await asyncio.gather(*(_ask(models, _request("plain", f"s{number}")) for number in range(8)))

    for number, events in enumerate(answers):
        assert _text(events) == "".join(f"s{number} {piece} " for piece in range(50))
        assert _finished(events).complete


async def test_a_character_cut_in_two_arrives_whole(models: LitellmModels, server: LoopbackModels) -> None:
    event = 'data: {"id": "1", "choices": [{"index": 0, "delta": {"content": "HALF"}}]}\n\n'
    halves = [Raw(event.replace("HALF", half)) for half in (r"\ud83d", r"\ude00")]

    events = await _answered(models, server, "plain", *halves)

    assert _finished(events).message.content == "😀"


async def test_a_prompt_of_a_megabyte_goes_through(models: LitellmModels, server: LoopbackModels) -> None:
    prompt = "«word» " * 130_000
    server.answer = lambda request: [request["messages"][-1]["content"][-1000:]]

    assert _text(await _ask(models, _request("plain", prompt))) == prompt[-1000:]


def _anthropic(*events: dict[str, Any]) -> list[Piece]:
    return [Raw(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n") for event in events]


_CLAUDE_THINKS = _anthropic(
    {
        "type": "message_start",
        "message": {
            "id": "m",
            "type": "message",
            "role": "assistant",
            "content": [],
            "model": "claude",
            "stop_reason": None,
            "usage": {"input_tokens": 9, "cache_read_input_tokens": 4, "output_tokens": 1},
        },
    },
    {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": "", "signature": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "Hm, "}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "yes."}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "SIGNED"}},
    {"type": "content_block_stop", "index": 0},
    {
        "type": "content_block_start",
        "index": 1,
        "content_block": {"type": "tool_use", "id": "toolu_1", "name": "plan_tasks", "input": {}},
    },
    {"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": '{"tasks"'}},
    {"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": ": []}"}},
    {"type": "content_block_stop", "index": 1},
)
_CLAUDE_ENDS = _anthropic(
    {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 12}},
    {"type": "message_stop"},
)


async def test_signed_thinking_goes_back_to_the_model_that_signed_it(
    models: LitellmModels, server: LoopbackModels
) -> None:
    server.answer = lambda _: [*_CLAUDE_THINKS, *_CLAUDE_ENDS, End(None)]
    first = _finished(await _ask(models, _request("claude", tools=(_TOOL,))))
    assert (first.complete, first.reason) == (True, "tool_calls")
    assert first.message.tool_calls == (ToolCall("toolu_1", "plan_tasks", '{"tasks": []}'),)
    assert (first.usage.input_tokens, first.usage.output_tokens, first.usage.cached_tokens) == (13, 12, 4)
    assert not first.usage.estimated

    result = Message("tool", "accepted", tool_call_id="toolu_1")
    await _ask(models, _request("claude", "go", first.message, result, tools=(_TOOL,)))
    server.answer = lambda _: ["hello"]
    await _ask(models, _request("plain", "go", first.message, result, tools=(_TOOL,)))

    claude, plain = (request.body["messages"][1] for request in server.requests[1:])
    assert claude["content"][0] == {"type": "thinking", "thinking": "Hm, yes.", "signature": "SIGNED"}
    assert claude["content"][1]["id"] == "toolu_1"
    assert "SIGNED" not in json.dumps(plain)


async def test_an_overload_told_inside_the_stream_is_one(models: LitellmModels, server: LoopbackModels) -> None:
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}

    early = _failed(await _answered(models, server, "claude", _CLAUDE_THINKS[0], *_anthropic(error), End(None)))
    late = _failed(await _answered(models, server, "claude", *_CLAUDE_THINKS, *_anthropic(error), End(None)))

    assert (early.kind, late.kind) == ("overloaded", "cut_off")


async def test_claude_cut_off_is_not_complete(models: LitellmModels, server: LoopbackModels) -> None:
    events = await _answered(models, server, "claude", *_CLAUDE_THINKS, End(None))

    last = events[-1]
    assert isinstance(last, Failed) or not last.complete  # type: ignore[union-attr]


def _gemini(text: str, reason: str | None) -> Raw:
    candidate: dict[str, Any] = {"content": {"parts": [{"text": text}], "role": "model"}, "index": 0}
    if reason:
        candidate["finishReason"] = reason
    usage = {"promptTokenCount": 5, "candidatesTokenCount": 3, "totalTokenCount": 8}
    return Raw(f"data: {json.dumps({'candidates': [candidate], 'usageMetadata': usage})}\r\n\r\n")


async def test_gemini_is_complete_only_when_it_said_so(models: LitellmModels, server: LoopbackModels) -> None:
    whole = _finished(await _answered(models, server, "gemini", _gemini("Ye", None), _gemini("s.", "STOP"), End(None)))
    cut = _finished(await _answered(models, server, "gemini", _gemini("Ye", None), _gemini("s.", None), End(None)))
    full = _finished(await _answered(models, server, "gemini", _gemini("Ye", "MAX_TOKENS"), End(None)))

    assert (whole.complete, whole.reason, whole.message.content) == (True, "stop", "Yes.")
    assert (cut.complete, cut.reason, cut.message.content) == (False, "", "Yes.")
    assert (full.complete, full.reason) == (False, "length")


async def test_a_host_that_dies_loses_its_requests_and_is_replaced(
    models: LitellmModels, server: LoopbackModels
) -> None:
    server.answer = lambda _: ["So far", Wait()]
    first = models.pid
    stream = models.stream(_request("plain"))
    assert await anext(stream) == TextDelta("So far")
    assert first is not None

    os.kill(first, signal.SIGKILL)
    rest = [event async for event in stream]
    again = await _answered(models, server, "plain", "Here again.")

    assert _failed(rest).kind == "host_lost"
    assert _failed(rest).partial == "So far"
    assert _text(again) == "Here again."
    assert models.pid not in (None, first)


async def test_nothing_of_all_this_was_printed(
    models: LitellmModels, server: LoopbackModels, capfd: pytest.CaptureFixture[str], place: Path
) -> None:
    await _answered(models, server, "plain", Refuse(500, "oops"))
    await _ask(models, _request("nobody"))

    assert capfd.readouterr() == ("", "")
    assert (place / "models.log").stat().st_mode & 0o777 == 0o600
