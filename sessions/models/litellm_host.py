"""The model host: a child process that owns litellm and runs every request to an API model.

Started as `python -m sessions.models.litellm_host`; speaks the lines of `host_lines` on standard input and output.
It ends when its input does: whoever started it cannot leave it behind, however that one dies.
"""

import asyncio
import contextlib
import functools
import gc
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any

from sessions.models.failures import failed
from sessions.models.fleet import FleetModel
from sessions.models.host_lines import HostCall, StreamLimits, event_line, line, read_call
from sessions.models.protocol import (
    Failed,
    Finished,
    Message,
    ModelEvent,
    ModelRequest,
    ReasoningDelta,
    TextDelta,
    ToolCallDelta,
    ToolSchema,
)

_COALESCE = 0.025
_LAST_GRACE = 1.0

Answering = Callable[[HostCall, Callable[[ModelEvent], None]], Awaitable[None]]

# Read while litellm is imported: in its default mode it loads the .env of the project around it, and several files
# are fetched from the network unless told otherwise.
_SETTINGS = {
    "LITELLM_MODE": "PRODUCTION",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS": "True",
    "LITELLM_LOCAL_BLOG_POSTS": "True",
    "LITELLM_LOCAL_POLICY_TEMPLATES": "True",
    "LITELLM_LOCAL_AUTOROUTER_PRESETS": "True",
    "LITELLM_LOG": "ERROR",
    "HF_HUB_OFFLINE": "1",
}


class Outbox:
    """Gathers one call's pieces for a moment, so that a fast stream costs few lines. Anything else goes out at once."""

    def __init__(self, number: int, write: Callable[[bytes], None]) -> None:
        self._number = number
        self._write = write
        self._held: list[TextDelta | ReasoningDelta | ToolCallDelta] = []
        self._timer: asyncio.TimerHandle | None = None

    def put(self, event: ModelEvent) -> None:
        """Take an event."""
        if isinstance(event, Finished | Failed):
            self.flush()
            self._write(event_line(self._number, event))
            return
        if self._held and not _same_kind(self._held[-1], event):
            self.flush()
        self._held.append(event)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_COALESCE, self.flush)

    def flush(self) -> None:
        """Send what is held."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._held:
            first, text = self._held[0], "".join(piece.text for piece in self._held)
            if isinstance(first, ToolCallDelta):
                joined = ToolCallDelta(first.index, first.name, text)
            else:
                joined = type(first)(text)
            self._held.clear()
            self._write(event_line(self._number, joined))


def _same_kind(held: TextDelta | ReasoningDelta | ToolCallDelta, event: ModelEvent) -> bool:
    if isinstance(held, ToolCallDelta):
        return isinstance(event, ToolCallDelta) and event.index == held.index
    return type(held) is type(event)


class ModelHost:
    """Runs calls, each in a task of its own, until its input ends."""

    def __init__(self, answer: Answering, write: Callable[[bytes], None]) -> None:
        self._answer = answer
        self._write = write
        self._calls: dict[int, asyncio.Task[None]] = {}

    async def serve(self, orders: asyncio.Queue[bytes | None]) -> None:
        """Follow orders until there are no more; then cancel every call and return once all are closed."""
        while (order := await orders.get()) is not None:
            fields: dict[str, Any] = json.loads(order)
            if "start" in fields:
                self._start(read_call(fields["start"]))
            elif "cancel" in fields:
                self._cancel(int(fields["cancel"]))
        for task in self._calls.values():
            task.cancel()
        await asyncio.gather(*self._calls.values(), return_exceptions=True)

    def _start(self, call: HostCall) -> None:
        task = asyncio.create_task(self._run(call), name=f"call {call.number}")
        self._calls[call.number] = task
        # Not in the task itself: one cancelled before its first step never runs at all.
        task.add_done_callback(functools.partial(self._ended, call.number))

    async def _run(self, call: HostCall) -> None:
        outbox = Outbox(call.number, self._write)
        try:
            await self._answer(call, outbox.put)
        finally:
            outbox.flush()

    def _ended(self, number: int, task: asyncio.Task[None]) -> None:
        del self._calls[number]
        if task.cancelled():
            self._write(line(number=number, closed=True))
        elif (error := task.exception()) is not None:
            self._write(event_line(number, failed("server_error", f"in the model host: {error!r}")))

    def _cancel(self, number: int) -> None:
        task = self._calls.get(number)
        if task is not None:
            task.cancel()
        else:  # It ended while the order was on its way.
            self._write(line(number=number, closed=True))


def _listen(inbox: "Inbox") -> None:
    """Read orders in a thread, so that the end of the input is noticed even while litellm holds the loop."""
    for order in sys.stdin.buffer:
        if order.endswith(b"\n"):  # Else its writer died in the middle of it.
            inbox.put(order)
    inbox.put(None)
    time.sleep(_LAST_GRACE)
    os._exit(0)


class Inbox:
    """Orders on their way from the reading thread to the loop, which may not run yet."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._early: list[bytes | None] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._orders: asyncio.Queue[bytes | None] = asyncio.Queue()

    def put(self, order: bytes | None) -> None:
        """Take an order, from the thread; None is the end, which before the loop runs ends the process."""
        with self._lock:
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._orders.put_nowait, order)
            elif order is None:
                os._exit(0)
            else:
                self._early.append(order)

    def open(self) -> asyncio.Queue[bytes | None]:
        """Return the queue of orders, in the loop."""
        with self._lock:
            self._loop = asyncio.get_running_loop()
            for order in self._early:
                self._orders.put_nowait(order)
        return self._orders


