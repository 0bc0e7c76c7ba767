"""One client in front of several backends: the rehearsal models and the litellm host side by side."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from sessions.models.protocol import ModelClient, ModelEvent, ModelFacts, ModelRequest


class RoutedModels:
    """Sends each request to the backend whose prefix its model's name begins with, the longest first."""

    def __init__(self, backends: dict[str, ModelClient]) -> None:
        """Take the backends by prefix; the empty prefix takes what no other takes."""
        self._backends = dict(sorted(backends.items(), key=lambda item: -len(item[0])))

    def _backend(self, model: str) -> ModelClient:
        return next(client for prefix, client in self._backends.items() if model.startswith(prefix))

    def facts(self, model: str) -> ModelFacts:
        """Return what the model's backend knows of it."""
        return self._backend(model).facts(model)

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent]:
        """Yield the events of the model's backend."""
        async with aclosing(self._backend(request.model).stream(request)) as events:
            async for event in events:
                yield event

    async def close(self) -> None:
        """End every backend."""
        for client in self._backends.values():
            await client.close()
