"""How the rehearsal models stream: the events of a paid model, at a speed a person can follow."""

import json
from collections.abc import AsyncGenerator

import pytest
from rehearsal_stage import events_of, prompt, request

from sessions.models.protocol import (
    Failed,
    Finished,
    Message,
    ModelClient,
    ReasoningDelta,
    TextDelta,
    ToolCallDelta,
)
from sessions.models.rehearsal import RehearsalModels

ASKED = request("planner", [Message("user", prompt({"idea": "a clock"}))], ["append_spec"])


class Sleeps:
    """Stands for time: adds up what was waited."""

    def __init__(self) -> None:
        self.waits: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.waits.append(seconds)


def test_the_pieces_add_up_to_the_answer() -> None:
    *pieces, last = events_of(ASKED)
    assert isinstance(last, Finished)
    assert last.complete
    assert last.reason == "tool_calls"
    assert "".join(one.text for one in pieces if isinstance(one, TextDelta)) == last.message.content
    assert any(isinstance(one, ReasoningDelta) for one in pieces)
    (call,) = last.message.tool_calls
    calls = [one for one in pieces if isinstance(one, ToolCallDelta)]
    assert (calls[0].name, calls[0].text) == ("append_spec", "")
    assert "".join(one.text for one in calls) == call.arguments
    assert json.loads(call.arguments)["clauses"]


def test_usage_is_counted_and_free() -> None:
    last = events_of(ASKED)[-1]
    assert isinstance(last, Finished)
    assert last.usage.input_tokens > 10
    assert last.usage.output_tokens > 200
    assert last.usage.cost == 0.0
    assert last.usage.estimated


def test_a_pace_of_nothing_never_waits() -> None:
    sleeps = Sleeps()
    events_of(ASKED, RehearsalModels(0, sleeps))
    assert sleeps.waits == []


@pytest.mark.parametrize("pace", [1.0, 0.5, 2.0])
def test_the_pace_stretches_the_waits(pace: float) -> None:
    sleeps, reference = Sleeps(), Sleeps()
    events_of(ASKED, RehearsalModels(pace, sleeps))
    events_of(ASKED, RehearsalModels(1.0, reference))
    assert sum(sleeps.waits) == pytest.approx(pace * sum(reference.waits))
    assert 2 < sum(reference.waits) < 6


def test_the_waits_do_not_change_what_is_said() -> None:
    assert events_of(ASKED, RehearsalModels(1.0, Sleeps())) == events_of(ASKED)


def test_call_ids_differ_from_turn_to_turn() -> None:
    other = request("planner", [Message("user", prompt({"idea": "a clock"}, marker="0123456789"))], ["append_spec"])
    ids = {
        one.message.tool_calls[0].id
        for one in (events_of(ASKED)[-1], events_of(other)[-1])
        if isinstance(one, Finished)
    }
    assert len(ids) == 2


def test_a_model_that_is_none_of_ours_is_unknown() -> None:
    (failed,) = events_of(type(ASKED)("r", "opus", ASKED.messages))
    assert isinstance(failed, Failed)
    assert failed.kind == "unknown_model"


def test_no_tool_is_called_when_none_may_be() -> None:
    last = events_of(type(ASKED)("r", "rehearsal/planner", ASKED.messages, ASKED.tools, tool_choice="none"))[-1]
    assert isinstance(last, Finished)
    assert not last.message.tool_calls
    assert last.reason == "stop"


async def test_a_closed_stream_says_no_more_and_the_client_can_go_on() -> None:
    models: ModelClient = RehearsalModels(0)
    stream: AsyncGenerator[object] = models.stream(ASKED)
    first = await anext(stream)
    await stream.aclose()
    with pytest.raises(StopAsyncIteration):
        await anext(stream)
    again = [event async for event in models.stream(ASKED)]
    assert again[0] == first
    await models.close()
    await models.close()


def test_the_facts_say_what_it_is() -> None:
    facts = RehearsalModels().facts("rehearsal/auditor")
    assert facts.rehearsal
    assert facts.tools
    assert facts.input_price == 0.0
