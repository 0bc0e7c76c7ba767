"""API models: the backend that runs requests in the model host. Never imports litellm."""

import asyncio
import itertools
import os
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from pathlib import Path

from sessions.errors import FleetError
from sessions.models.failures import failed
from sessions.models.fleet import Fleet
from sessions.models.host_lines import HostCall, StreamLimits
from sessions.models.host_process import HostProcess, Inbox
from sessions.models.protocol import Failed, Finished, ModelEvent, ModelFacts, ModelRequest, TextDelta

_LONGEST_BACK_OFF = 30.0


class LitellmModels:
    """The models of a fleet, through litellm in a child process.

    The child is started by the first request, or before by `start`. When it dies, its open requests end as
    `host_lost` and the next request starts another, after a wait that doubles with each death in a row.

    Args:
        fleet: The models that can be asked for.
        limits: How long a stream may be silent or last.
        environment: Where the keys are read from, and what the child sees; the process's own when None.
        log: A file for what litellm prints; dropped when None.
        patience: Seconds the child may be later than the limits before it counts as hung and is killed.
        sleep: Waits out a back-off.
    """

    def __init__(
        self,
        fleet: Fleet,
        *,
        limits: StreamLimits | None = None,
        environment: Mapping[str, str] | None = None,
        log: Path | None = None,
        patience: float = 15.0,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._fleet = fleet
        self._limits = limits or StreamLimits()
        self._environment = os.environ if environment is None else environment
        self._log = log
        self._silence = max(self._limits.first, self._limits.idle) + patience
        self._sleep = sleep
        self._numbers = itertools.count(1)
        self._starting = asyncio.Lock()
        self._host: HostProcess | None = None
        self._deaths = 0
        self._closed = False

    @property
    def pid(self) -> int | None:
        """The process id of the running host; None when none runs."""
        return None if self._host is None or self._host.lost else self._host.pid

    def facts(self, model: str) -> ModelFacts:
        """Return what the fleet file says of a model; a local one without prices costs nothing.

        Raises:
            FleetError: If the fleet has no such model.
        """
        entry = self._fleet.model(model)
        free = 0.0 if entry.local else None
        return ModelFacts(
            name=model,
            context_window=entry.context_window,
            input_price=free if entry.input_price is None else entry.input_price / 1e6,
            output_price=free if entry.output_price is None else entry.output_price / 1e6,
            tools=entry.tools,
        )

    async def start(self) -> None:
        """Start the host without waiting for it to be ready: importing litellm takes some seconds. Safe to repeat.

        Raises:
            FleetError: If it cannot be started.
        """
        await self._running_host()

    async def ready(self) -> None:
        """Start the host if need be and wait until it can take requests.

        Raises:
            FleetError: If it cannot be started, or litellm is not installed or cannot be loaded.
        """
        await (await self._running_host()).ready()

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent]:
        """Send a request and yield its events.

        Closing the generator or cancelling its task returns only once the connection is closed.
        """
        refusal = self._refusal(request)
        if refusal is not None:
            yield refusal
            return
        try:
            host = await self._running_host()
            await host.ready()
        except FleetError as error:
            yield failed("host_lost", " ".join(filter(None, (error.what, error.next))))
            return
        call = HostCall(next(self._numbers), self._fleet.model(request.model), request, self._limits)
        inbox = host.open(call)
        said: list[str] = []
        ended = False
        try:
            while not ended:
                event = await self._next(host, inbox) or failed(
                    "host_lost", "it ended during the request", "".join(said)
                )
                if isinstance(event, TextDelta):
                    said.append(event.text)
                elif isinstance(event, Finished | Failed):
                    ended = True
                    self._deaths = 0 if isinstance(event, Finished) else self._deaths
                yield event
        finally:
            if ended:
                host.release(call.number)
            else:
                await host.cancel(call.number)

    async def _next(self, host: HostProcess, inbox: Inbox) -> ModelEvent | None:
        """Return the next event; None when the host is lost. The host keeps the limits: one that does not is hung."""
        try:
            async with asyncio.timeout(self._silence):
                return await inbox.get()
        except TimeoutError:
            await host.kill()
            return None

    async def close(self) -> None:
        """End the host; open requests end as `host_lost`, and so does every later one. Safe to repeat."""
        self._closed = True
        if self._host is not None:
            await self._host.close()

    def _refusal(self, request: ModelRequest) -> Failed | None:
        """Return why a request need not be sent at all."""
        if request.model not in self._fleet.models:
            known = ", ".join(self._fleet.models) or "none"
            return failed("unknown_model", f"the fleet has no {request.model!r}; it has: {known}")
        entry = self._fleet.models[request.model]
        if request.tools and not entry.tools:
            return failed("bad_request", f"the fleet file says that {request.model} takes no tools")
        if entry.needs_key and not self._environment.get(entry.needs_key, "").strip():
            return failed("no_key", f"set the environment variable {entry.needs_key}")
        return None

    async def _running_host(self) -> HostProcess:
        async with self._starting:
            if self._closed:
                raise FleetError("The models were closed")
            if self._host is not None and not self._host.lost:
                return self._host
            if self._host is not None and not self._host.unusable:
                await self._back_off()
            self._host = await HostProcess.start(self._environment, self._log)
            if self._closed:  # While it was being started.
                await self._host.close()
                raise FleetError("The models were closed")
            return self._host

    async def _back_off(self) -> None:
        """Wait before another host is started: one that dies at once must not be started in a circle."""
        self._deaths += 1
        await self._sleep(min(_LONGEST_BACK_OFF, 0.25 * 2**self._deaths))
