"""A model host with the real litellm, and the scripted server it asks."""

import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loopback_models import LoopbackModels, Piece, Raw

from sessions.models.fleet import Fleet
from sessions.models.host_client import LitellmModels
from sessions.models.host_lines import StreamLimits
from sessions.models.protocol import Failed, Finished, Message, ModelEvent, ModelRequest, TextDelta, ToolSchema

KEY = "a-key-of-this-test"
LIMITS = StreamLimits(first=4, idle=4, total=6)
TOOL = ToolSchema(
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


@dataclass
class Bench:
    """The models, the server they reach, and the log of their host."""

    models: LitellmModels
    server: LoopbackModels
    log: Path

    async def ask(self, request: ModelRequest) -> list[ModelEvent]:
        """Return every event of a request."""
        async with aclosing(self.models.stream(request)) as events:
            return [event async for event in events]

    async def answered(self, model: str, *pieces: Piece) -> list[ModelEvent]:
        """Return every event of a request that is answered with these pieces."""
        self.server.answer = lambda _: pieces
        return await self.ask(ask_for(model))


@contextlib.asynccontextmanager
async def opened(place: Path) -> AsyncIterator[Bench]:
    """Give a bench whose host is warm. Everything that is not local goes to the same server, and never further."""
    async with LoopbackModels(lambda _: []) as server:
        here = f"http://127.0.0.1:{server.port}"
        fleet = Fleet.parse(_FLEET.format(base=here, far="http://models.example.invalid"), "fleet.toml")
        environment = {
            "HOME": str(place),
            "HTTP_PROXY": here,
            "HTTPS_PROXY": "http://127.0.0.1:9",
            "TEST_MODEL_KEY": KEY,
            "OPENAI_API_KEY": "a-key-for-somebody-else",
        }
        models = LitellmModels(fleet, limits=LIMITS, environment=environment, log=place / "models.log")
        try:
            await models.ready()
            yield Bench(models, server, place / "models.log")
        finally:
            await models.close()


def ask_for(model: str, *messages: str | Message, **fields: Any) -> ModelRequest:
    """Return a request; a plain string is the user's message."""
    told = tuple(Message("user", each) if isinstance(each, str) else each for each in messages or ("go",))
    return ModelRequest("r1", model, told, **fields)


def finished(events: list[ModelEvent]) -> Finished:
    """Return the proper end of a stream; fail when it is none."""
    last = events[-1]
    assert isinstance(last, Finished), last
    return last


def failed(events: list[ModelEvent]) -> Failed:
    """Return the failure a stream ended with; fail when it did not."""
    last = events[-1]
    assert isinstance(last, Failed), last
    return last


def text(events: list[ModelEvent]) -> str:
    """Return the text that was shown."""
    return "".join(event.text for event in events if isinstance(event, TextDelta))


def anthropic(*events: dict[str, Any]) -> list[Piece]:
    return [Raw(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n") for event in events]


CLAUDE_THINKS = anthropic(
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
CLAUDE_ENDS = anthropic(
    {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 12}},
    {"type": "message_stop"},
)
