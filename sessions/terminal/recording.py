"""Recordings of terminals in asciicast v3, so that any player plays them, and the reader that replays them.

A line for each event, written at once: a killed host loses at most the event it was writing. Format:
https://docs.asciinema.org/manual/asciicast/v3/
"""

from __future__ import annotations

import codecs
import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias, cast

from sessions.errors import AgentError

LARGEST_RECORDING = 256 * 1024 * 1024
"""Bytes after which a recording stops growing, unless its caller says otherwise."""

_ROOM_FOR_ENDING = 4096

Code: TypeAlias = Literal["o", "i", "r", "m", "x"]
"""Output, input, resize, marker, exit."""

_CODES = frozenset({"o", "i", "r", "m", "x"})


@dataclass(frozen=True, slots=True)
class RecordedEvent:
    """One event of a recording.

    Args:
        at: Seconds since the recording began.
        data: Text of output or input, `COLSxROWS`, a marker's label, or an exit status.
    """

    at: float
    code: Code
    data: str


@dataclass(frozen=True, slots=True)
class Recorded:
    """A recording's head: the size it began with, and when."""

    cols: int
    rows: int
    started: float
    """Seconds since the epoch; 0 when the recording does not say."""

    title: str


class Recording:
    """Writes one recording. Not safe for two threads at once.

    A full disk, or `limit`, ends the recording and not the program: `stopped` then says why.

    Args:
        path: The file, made new with mode 0600.
        title: Shown by players.
        keystrokes: Whether input is recorded too. Off, because people type secrets.
        limit: Bytes after which output is no longer written.
        clock: Seconds from any fixed point, never going back.

    Raises:
        AgentError: If the file exists or cannot be made.
    """

    def __init__(
        self,
        path: Path,
        cols: int,
        rows: int,
        *,
        title: str = "",
        keystrokes: bool = False,
        limit: int = LARGEST_RECORDING,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.path = path
        self.stopped = ""
        self._keystrokes, self._limit, self._clock = keystrokes, limit, clock
        self._decoders = {code: codecs.getincrementaldecoder("utf-8")("replace") for code in ("o", "i")}
        self._written = 0
        self._began = clock()
        self._told = 0.0
        try:
            self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        except OSError as error:
            raise AgentError(
                f"The terminal's recording cannot be made: {error.strerror}",
                where=str(path),
                next="Free some space or give the session's folder back to its user.",
            ) from error
        head: dict[str, Any] = {
            "version": 3,
            "term": {"cols": cols, "rows": rows, "type": "xterm-256color"},
            "timestamp": int(time.time()),
        }
        if title:
            head["title"] = title
        self._write(head)

    def output(self, data: bytes) -> None:
        """Record what the program wrote, cut anywhere."""
        self._text("o", data)

    def input(self, data: bytes) -> None:
        """Record what was typed, if keystrokes are recorded at all."""
        if self._keystrokes:
            self._text("i", data)

    def resize(self, cols: int, rows: int) -> None:
        """Record a new size."""
        self._event("r", f"{cols}x{rows}")

    def mark(self, label: str) -> None:
        """Record a place to find again, such as the beginning of a turn."""
        self._event("m", label)

    def exit(self, status: int) -> None:
        """Record the program's end and close the recording. Safe to repeat."""
        if self._descriptor < 0:
            return
        for code in ("o", "i"):
            if rest := self._decoders[code].decode(b"", final=True):
                self._event(code, rest)
        self._event("x", str(status))
        self.close()

    def close(self) -> None:
        """Close the file without an ending. Safe to repeat."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _text(self, code: Literal["o", "i"], data: bytes) -> None:
        if self.stopped:
            return
        if text := self._decoders[code].decode(data):
            self._event(code, text)

    def _event(self, code: Code, data: str) -> None:
        # The ending is written into room kept for it, also when output was cut off.
        if self._descriptor < 0 or (self.stopped and code != "x"):
            return
        since = round(max(0.0, self._clock() - self._began - self._told), 6)
        line = [since, code, data]
        if code in ("o", "i") and self._written + len(data) > self._limit - _ROOM_FOR_ENDING:
            self.stopped = f"the recording reached its limit of {self._limit} bytes"
            line = [since, "m", self.stopped]
        # The intervals are summed by whoever plays it: what rounding took now is given back with the next.
        self._told += since
        self._write(line)

    def _write(self, line: object) -> None:
        data = json.dumps(line, ensure_ascii=False, separators=(", ", ": ")).encode(errors="replace") + b"\n"
        try:
            while data:
                written = os.write(self._descriptor, data)
                self._written += written
                data = data[written:]
        except OSError as error:
            self.stopped = f"the recording cannot be written: {error.strerror}"
            self.close()


def read_recording(path: Path) -> tuple[Recorded, Iterator[RecordedEvent]]:
    """Give a recording's head and its events in order, read as they are asked for.

    Comments, events of unknown kinds and a last line that a crash tore are passed over.

    Raises:
        AgentError: If the file cannot be read or is not an asciicast v3.
    """
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            head = json.loads(file.readline())
        term = head["term"]
        if head["version"] != 3:
            raise ValueError(f"version {head['version']}")
        recorded = Recorded(
            int(term["cols"]), int(term["rows"]), float(head.get("timestamp", 0)), str(head.get("title", ""))
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise AgentError(
            f"This is not a terminal recording that can be read: {error}",
            where=str(path),
            next="Recordings are asciicast v3 files; older ones can be converted by asciinema.",
        ) from error
    return recorded, _events(path)


def _events(path: Path) -> Iterator[RecordedEvent]:
    at = 0.0
    with path.open(encoding="utf-8", errors="replace") as file:
        file.readline()
        for line in file:
            event = _read_event(line, at)
            if event is not None:
                at = event.at
                if event.code in _CODES:
                    yield event


def _read_event(line: str, at: float) -> RecordedEvent | None:
    if line.startswith("#"):
        return None
    try:
        since, code, data = cast("list[Any]", json.loads(line))
        return RecordedEvent(at + max(0.0, float(since)), code, str(data))
    except (ValueError, TypeError):
        return None
