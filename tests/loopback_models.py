"""A model server on 127.0.0.1 whose every answer is scripted, speaking OpenAI's chat completions as a stream.

A test gives a callback that sees the whole request and returns the pieces of the answer:

    def answer(request: dict[str, Any]) -> Answer:
        if request["model"] == "planner":
            return ["Two things ", "to do.", Call("plan_tasks", {"tasks": []})]
        return [Refuse(429, "slow down", {"Retry-After": "7"})]

    async with LoopbackModels(answer) as server:
        ...  # api_base = server.base_url
        server.requests[0].body["messages"]

A plain string is a piece of text. When the pieces do not say otherwise, the answer ends properly: with a finish
reason, with usage when the request asked for it, and with the closing mark. An exception in the callback, a failed
assertion say, is answered with status 500 and raised again when the server closes.
"""

import asyncio
import contextlib
import inspect
import itertools
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self


@dataclass(frozen=True)
class Think:
    """A piece of reasoning, sent as `reasoning_content`."""

    text: str


@dataclass(frozen=True)
class Call:
    """A tool call. `arguments` is sent in fragments of `fragment` characters; 0 sends it whole."""

    name: str
    arguments: Mapping[str, Any] | str
    id: str = ""
    fragment: int = 8


@dataclass(frozen=True)
class Raw:
    """Bytes of the body sent as they are, in place of an event."""

    text: str


@dataclass(frozen=True)
class Comments:
    """An SSE comment every `every` seconds, without end, as some providers send to keep a connection open."""

    every: float = 0.05


@dataclass(frozen=True)
class Wait:
    """Nothing more until the event is set; without an event, until the client goes away."""

    until: asyncio.Event | None = None


@dataclass(frozen=True)
class HangUp:
    """The connection breaks here, without the end of the body."""


@dataclass(frozen=True)
class End:
    """How the stream ends: no `reason` and no closing mark when the reason is None."""

    reason: str | None


@dataclass(frozen=True)
class Count:
    """The usage to report; without one, 11 in and 7 out."""

    input_tokens: int = 11
    output_tokens: int = 7
    cached_tokens: int = 0
    reported: bool = True


@dataclass(frozen=True)
class Refuse:
    """An HTTP error in place of a stream. A text becomes the message of an error object; `Raw` is sent as it is."""

    status: int
    body: str | Raw | Mapping[str, Any] = "refused"
    headers: Mapping[str, str] = field(default_factory=dict)


Piece = str | Think | Call | Raw | Comments | Wait | HangUp | End | Count | Refuse
Answer = Sequence[Piece]
Answering = Callable[[dict[str, Any]], Answer | Awaitable[Answer]]


@dataclass
class LoopbackRequest:
    """A request as it came. `hung_up` is set when the client closed the connection before the answer was over."""

    path: str
    headers: Mapping[str, str]
    body: dict[str, Any]
    hung_up: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def said(self) -> str:
        """The content of the last message, the usual thing to decide by."""
        return str(self.body["messages"][-1]["content"])


