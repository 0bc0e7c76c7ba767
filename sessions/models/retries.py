"""Trying again, where it can do no harm and never in silence.

A loop of our own: tenacity, the well-kept library for this, decides by exception around a block and holds on to
whatever is raised in it, `GeneratorExit` and `CancelledError` included, so a stream of events that must close at
once cannot pass through it; and what is to be told apart here, a failure before the first visible piece or after it,
is nothing it knows of.
"""

import asyncio
import random
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass

from sessions.models.protocol import (
    Failed,
    FailureKind,
    Finished,
    ModelClient,
    ModelEvent,
    ModelFacts,
    ModelRequest,
)

_REASONS: dict[FailureKind, str] = {
    "rate_limited": "429, too many requests",
    "overloaded": "The provider is overloaded",
    "unreachable": "The server cannot be reached",
    "stalled": "No answer",
    "server_error": "The provider failed",
}


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """When to try again. Waits are in seconds and double from `first_wait` up to `longest_wait`.

    A provider that asks for a longer wait than `longest_wait` is not waited for: the failure is passed on, with its
    `retry_after`, to whoever can park the turn.
    """

    tries: int = 5
    silent_tries: int = 2
    """Tries of a model that went silent: each costs the whole limit, and the silence may be billed."""
    first_wait: float = 1.0
    longest_wait: float = 60.0
    spread: float = 0.2
    """How much longer a wait may turn out at random, as a share of it, so that windows do not all come back at once."""
    kinds: frozenset[FailureKind] = frozenset({"overloaded", "unreachable", "rate_limited", "stalled", "server_error"})

    def allowed(self, failure: Failed) -> int:
        """Return how many tries there are in all when one fails like this."""
        return min(self.tries, self.silent_tries) if failure.kind == "stalled" else self.tries

    def wait(self, failure: Failed, tried: int, chance: float) -> float | None:
        """Return the seconds to wait after a failure; None when it is not to be tried again.

        Args:
            tried: How many tries there were, from 1.
            chance: A number from 0 to 1 for the spread.
        """
        if failure.kind not in self.kinds or tried >= self.allowed(failure):
            return None
        if failure.retry_after is not None and failure.retry_after > self.longest_wait:
            return None
        usual = min(self.longest_wait, self.first_wait * 2 ** (tried - 1))
        return max(usual, failure.retry_after or 0.0) * (1 + self.spread * chance)


@dataclass(frozen=True, slots=True)
class RetryWait:
    """A wait about to begin: `tried` tries have failed, the next comes after `seconds`."""

    request: ModelRequest
    failure: Failed
    tried: int
    tries: int
    seconds: float

    @property
    def text(self) -> str:
        """What to tell the person, such as `429, too many requests; again in 7 s (try 2 of 5)`."""
        reason = _REASONS.get(self.failure.kind, self.failure.kind)
        return f"{reason}; again in {max(1, round(self.seconds))} s (try {self.tried + 1} of {self.tries})"


class RetryingModels:
    """A backend that tries a request again while nothing of its answer has been shown.

    Args:
        notify: Told of each wait before it begins.
        sleep: Waits.
        chance: Gives a number from 0 to 1 for the spread of a wait.
    """

    def __init__(
        self,
        inner: ModelClient,
        policy: RetryPolicy,
        *,
        notify: Callable[[RetryWait], None],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._inner = inner
        self._policy = policy
        self._notify = notify
        self._sleep = sleep
        self._chance = chance

    def facts(self, model: str) -> ModelFacts:
        """Return what the inner backend knows of a model."""
        return self._inner.facts(model)

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent]:
        """Yield the events of the first try that shows anything, or of the last one."""
        tried = 0
        while True:
            tried += 1
            wait: RetryWait | None = None
            shown = False
            async with aclosing(self._inner.stream(request)) as events:
                async for event in events:
                    if isinstance(event, Failed) and not shown and (wait := self._wait(request, event, tried)):
                        break
                    shown = shown or not isinstance(event, Finished | Failed)
                    yield event
            if wait is None:
                return
            self._notify(wait)
            await self._sleep(wait.seconds)

    def _wait(self, request: ModelRequest, failure: Failed, tried: int) -> RetryWait | None:
        seconds = self._policy.wait(failure, tried, self._chance())
        return None if seconds is None else RetryWait(request, failure, tried, self._policy.allowed(failure), seconds)

    async def close(self) -> None:
        """Close the inner backend."""
        await self._inner.close()
