"""What goes wrong with real models, through the real litellm in a real model host, on loopback."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from litellm_bench import (
    CLAUDE_THINKS,
    KEY,
    LIMITS,
    TOOL,
    Bench,
    anthropic,
    ask_for,
    failed,
    opened,
    text,
)
from loopback_models import Answer, Comments, End, HangUp, LoopbackModels, Piece, Raw, Refuse, Wait

from sessions.models.protocol import (
    FailureKind,
    Finished,
    TextDelta,
)
from sessions.models.retries import RetryingModels, RetryPolicy, RetryWait

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Bench]:
    async with opened(tmp_path_factory.mktemp("models")) as bench:
        yield bench


@pytest.fixture
def bench(shared: Bench) -> Bench:
    shared.server.forget()
    return shared


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
    bench: Bench, pieces: list[Piece], kind: FailureKind, partial: str
) -> None:
    failure = failed(await bench.answered("plain", *pieces))

    assert (failure.kind, failure.partial) == (kind, partial), failure
    assert len(bench.server.requests) == 1, "litellm tried again by itself"


async def test_a_rate_limit_carries_the_wait_that_was_asked_for(bench: Bench) -> None:
    failure = failed(await bench.answered("plain", Refuse(429, "slow down", {"Retry-After": "7"})))

    assert (failure.kind, failure.retry_after) == ("rate_limited", 7.0)
    assert failure.text == "The provider limits the rate of requests (429): slow down"
    assert len(bench.server.requests) == 1


async def test_a_rate_limit_is_waited_out_in_sight(bench: Bench) -> None:
    waits: list[RetryWait] = []
    slept: list[float] = []
    answers: list[Answer] = [[Refuse(429, "slow down", {"Retry-After": "7"})], ["Here ", "I am."]]
    bench.server.answer = lambda _: answers.pop(0)

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    models = RetryingModels(bench.models, RetryPolicy(spread=0), notify=waits.append, sleep=sleep)
    events = [event async for event in models.stream(ask_for("plain"))]

    assert text(events) == "Here I am."
    assert slept == [7.0]
    assert [wait.text for wait in waits] == ["429, too many requests; again in 7 s (try 2 of 5)"]


async def test_a_server_that_is_not_there_is_unreachable(bench: Bench) -> None:
    assert failed(await bench.ask(ask_for("closed"))).kind == "unreachable"


async def test_what_cannot_be_sent_is_refused_before(bench: Bench) -> None:
    missing = failed(await bench.ask(ask_for("keyless")))
    unknown = failed(await bench.ask(ask_for("plan")))
    toolless = failed(await bench.ask(ask_for("toolless", tools=(TOOL,))))
    provider = failed(await bench.ask(ask_for("nobody")))

    assert (missing.kind, unknown.kind, toolless.kind) == ("no_key", "unknown_model", "bad_request")
    assert provider.kind == "unknown_model"
    assert "NO_SUCH_KEY" in missing.text
    assert "plain" in unknown.text
    assert bench.server.requests == []


async def test_a_key_that_a_server_repeats_is_not_shown(bench: Bench) -> None:
    failure = failed(await bench.answered("keyed", Refuse(401, f"Incorrect key: {KEY}")))

    assert failure.kind == "refused_key"
    assert KEY not in failure.text


async def _closed_at_once(server: LoopbackModels) -> None:
    """Wait until the server has seen it, but not so long that our own limits could have closed the connection."""
    async with asyncio.timeout(LIMITS.idle / 2):
        await server.requests[0].hung_up.wait()


async def test_closing_the_stream_closes_the_connection(bench: Bench) -> None:
    bench.server.answer = lambda _: ["So far", Wait()]

    stream = bench.models.stream(ask_for("plain"))
    assert await anext(stream) == TextDelta("So far")
    await stream.aclose()

    await _closed_at_once(bench.server)


async def test_cancelling_before_the_first_word_closes_the_connection(bench: Bench) -> None:
    silent = asyncio.Event()

    async def answer(_: dict[str, Any]) -> Answer:
        await silent.wait()
        return []

    bench.server.answer = answer
    asking = asyncio.create_task(bench.ask(ask_for("plain")))
    async with asyncio.timeout(10):
        await bench.server.arrived.wait()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking

    await _closed_at_once(bench.server)


async def test_silence_of_every_sort_ends_at_our_limits(bench: Bench) -> None:
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

    bench.server.answer = answer
    stories = ["no headers", "no first word", "only comments", "silence later", "no end"]

    ends = [failed(events) for events in await asyncio.gather(*(bench.ask(ask_for("plain", s)) for s in stories))]

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
        await asyncio.gather(*(request.hung_up.wait() for request in bench.server.requests))


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


async def test_an_overload_told_inside_the_stream_is_one(bench: Bench) -> None:
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}

    early = failed(await bench.answered("claude", CLAUDE_THINKS[0], *anthropic(error), End(None)))
    late = failed(await bench.answered("claude", *CLAUDE_THINKS, *anthropic(error), End(None)))

    assert (early.kind, late.kind) == ("overloaded", "cut_off")


async def test_claude_cut_off_is_not_complete(bench: Bench) -> None:
    events = await bench.answered("claude", *CLAUDE_THINKS, End(None))

    last = events[-1]
    assert isinstance(last, Finished)
    assert (last.complete, last.usage.estimated) == (False, True)


async def test_a_host_that_dies_loses_its_requests_and_is_replaced(bench: Bench) -> None:
    bench.server.answer = lambda _: ["So far", Wait()]
    first = bench.models.pid
    stream = bench.models.stream(ask_for("plain"))
    assert await anext(stream) == TextDelta("So far")
    assert first is not None

    os.kill(first, signal.SIGKILL)
    rest = [event async for event in stream]
    again = await bench.answered("plain", "Here again.")

    assert failed(rest).kind == "host_lost"
    assert failed(rest).partial == "So far"
    assert text(again) == "Here again."
    assert bench.models.pid not in (None, first)


async def test_nothing_of_all_this_was_printed(bench: Bench, capfd: pytest.CaptureFixture[str]) -> None:
    await bench.answered("plain", Refuse(500, "oops"))
    await bench.ask(ask_for("nobody"))

    assert capfd.readouterr() == ("", "")
    assert bench.log.stat().st_mode & 0o777 == 0o600
