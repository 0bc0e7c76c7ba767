"""What every model backend speaks: a request in, a stream of events out.

The litellm host, the rehearsal models and the doubles of the tests implement `ModelClient`; nothing above this module
can tell them apart.
"""

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

FailureKind = Literal[
    "cut_off", "stalled", "unreachable", "no_key", "refused_key", "unknown_model", "rate_limited", "out_of_credit",
    "overloaded", "context_too_long", "content_refused", "bad_request", "server_error", "host_lost", "budget",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call a model made: `arguments` is the JSON text exactly as the model wrote it."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation.

    `opaque` holds what a provider wants back unchanged with an assistant message (signed thinking blocks, say); it is
    meaningful only to the model that produced it and is dropped when the conversation moves to another one.
    """

    role: Literal["system", "user", "assistant", "tool"]
    content: str
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str = ""
    opaque: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class ToolSchema:
    """A function tool: `parameters` is a JSON schema object without `$ref`."""

    name: str
    description: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """One request to a model. `model` is the fleet's name of it, such as `opus` or `rehearsal/planner`."""

    id: str
    model: str
    messages: tuple[Message, ...]
    tools: tuple[ToolSchema, ...] = ()
    tool_choice: Literal["auto", "required", "none"] = "auto"
    max_output_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one request. `estimated` is true when the provider did not report them; `cost` is in US dollars, None
    unknown.
    """

    input_tokens: int
    output_tokens: int
    cached_tokens: int = 0
    cost: float | None = None
    estimated: bool = False


@dataclass(frozen=True, slots=True)
class TextDelta:
    """A piece of the answer's text."""

    text: str


@dataclass(frozen=True, slots=True)
class ReasoningDelta:
    """A piece of the model's visible reasoning."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolCallDelta:
    """A piece of a tool call being written: the name comes whole in the first piece, the arguments as fragments."""

    index: int
    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Finished:
    """The stream ended properly: the whole answer as one assistant message.

    `complete` is false when the provider never said that it had finished: such an answer is never a transition.
    """

    message: Message
    usage: Usage
    reason: str
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Failed:
    """The request failed. `partial` is the text that came before; `retry_after` is in seconds, None if unknown."""

    kind: FailureKind
    text: str
    retry_after: float | None = None
    partial: str = ""


ModelEvent = TextDelta | ReasoningDelta | ToolCallDelta | Finished | Failed


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What is known of a model: window in tokens, prices in US dollars a token; None is unknown."""

    name: str
    context_window: int | None = None
    input_price: float | None = None
    output_price: float | None = None
    tools: bool = True
    rehearsal: bool = False


class ModelClient(Protocol):
    """A backend. The last event of a stream is always `Finished` or `Failed`, unless the stream is closed before."""

    def facts(self, model: str) -> ModelFacts:
        """Return what is known of a model without asking anybody."""
        ...

    def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent]:
        """Send a request and yield its events. Closing the generator, or cancelling its task, closes the connection."""
        ...

    async def close(self) -> None:
        """End the backend and everything it started. Safe to repeat."""
        ...
