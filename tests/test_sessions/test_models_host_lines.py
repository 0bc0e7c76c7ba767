import asyncio
import json

from hypothesis import given
from hypothesis import strategies as st

from sessions.models.fleet import FleetModel
from sessions.models.host_lines import HostCall, StreamLimits, event_line, read_call, read_event, start_line
from sessions.models.litellm_host import ModelHost, Outbox
from sessions.models.protocol import (
    Failed,
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

_TEXT = st.text(max_size=20)
_DELTAS = st.one_of(
    st.builds(TextDelta, _TEXT),
    st.builds(ReasoningDelta, _TEXT),
    st.builds(ToolCallDelta, st.integers(0, 2), _TEXT, _TEXT),
)
_CALLS = st.builds(ToolCall, _TEXT, _TEXT, _TEXT)
_MESSAGES = st.builds(
    Message,
    st.sampled_from(["system", "user", "assistant", "tool"]),
    _TEXT,
    st.lists(_CALLS, max_size=2).map(tuple),
    _TEXT,
    st.dictionaries(_TEXT, st.one_of(_TEXT, st.lists(st.dictionaries(_TEXT, _TEXT), max_size=2)), max_size=2),
)
_USAGE = st.builds(
    Usage, st.integers(0), st.integers(0), st.integers(0), st.none() | st.floats(0, 1e6), estimated=st.booleans()
)
_EVENTS = st.one_of(
    _DELTAS,
    st.builds(Finished, _MESSAGES, _USAGE, _TEXT, st.booleans()),
    st.builds(Failed, st.just("stalled"), _TEXT, st.none() | st.floats(0, 1e6), _TEXT),
)


@given(_EVENTS)
def test_an_event_survives_its_line(event: ModelEvent) -> None:
    sent = event_line(3, event)

    assert sent.count(b"\n") == 1
    fields = json.loads(sent)
    assert fields["number"] == 3
    assert read_event(fields["event"], fields["body"]) == event


@given(st.lists(_MESSAGES, max_size=3))
def test_a_call_survives_its_line(messages: list[Message]) -> None:
    tool = ToolSchema("t", "d", {"type": "object", "properties": {"a": {"type": "string"}}})
    entry = FleetModel(model="openai/x", api_base="http://127.0.0.1:1/v1", input_price=1, output_price=2)
    call = HostCall(1, entry, ModelRequest("r", "m", tuple(messages), (tool,), "required", 5), StreamLimits(1, 2, 3))

    sent = start_line(call)

    assert sent.count(b"\n") == 1
    assert read_call(json.loads(sent)["start"]) == call


def test_halves_of_a_character_are_joined_or_replaced() -> None:
    whole, half = TextDelta("a" + "\ud83d" + "\ude00" + "b"), TextDelta("a\ud83d")

    assert _read([event_line(1, whole), event_line(1, half)]) == [TextDelta("a😀b"), TextDelta("a\ufffd")]


def test_a_prompt_with_half_a_character_is_sent_all_the_same() -> None:
    request = ModelRequest("r", "m", (Message("user", "a\udc80"),))

    sent = start_line(HostCall(1, FleetModel(model="openai/x"), request, StreamLimits()))

    assert read_call(json.loads(sent)["start"]).request.messages[0].content == "a\ufffd"


def _read(lines: list[bytes]) -> list[ModelEvent]:
    return [read_event(fields["event"], fields["body"]) for fields in map(json.loads, lines)]


async def test_a_fast_stream_costs_few_lines() -> None:
    lines: list[bytes] = []
    outbox = Outbox(1, lines.append)
    end = Finished(Message("assistant", ""), Usage(1, 1), "stop")

    for event in [
        *[TextDelta("a")] * 100,
        *[ReasoningDelta("b")] * 100,
        ToolCallDelta(0, "first", "{"),
        *[ToolCallDelta(0, "", "x")] * 100,
        ToolCallDelta(1, "second", "{}"),
        end,
    ]:
        outbox.put(event)

    assert _read(lines) == [
        TextDelta("a" * 100),
        ReasoningDelta("b" * 100),
        ToolCallDelta(0, "first", "{" + "x" * 100),
        ToolCallDelta(1, "second", "{}"),
        end,
    ]


async def test_what_is_held_goes_out_by_itself() -> None:
    sent = asyncio.Event()
    lines: list[bytes] = []

    def write(line: bytes) -> None:
        lines.append(line)
        sent.set()

    Outbox(1, write).put(TextDelta("a"))

    assert lines == []
    async with asyncio.timeout(30):
        await sent.wait()
    assert _read(lines) == [TextDelta("a")]


async def _served(*orders: dict[str, object] | bytes) -> list[dict[str, object]]:
    """Return the lines of a host whose calls wait for ever, after these orders and the end of its input."""
    lines: list[bytes] = []

    async def answer(*_: object) -> None:
        await asyncio.Event().wait()

    queue: asyncio.Queue[bytes | None] = asyncio.Queue()
    for order in orders:
        queue.put_nowait(order if isinstance(order, bytes) else json.dumps(order).encode())
    queue.put_nowait(None)
    async with asyncio.timeout(30):
        await ModelHost(answer, lines.append).serve(queue)
    return [json.loads(line) for line in lines]


def _call(number: int) -> bytes:
    entry = FleetModel(model="openai/x")
    return start_line(HostCall(number, entry, ModelRequest("r", "m", ()), StreamLimits()))


async def test_a_call_cancelled_before_it_began_is_closed_all_the_same() -> None:
    assert await _served(_call(1), {"cancel": 1}) == [{"number": 1, "closed": True}]


async def test_cancelling_what_has_ended_already_is_answered() -> None:
    assert await _served({"cancel": 7}) == [{"number": 7, "closed": True}]


async def test_the_end_of_the_input_closes_every_call() -> None:
    closed = await _served(_call(1), _call(2))

    assert {line["number"] for line in closed} == {1, 2}


async def test_a_fault_of_the_host_itself_ends_the_call() -> None:
    lines: list[bytes] = []

    async def answer(*_: object) -> None:
        raise ValueError("a fault of ours")

    queue: asyncio.Queue[bytes | None] = asyncio.Queue()
    queue.put_nowait(_call(1))
    serving = asyncio.create_task(ModelHost(answer, lines.append).serve(queue))
    async with asyncio.timeout(30):
        while not lines:  # noqa: ASYNC110 - the host has no event to wait for: the line is the event.
            await asyncio.sleep(0)
        queue.put_nowait(None)
        await serving

    (event,) = _read(lines)
    assert isinstance(event, Failed)
    assert (event.kind, "a fault of ours" in event.text) == ("server_error", True)
