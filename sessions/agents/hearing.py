"""One answer of a model as it streams: shown piece by piece, and written into the transcript."""

import json
import re
from dataclasses import dataclass, field

from sessions.agents.protocol import TurnSink
from sessions.agents.transcript import Transcript
from sessions.agents.wording import one_line, storable
from sessions.models.protocol import (
    Failed,
    Finished,
    Message,
    ModelEvent,
    ReasoningDelta,
    TextDelta,
    ToolCallDelta,
    Usage,
)
from sessions.prompts import estimate_tokens

_PATH = re.compile(r'"path"\s*:\s*("(?:[^"\\]|\\.)*")')
_HEADLINE_LIMIT = 4000
_SHOWN_WITH_PATH = ("write_file", "edit_file", "read_file")


@dataclass(slots=True)
class _Headline:
    """A tool call being written: shown once, as soon as it can be said what it is about."""

    name: str
    arguments: str = ""
    shown: bool = False


@dataclass(slots=True)
class Hearing:
    """Listens to one answer."""

    sink: TurnSink
    transcript: Transcript
    heard: int = 0
    """Tokens that came, estimated: what an answer that never finished is counted by."""
    said: bool = False
    _headlines: dict[int, _Headline] = field(default_factory=dict[int, _Headline])

    def take(self, event: ModelEvent) -> None:
        """Show a piece."""
        match event:
            case TextDelta(text):
                self._say(text)
            case ReasoningDelta(text):
                self.heard += estimate_tokens(text)
                self.transcript.reason(text)
                self.sink.delta("reasoning", storable(text))
            case ToolCallDelta(index, name, text):
                self.heard += estimate_tokens(text)
                self._write(self._headlines.setdefault(index, _Headline(name)), text)
            case Finished(message):
                # A backend may give the text only as a whole.
                if message.content and not self.said:
                    self._say(message.content)
            case Failed():
                pass

    def end(self) -> None:
        """Show what was held back for a path that never came."""
        for headline in self._headlines.values():
            self._show(headline, "")

    def usage(self, messages: tuple[Message, ...]) -> Usage:
        """Return an estimate of what an answer cost that was not heard to its end; its price is unknown."""
        sent = sum(estimate_tokens(message.content) for message in messages)
        return Usage(sent, self.heard, cost=None, estimated=True)

    def _say(self, text: str) -> None:
        self.said = True
        self.heard += estimate_tokens(text)
        self.transcript.say(text)
        self.sink.delta("text", storable(text))

    def _write(self, headline: _Headline, text: str) -> None:
        """Wait for the path where it is what matters; a call's arguments are never shown as they flood in."""
        if headline.shown:
            return
        headline.arguments += text
        if headline.name not in _SHOWN_WITH_PATH:
            self._show(headline, "")
        elif found := _PATH.search(headline.arguments):
            self._show(headline, _unquoted(found[1]))
        elif len(headline.arguments) > _HEADLINE_LIMIT:
            self._show(headline, "")

    def _show(self, headline: _Headline, path: str) -> None:
        if not headline.shown:
            headline.shown = True
            line = f"{headline.name}: {path}" if path else headline.name
            self.sink.delta("tool", f"{one_line(storable(line))}\n")


def _unquoted(quoted: str) -> str:
    try:
        return str(json.loads(quoted))
    except ValueError:
        return quoted