async def warm_up(answer: Answering) -> None:
    """Run one call with a tool against a one-answer server of our own: the first call loads what importing did not."""
    tool = ToolSchema("warm_up", "Does nothing.", {"type": "object", "properties": {}})
    request = ModelRequest("warm-up", "warm-up", (Message("user", "warm up"),), (tool,))
    server = await asyncio.start_server(_answer_once, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        entry = FleetModel(model="openai/warm-up", api_base=f"http://127.0.0.1:{port}/v1")
        await answer(HostCall(0, entry, request, StreamLimits(5, 5, 5)), lambda _: None)


async def _answer_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    chunk: dict[str, Any] = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "warm-up"}
    call = {"index": 0, "id": "1", "type": "function", "function": {"name": "warm_up", "arguments": "{}"}}
    delta = {"role": "assistant", "content": "warm", "tool_calls": [call]}
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
    events: list[dict[str, Any]] = [
        {**chunk, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]},
        {**chunk, "choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]},
        {**chunk, "choices": [], "usage": usage},
    ]
    body = "".join(f"data: {json.dumps(event)}\n\n" for event in events) + "data: [DONE]\n\n"
    await reader.readuntil(b"\r\n\r\n")
    head = f"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: {len(body)}\r\n"
    writer.write(f"{head}Connection: close\r\n\r\n{body}".encode())
    await writer.drain()
    writer.close()


def _take_output() -> int:
    """Return a descriptor for the lines, and send what anything else prints to the log on standard error."""
    output = os.dup(1)
    os.dup2(2, 1)
    sys.stdout = (
        sys.stderr
    )  # Unlike the other it is not buffered, and this process never ends in a way that would flush.
    return output


async def _serve(answer: Answering, inbox: Inbox, output: int) -> None:
    """Serve until the input ends, then end the process: leaving litellm to an orderly exit takes a second."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_write_pipe(_Output, os.fdopen(output, "wb", buffering=0))
    with contextlib.suppress(OSError):  # Without a port to listen on the first call is slower, and that is all.
        await warm_up(answer)
    # Hundreds of thousands of objects stay for good: looking through them would stop every stream for 200 ms at a
    # time.
    gc.collect()
    gc.freeze()
    gc.enable()
    transport.write(line(ready=True))
    await ModelHost(answer, transport.write).serve(inbox.open())
    os._exit(0)


class _Output(asyncio.BaseProtocol):
    """The way out. When nobody reads any more there is nobody to work for."""

    def connection_lost(self, exc: Exception | None) -> None:
        os._exit(0)


def main() -> None:
    """Be the model host. Never returns."""
    output = _take_output()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ.update(_SETTINGS)
    os.write(output, line(hello=os.getpid()))
    inbox = Inbox()
    threading.Thread(target=_listen, args=(inbox,), daemon=True).start()
    gc.disable()
    try:
        # Here and not above: the settings come first, and whoever imports this module must not import litellm.
        from sessions.models.litellm_backend import answer
    except ImportError as error:
        missing = isinstance(error, ModuleNotFoundError) and error.name == "litellm"
        os.write(output, line(unusable="missing" if missing else f"litellm cannot be loaded: {error}"))
        os._exit(1)
    asyncio.run(_serve(answer, inbox, output))


if __name__ == "__main__":
    main()
