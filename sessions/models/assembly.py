"""One answer put together from the pieces of its stream, and the pieces worth showing. Pure; knows no provider.

The chunks are those of OpenAI's chat completions as litellm gives them: `choices[0].delta` with `content`,
`reasoning_content`, `thinking_blocks` and `tool_calls`, whose fragments are joined by index.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sessions.models.protocol import (
    Message,
    ModelEvent,
    ReasoningDelta,
    TextDelta,
    ToolCall,
    ToolCallDelta,
)

_OPEN, _CLOSE = "<think>", "</think>"


class ThinkSplitter:
    """Divides content into text and the reasoning some models write between `<think>` and `</think>` before it.

    Only a block at the very start counts: further on the words are text about such marks.
    """

    def __init__(self) -> None:
        self._held = ""
        self._state = "start"
        self._thought = False

    def feed(self, content: str) -> Iterator[TextDelta | ReasoningDelta]:
        """Yield what the next piece of content settles; a mark that may still be growing is held back."""
        self._held += content
        if self._state == "start":
            yield from self._begin()
        elif self._state == "thinking":
            yield from self._think()
        else:
            yield from self._release(TextDelta)

    def end(self) -> Iterator[TextDelta | ReasoningDelta]:
        """Yield what was still held back when the stream ended."""
        yield from self._release(ReasoningDelta if self._state == "thinking" else TextDelta)

    def _begin(self) -> Iterator[TextDelta | ReasoningDelta]:
        begun = self._held.lstrip()
        if self._thought:
            self._held = begun
        if begun.startswith(_OPEN):
            self._state, self._held = "thinking", begun[len(_OPEN) :]
            yield from self._think()
        elif not _OPEN.startswith(begun):
            self._state = "text"
            yield from self._release(TextDelta)

    def _think(self) -> Iterator[TextDelta | ReasoningDelta]:
        thought, closed, rest = self._held.partition(_CLOSE)
        if closed:
            self._held = thought
            yield from self._release(ReasoningDelta)
            self._state, self._held, self._thought = "start", rest, True
            yield from self._begin()
            return
        kept = next((size for size in range(len(_CLOSE) - 1, 0, -1) if self._held.endswith(_CLOSE[:size])), 0)
        cut = len(self._held) - kept
        if cut:
            yield ReasoningDelta(self._held[:cut])
            self._held = self._held[cut:]

    def _release(self, kind: type[TextDelta] | type[ReasoningDelta]) -> Iterator[TextDelta | ReasoningDelta]:
        if self._held:
            yield kind(self._held)
            self._held = ""


@dataclass(slots=True)
class _Call:
    id: str
    name: str
    arguments: str


class Assembly:
    """An answer in the making.

    Args:
        request: The request's id, from which a missing call id is made: some local servers give none.
    """

    def __init__(self, request: str) -> None:
        self._request = request
        self._splitter = ThinkSplitter()
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._calls: list[_Call] = []
        self._slots: dict[int, int] = {}
        self._thinking_blocks: list[dict[str, Any]] = []
        self.begun = False
        """Whether anything of it could be shown yet."""

    @property
    def text(self) -> str:
        """The text so far."""
        return "".join(self._text)

    @property
    def reasoning(self) -> str:
        """The reasoning that came as such, not in the text."""
        return "".join(self._reasoning)

    @property
    def thinking_blocks(self) -> Sequence[Mapping[str, Any]]:
        """Blocks with a signature, which their provider wants back unchanged; one that was cut off is left out."""
        return [block for block in self._thinking_blocks if block.get("signature") or block.get("data")]

    def take(self, delta: Any) -> list[ModelEvent]:
        """Add a delta and return what of it can be shown."""
        shown: list[ModelEvent] = []
        for block in getattr(delta, "thinking_blocks", None) or ():
            self._take_thinking(block)
        if reasoning := getattr(delta, "reasoning_content", None):
            self._reasoning.append(reasoning)
            shown.append(ReasoningDelta(reasoning))
        if content := getattr(delta, "content", None):
            shown.extend(self._keep(self._splitter.feed(content)))
        for fragment in getattr(delta, "tool_calls", None) or ():
            if (piece := self._take_call(fragment)) is not None:
                shown.append(piece)
        self.begun = self.begun or bool(shown)
        return shown

    def end(self) -> list[ModelEvent]:
        """Return what was held back, now that the stream has ended."""
        return self._keep(self._splitter.end())

    def message(self, opaque: Mapping[str, Any]) -> Message:
        """Return the whole answer."""
        calls = tuple(ToolCall(call.id, call.name, call.arguments) for call in self._calls)
        return Message("assistant", self.text, calls, opaque=opaque)

    def _keep(self, pieces: Iterator[TextDelta | ReasoningDelta]) -> list[ModelEvent]:
        kept: list[ModelEvent] = []
        for piece in pieces:
            if isinstance(piece, TextDelta):
                self._text.append(piece.text)
            kept.append(piece)
        return kept

    def _take_call(self, fragment: Any) -> ToolCallDelta | None:
        function = fragment.function
        name, arguments, given = function.name or "", function.arguments or "", fragment.id or ""
        slot = self._slot(fragment.index, given, name)
        first = slot == len(self._calls)
        if first:
            self._calls.append(_Call(given or f"call_{self._request}_{slot}", name, arguments))
        else:
            self._calls[slot].arguments += arguments
        return ToolCallDelta(slot, name if first else "", arguments) if first or arguments else None

    def _slot(self, index: int | None, given: str, name: str) -> int:
        """Return the place of a fragment's call; a second id with a name under one index is another call."""
        index = index or 0
        slot = self._slots.get(index)
        if slot is None or (given and name and given != self._calls[slot].id):
            slot = self._slots[index] = len(self._calls)
        return slot

    def _take_thinking(self, block: Any) -> None:
        """Join the pieces of a block: text comes in many, and the signature that closes it last."""
        piece: dict[str, Any] = dict(block)
        last = self._thinking_blocks[-1] if self._thinking_blocks else None
        if last is None or last.get("signature") or last.get("type") != piece.get("type") or "data" in piece:
            self._thinking_blocks.append(piece)
            return
        last["thinking"] = (last.get("thinking") or "") + (piece.get("thinking") or "")
        if piece.get("signature"):
            last["signature"] = piece["signature"]
