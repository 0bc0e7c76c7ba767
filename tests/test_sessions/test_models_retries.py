import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from sessions.models.protocol import (
    Failed,
    FailureKind,
    Finished,
    Message,
    ModelEvent,
    ModelFacts,
    ModelRequest,
    TextDelta,
    Usage,
)
from sessions.models.retries import RetryingModels, RetryPolicy, RetryWait

_REQUEST = ModelRequest("r1", "opus", (Message("user", "go"),))
_DONE = Finished(Message("assistant", "done"), Usage(1, 1), "stop")


class ScriptedModels:
    """Plays one list of events for each try; counts the tries and the streams that were closed."""

    def __init__(self, *tries: list[ModelEvent]) -> None:
        self._tries = list(tries)
        self.asked = 0
        self.closed = 0

    def facts(self, model: str) -> ModelFacts:
        return ModelFacts(model, context_window=9)

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent]:
        self.asked += 1
        try:
            for event in self._tries.pop(0):
                await asyncio.sleep(0)
                yield event
        finally:
            self.closed += 1

    async def close(self) -> None:
        self.asked = -1


class Bench:
    """Retrying models over a script, with a clock that only notes."""

    def __init__(self, *tries: list[ModelEvent], policy: RetryPolicy | None = None, chance: float = 0.0) -> None:
        self.inner = ScriptedModels(*tries)
        self.waits: list[RetryWait] = []
        self.slept: list[float] = []
        self.models = RetryingModels(
            self.inner,
            policy or RetryPolicy(),
            notify=self.waits.append,
            sleep=self._sleep,
            chance=lambda: chance,
        )

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    async def ask(self) -> list[ModelEvent]:
        async with aclosing(self.models.stream(_REQUEST)) as events:
            return [event async for event in events]


@pytest.mark.parametrize("kind", ["overloaded", "unreachable", "rate_limited", "server_error"])
async def test_a_passing_fault_is_tried_again_with_growing_waits(kind: FailureKind) -> None:
    bench = Bench([Failed(kind, "")], [Failed(kind, "")], [TextDelta("done"), _DONE])

    assert await bench.ask() == [TextDelta("done"), _DONE]
    assert bench.slept == [1.0, 2.0]
    assert bench.inner.closed == 3


async def test_each_wait_is_announced_before_it_begins() -> None:
    bench = Bench([Failed("rate_limited", "", retry_after=7)], [_DONE])

    await bench.ask()

    assert [wait.text for wait in bench.waits] == ["429, too many requests; again in 7 s (try 2 of 5)"]
    assert bench.waits[0].request is _REQUEST
    assert bench.slept == [7]


@pytest.mark.parametrize(
    "kind",
    [
        "refused_key",
        "no_key",
        "unknown_model",
        "out_of_credit",
        "context_too_long",
        "bad_request",
        "cut_off",
        "host_lost",
    ],
)
async def test_what_would_fail_again_is_not_tried_again(kind: FailureKind) -> None:
    failure = Failed(kind, "")
    bench = Bench([failure])

    assert await bench.ask() == [failure]
    assert bench.waits == []


async def test_nothing_is_tried_again_once_something_was_shown() -> None:
    failure = Failed("overloaded", "", partial="so")
    bench = Bench([TextDelta("so"), failure])

    assert await bench.ask() == [TextDelta("so"), failure]
    assert bench.inner.asked == 1


async def test_the_last_try_reports_its_failure() -> None:
    tries: list[list[ModelEvent]] = [[Failed("overloaded", str(number))] for number in range(3)]
    bench = Bench(*tries, policy=RetryPolicy(tries=3))

    assert await bench.ask() == [Failed("overloaded", "2")]
    assert len(bench.waits) == 2


async def test_a_silent_model_is_tried_once_more_and_no_oftener() -> None:
    bench = Bench([Failed("stalled", "1")], [Failed("stalled", "2")])

    assert await bench.ask() == [Failed("stalled", "2")]
    assert [wait.text for wait in bench.waits] == ["No answer; again in 1 s (try 2 of 2)"]


async def test_a_wait_longer_than_the_limit_is_left_to_others() -> None:
    failure = Failed("rate_limited", "", retry_after=3600)
    bench = Bench([failure])

    assert await bench.ask() == [failure]
    assert bench.slept == []


async def test_waits_grow_no_further_than_the_limit_and_are_spread() -> None:
    tries: list[list[ModelEvent]] = [[Failed("overloaded", "")] for _ in range(4)]
    bench = Bench(*tries, policy=RetryPolicy(tries=4, first_wait=10, longest_wait=20, spread=0.5), chance=1.0)

    await bench.ask()

    assert bench.slept == [15.0, 30.0, 30.0]


async def test_closing_the_stream_closes_the_one_beneath() -> None:
    bench = Bench([TextDelta("so"), _DONE])

    stream = bench.models.stream(_REQUEST)
    assert await anext(stream) == TextDelta("so")
    await stream.aclose()

    assert bench.inner.closed == 1


async def test_the_rest_is_the_inner_backends() -> None:
    bench = Bench()

    assert bench.models.facts("opus").context_window == 9
    await bench.models.close()
    assert bench.inner.asked == -1