class LoopbackModels:
    """The server. `answer` may be replaced between requests; `requests` holds every request in order of arrival."""

    def __init__(self, answer: Answering) -> None:
        self.answer = answer
        self.requests: list[LoopbackRequest] = []
        self.arrived = asyncio.Event()
        self._faults: list[Exception] = []
        self._serving: set[asyncio.Task[Any]] = set()
        self._numbers = itertools.count(1)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0, limit=2**26)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in list(self._serving):
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)
        await self._server.wait_closed()
        if self._faults:
            raise self._faults[0]

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def forget(self) -> None:
        """Start a new story: no requests so far."""
        self.requests.clear()
        self.arrived = asyncio.Event()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        try:
            await self._converse(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # The client went away: what a test wants to know of it is in `hung_up`.
        except asyncio.CancelledError:
            pass  # The server closes; the stream's own callback would report a cancelled task as a fault.
        finally:
            self._serving.discard(task)
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await _read_request(reader)
        self.requests.append(request)
        self.arrived.set()
        answering = asyncio.ensure_future(self._reply(request, writer))
        watching = asyncio.ensure_future(reader.read())
        try:
            await asyncio.wait({answering, watching}, return_when=asyncio.FIRST_COMPLETED)
            if not answering.done():
                request.hung_up.set()
        finally:
            answering.cancel()
            watching.cancel()
            await asyncio.gather(answering, watching, return_exceptions=True)

    async def _reply(self, request: LoopbackRequest, writer: asyncio.StreamWriter) -> None:
        try:
            answer = self.answer(request.body)
            pieces = await answer if inspect.isawaitable(answer) else answer
        except Exception as fault:  # noqa: BLE001 - the callback is the test's own code: its failure must reach it.
            self._faults.append(fault)
            pieces = [Refuse(500, f"the script failed: {fault}")]
        if pieces and isinstance(pieces[0], Refuse):
            await _refuse(writer, pieces[0])
        else:
            await _Stream(writer, request.body, next(self._numbers)).play(pieces)


class _Stream:
    """One streamed answer."""

    def __init__(self, writer: asyncio.StreamWriter, request: Mapping[str, Any], number: int) -> None:
        self._writer = writer
        self._request = request
        self._number = number
        self._calls = 0
        self._end: End | None = None
        self._count = Count()

    async def play(self, pieces: Answer) -> None:
        self._writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n"
            b"Connection: close\r\n\r\n"
        )
        for piece in pieces:
            await self._play(piece)
        await self._close()

    async def _play(self, piece: Piece) -> None:
        match piece:
            case str():
                await self._delta({"role": "assistant", "content": piece})
            case Think():
                await self._delta({"role": "assistant", "reasoning_content": piece.text})
            case Call():
                await self._call(piece)
            case Raw():
                await self._send(piece.text)
            case Comments():
                while True:
                    await self._send(": still here\n\n")
                    await asyncio.sleep(piece.every)
            case Wait():
                await (piece.until or asyncio.Event()).wait()
            case HangUp():
                await self._writer.drain()
                self._writer.transport.abort()
                raise ConnectionAbortedError
            case End():
                self._end = piece
            case Count():
                self._count = piece
            case Refuse():
                raise AssertionError("a refusal stands alone")

    async def _call(self, call: Call) -> None:
        written = call.arguments if isinstance(call.arguments, str) else json.dumps(call.arguments)
        index, self._calls = self._calls, self._calls + 1
        step = call.fragment or len(written) or 1
        fragments = [written[start : start + step] for start in range(0, len(written), step)]
        whole = call.fragment == 0
        first = {
            "index": index,
            "id": call.id or f"call_{self._number}_{index}",
            "type": "function",
            "function": {"name": call.name, "arguments": written if whole else ""},
        }
        await self._delta({"role": "assistant", "content": None, "tool_calls": [first]})
        for fragment in [] if whole else fragments:
            await self._delta({"tool_calls": [{"index": index, "function": {"arguments": fragment}}]})

    async def _delta(self, delta: Mapping[str, Any], reason: str | None = None) -> None:
        await self._event(choices=[{"index": 0, "delta": delta, "finish_reason": reason}])

    async def _event(self, **fields: Any) -> None:
        body = {
            "id": f"chatcmpl-{self._number}",
            "object": "chat.completion.chunk",
            "created": 1,
            "model": self._request.get("model", ""),
            **fields,
        }
        await self._send(f"data: {json.dumps(body)}\n\n")

    async def _send(self, text: str) -> None:
        piece = text.encode()
        self._writer.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        await self._writer.drain()

    async def _close(self) -> None:
        end = self._end or End("tool_calls" if self._calls else "stop")
        if end.reason is not None:
            await self._delta({}, end.reason)
        wants_usage = (self._request.get("stream_options") or {}).get("include_usage")
        if wants_usage and self._count.reported and end.reason is not None:
            await self._event(choices=[], usage=_usage(self._count))
        if end.reason is not None:
            await self._send("data: [DONE]\n\n")
        self._writer.write(b"0\r\n\r\n")
        await self._writer.drain()


def _usage(count: Count) -> dict[str, Any]:
    return {
        "prompt_tokens": count.input_tokens,
        "completion_tokens": count.output_tokens,
        "total_tokens": count.input_tokens + count.output_tokens,
        "prompt_tokens_details": {"cached_tokens": count.cached_tokens},
    }


async def _read_request(reader: asyncio.StreamReader) -> LoopbackRequest:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {
        name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)
    }
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return LoopbackRequest(head[0].split(" ")[1], headers, json.loads(body or b"{}"))


async def _refuse(writer: asyncio.StreamWriter, refusal: Refuse) -> None:
    if isinstance(refusal.body, Raw):
        body, kind = refusal.body.text, "text/html"
    elif isinstance(refusal.body, str):
        body, kind = json.dumps({"error": {"message": refusal.body, "type": "error"}}), "application/json"
    else:
        body, kind = json.dumps(refusal.body), "application/json"
    extra = "".join(f"{name}: {value}\r\n" for name, value in refusal.headers.items())
    writer.write(
        f"HTTP/1.1 {refusal.status} Refused\r\nContent-Type: {kind}\r\nContent-Length: {len(body.encode())}\r\n"
        f"{extra}Connection: close\r\n\r\n{body}".encode()
    )
    await writer.drain()
