"""What real models answer, through the real litellm in a real model host, from a scripted server on loopback."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from litellm_bench import (
    CLAUDE_ENDS,
    CLAUDE_THINKS,
    KEY,
    TOOL,
    Bench,
    ask_for,
    finished,
    opened,
    text,
)
from loopback_models import Call, Count, End, Raw, Think

from sessions.models.protocol import (
    Finished,
    Message,
    ReasoningDelta,
    TextDelta,
    ToolCall,
    ToolCallDelta,
    Usage,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Bench]:
    async with opened(tmp_path_factory.mktemp("models")) as bench:
        yield bench


@pytest.fixture
def bench(shared: Bench) -> Bench:
    shared.server.forget()
    return shared


async def test_text_streams_and_ends_as_one_message(bench: Bench) -> None:
    events = await bench.answered("plain", "Once ", "upon", " a [bold]time[/]\n\x1b[31m")

    assert text(events) == "Once upon a [bold]time[/]\n\x1b[31m"
    assert events[-1] == Finished(Message("assistant", text(events)), Usage(11, 7, cost=0.0), "stop")
    assert all(isinstance(event, TextDelta) for event in events[:-1])


async def test_a_tool_call_in_fragments_arrives_whole(bench: Bench) -> None:
    arguments = {"tasks": ["write « it »", "test it"]}
    bench.server.answer = lambda _: [
        "Two things.",
        Call("plan_tasks", arguments, fragment=5),
        Call("plan_tasks", "{not json"),
    ]

    events = await bench.ask(ask_for("plain", tools=(TOOL,), tool_choice="required", max_output_tokens=50))

    end = finished(events)
    assert (end.reason, end.complete, end.message.content) == ("tool_calls", True, "Two things.")
    assert [(call.name, call.arguments) for call in end.message.tool_calls] == [
        ("plan_tasks", json.dumps(arguments)),
        ("plan_tasks", "{not json"),
    ]
    deltas = [event for event in events if isinstance(event, ToolCallDelta)]
    assert [delta.name for delta in deltas if delta.name] == ["plan_tasks", "plan_tasks"]
    assert "".join(delta.text for delta in deltas if delta.index == 0) == json.dumps(arguments)
    body = bench.server.requests[0].body
    assert body["tools"][0]["function"] == {
        "name": "plan_tasks",
        "description": "Plans.",
        "parameters": dict(TOOL.parameters),
    }
    assert (body["tool_choice"], body["max_tokens"], body["model"]) == ("required", 50, "plain")


async def test_a_whole_conversation_reaches_the_server(bench: Bench) -> None:
    bench.server.answer = lambda _: ["good"]
    call = ToolCall("call_1", "plan_tasks", '{"tasks": []}')

    await bench.ask(
        ask_for(
            "plain",
            Message("system", "Be brief."),
            "Plan.",
            Message("assistant", "", (call,), opaque={"model": "claude", "thinking_blocks": [{"signature": "S"}]}),
            Message("tool", "accepted", tool_call_id="call_1"),
        ),
    )

    system, user, assistant, tool = bench.server.requests[0].body["messages"]
    assert (system["role"], system["content"]) == ("system", "Be brief.")
    assert (user["role"], user["content"]) == ("user", "Plan.")
    assert assistant["tool_calls"][0]["function"] == {"name": "plan_tasks", "arguments": '{"tasks": []}'}
    assert "thinking_blocks" not in assistant
    assert (tool["role"], tool["tool_call_id"], tool["content"]) == ("tool", "call_1", "accepted")


async def test_reasoning_is_told_apart_from_the_answer(bench: Bench) -> None:
    native = await bench.answered("plain", Think("Let me "), Think("see."), "Yes.")
    tagged = await bench.answered("plain", "<thi", "nk>Let me see.</th", "ink>\n\nYes.")

    for events in (native, tagged):
        reasoning = "".join(event.text for event in events if isinstance(event, ReasoningDelta))
        assert (reasoning, text(events)) == ("Let me see.", "Yes.")
        assert finished(events).message.content == "Yes."


async def test_usage_is_the_providers_and_an_estimate_says_so(bench: Bench) -> None:
    counted = await bench.answered("priced", "Yes.", Count(1000, 200, cached_tokens=400))
    guessed = await bench.answered("plain", "Yes.", Count(reported=False))

    # 600 fresh at 2 $, 400 cached at 0.5 $, 200 out at 10 $, each for a million.
    assert finished(counted).usage == Usage(1000, 200, 400, cost=0.0034, estimated=False)
    usage = finished(guessed).usage
    assert usage.estimated
    assert usage.output_tokens > 0


async def test_a_cost_nobody_knows_stays_unknown(bench: Bench) -> None:
    known = await bench.answered("far", "Yes.", Count(1000, 1000))
    unknown = await bench.answered("far_unknown", "Yes.")
    local = await bench.answered("plain", "Yes.")

    cost = finished(known).usage.cost
    assert cost is not None
    assert cost > 0
    assert finished(unknown).usage.cost is None
    assert finished(local).usage.cost == 0.0


@pytest.mark.parametrize(("end", "reason"), [(End("length"), "length"), (End(None), "")])
async def test_an_answer_that_was_not_over_is_not_complete(bench: Bench, end: End, reason: str) -> None:
    last = finished(await bench.answered("plain", "Half an", end))

    assert (last.complete, last.reason, last.message.content) == (False, reason, "Half an")


async def test_a_key_goes_only_where_it_belongs(bench: Bench) -> None:
    bench.server.answer = lambda _: ["hello"]

    await bench.ask(ask_for("keyed"))
    await bench.ask(ask_for("plain"))

    keyed, plain = (request.headers["authorization"] for request in bench.server.requests)
    assert keyed == f"Bearer {KEY}"
    assert "somebody-else" not in plain


async def test_many_streams_at_once_keep_apart(bench: Bench) -> None:
    bench.server.answer = lambda request: [f"{request['messages'][-1]['content']} {number} " for number in range(50)]

    answers = await asyncio.gather(*(bench.ask(ask_for("plain", f"s{number}")) for number in range(8)))

    for number, events in enumerate(answers):
        assert text(events) == "".join(f"s{number} {piece} " for piece in range(50))
        assert finished(events).complete


async def test_a_character_cut_in_two_arrives_whole(bench: Bench) -> None:
    event = 'data: {"id": "1", "choices": [{"index": 0, "delta": {"content": "HALF"}}]}\n\n'
    halves = [Raw(event.replace("HALF", half)) for half in (r"\ud83d", r"\ude00")]

    events = await bench.answered("plain", *halves)

    assert finished(events).message.content == "😀"


async def test_a_prompt_of_a_megabyte_goes_through(bench: Bench) -> None:
    prompt = "«word» " * 130_000
    bench.server.answer = lambda request: [request["messages"][-1]["content"][-1000:]]

    assert text(await bench.ask(ask_for("plain", prompt))) == prompt[-1000:]


async def test_signed_thinking_goes_back_to_the_model_that_signed_it(bench: Bench) -> None:
    bench.server.answer = lambda _: [*CLAUDE_THINKS, *CLAUDE_ENDS, End(None)]
    first = finished(await bench.ask(ask_for("claude", tools=(TOOL,))))
    assert (first.complete, first.reason) == (True, "tool_calls")
    assert first.message.tool_calls == (ToolCall("toolu_1", "plan_tasks", '{"tasks": []}'),)
    assert (first.usage.input_tokens, first.usage.output_tokens, first.usage.cached_tokens) == (13, 12, 4)
    assert not first.usage.estimated

    result = Message("tool", "accepted", tool_call_id="toolu_1")
    await bench.ask(ask_for("claude", "go", first.message, result, tools=(TOOL,)))
    bench.server.answer = lambda _: ["hello"]
    await bench.ask(ask_for("plain", "go", first.message, result, tools=(TOOL,)))

    claude, plain = (request.body["messages"][1] for request in bench.server.requests[1:])
    assert claude["content"][0] == {"type": "thinking", "thinking": "Hm, yes.", "signature": "SIGNED"}
    assert claude["content"][1]["id"] == "toolu_1"
    assert "SIGNED" not in json.dumps(plain)


def _gemini(text: str, reason: str | None) -> Raw:
    candidate: dict[str, Any] = {"content": {"parts": [{"text": text}], "role": "model"}, "index": 0}
    if reason:
        candidate["finishReason"] = reason
    usage = {"promptTokenCount": 5, "candidatesTokenCount": 3, "totalTokenCount": 8}
    return Raw(f"data: {json.dumps({'candidates': [candidate], 'usageMetadata': usage})}\r\n\r\n")


async def test_gemini_is_complete_only_when_it_said_so(bench: Bench) -> None:
    whole = finished(await bench.answered("gemini", _gemini("Ye", None), _gemini("s.", "STOP"), End(None)))
    cut = finished(await bench.answered("gemini", _gemini("Ye", None), _gemini("s.", None), End(None)))
    full = finished(await bench.answered("gemini", _gemini("Ye", "MAX_TOKENS"), End(None)))

    assert (whole.complete, whole.reason, whole.message.content) == (True, "stop", "Yes.")
    assert (cut.complete, cut.reason, cut.message.content) == (False, "", "Yes.")
    assert (full.complete, full.reason) == (False, "length")
