"""The lines between the model host and its client: one JSON object each, in both directions.

To the host: `{"start": HostCall}` and `{"cancel": NUMBER}`. From it: `{"hello": PID}` before litellm is loaded,
`{"ready": true}` once it is warm, `{"unusable": REASON}` in place of ready, and for each call `{"number": N,
"event": NAME, "body": {...}}`, ended by a `Finished` or `Failed` or, after a cancel, by `{"number": N, "closed":
true}`.
"""

import json
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import TypeAdapter
from pydantic_core import PydanticSerializationError

from sessions.models.fleet import FleetModel
from sessions.models.protocol import ModelEvent, ModelRequest


@dataclass(frozen=True, slots=True)
class StreamLimits:
    """How long a stream may be silent or last, in seconds.

    `first` is for the first visible piece, connecting included; some models think for minutes before it and show
    nothing of that. `idle` is for each later piece. Keep-alives do not count as pieces.
    """

    first: float = 300.0
    idle: float = 90.0
    total: float = 1800.0


@dataclass(frozen=True, slots=True)
class HostCall:
    """A request on its way to the host. `number` is unique among the calls of one host."""

    number: int
    entry: FleetModel
    request: ModelRequest
    limits: StreamLimits


_CALL = TypeAdapter(HostCall)
_EVENTS: dict[str, TypeAdapter[ModelEvent]] = {
    kind.__name__: TypeAdapter(kind) for kind in get_args(ModelEvent)
}  # fmt: skip


def start_line(call: HostCall) -> bytes:
    """Return the line that starts a call."""
    return b'{"start":' + _dumped(_CALL, call) + b"}\n"


def read_call(fields: object) -> HostCall:
    """Return the call a start line carried."""
    return _CALL.validate_python(fields)


def event_line(number: int, event: ModelEvent) -> bytes:
    """Return the line that carries an event of a call."""
    name = type(event).__name__
    body = _dumped(_EVENTS[name], event)
    return b'{"number":%d,"event":"%s","body":%s}\n' % (number, name.encode(), body)


def read_event(name: str, body: object) -> ModelEvent:
    """Return the event a line carried."""
    return _EVENTS[name].validate_python(body)


def _dumped(adapter: TypeAdapter[Any], value: object) -> bytes:
    """Return a value as JSON.

    Servers cut characters in two, and a half cannot be written as UTF-8: halves that meet again are joined, others are
    replaced.
    """
    try:
        return adapter.dump_json(value)
    except PydanticSerializationError:
        text = json.dumps(adapter.dump_python(value), ensure_ascii=False)
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").encode()


def line(**fields: Any) -> bytes:
    """Return any other line."""
    return json.dumps(fields).encode() + b"\n"
