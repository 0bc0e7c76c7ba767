"""What a program asks of its terminal beside drawing: bell, title, notices, progress, status, clipboard.

All text in here is the program's. It is bounded in length and free of control characters, and it is data: who
shows it never reads it as markup.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Literal, TypeAlias, cast

LONGEST_TEXT = 1_000
"""Characters kept of any text in a notice."""

ProgressState: TypeAlias = Literal["remove", "set", "error", "indeterminate", "pause"]
StatusState: TypeAlias = Literal["working", "blocked", "done", "idle", "clear"]


@dataclass(frozen=True, slots=True)
class Bell:
    """The program rang."""


@dataclass(frozen=True, slots=True)
class TitleChanged:
    """The program set the title of its window (OSC 0, OSC 2)."""

    title: str


@dataclass(frozen=True, slots=True)
class FolderChanged:
    """The program told its working folder (OSC 7 and relatives), as it wrote it: often a `file:` address."""

    folder: str


@dataclass(frozen=True, slots=True)
class Notification:
    """The program wants the person's eye (OSC 9, OSC 777)."""

    title: str
    body: str


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the program says it is (OSC 9;4).

    Args:
        percent: 0 to 100; None when it did not say.
    """

    state: ProgressState
    percent: int | None


@dataclass(frozen=True, slots=True)
class ProgramStatus:
    """The state a program tells of itself (OSC 7501).

    Args:
        app: What it calls itself; empty when it did not say.
        kind: Why it is blocked, such as `permission`; empty otherwise.
        message: What it is doing, in its own words.
    """

    state: StatusState
    app: str = ""
    kind: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class ClipboardRefused:
    """The program tried to write the clipboard and was refused.

    Args:
        size: How many bytes it wanted to write.
    """

    size: int


Notice: TypeAlias = Bell | TitleChanged | FolderChanged | Notification | Progress | ProgramStatus | ClipboardRefused

_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]")
_STATES = frozenset({"working", "blocked", "done", "idle", "clear"})
_WORD = re.compile(r"[A-Za-z0-9_.-]{1,64}")


def foreign_text(raw: bytes) -> str:
    """Give a program's text for showing: one line, no control characters, at most `LONGEST_TEXT` long."""
    return _UNPRINTABLE.sub(" ", raw[: LONGEST_TEXT * 4].decode(errors="replace"))[:LONGEST_TEXT]


def read_program_status(content: bytes) -> ProgramStatus | None:
    """Read the body of an OSC 7501, `7501;state=working:app=...:msg=<base64>`; None when it is not one.

    Keys that are not known are passed over; a known key with a value out of form makes the whole of it
    invalid.
    """
    prefix, _, body = content.partition(b";")
    if prefix != b"7501" or len(body) > 4096:
        return None
    fields: dict[str, str] = {}
    for part in body.decode("ascii", "replace").split(":"):
        key, _, value = part.partition("=")
        fields[key] = value
    state, app, kind = fields.get("state", ""), fields.get("app", ""), fields.get("kind", "")
    if state not in _STATES or any(word and not _WORD.fullmatch(word) for word in (app, kind)):
        return None
    try:
        message = foreign_text(base64.b64decode(fields.get("msg", ""), validate=True))
    except (binascii.Error, ValueError):
        return None
    return ProgramStatus(cast("StatusState", state), app, kind, message)


def asks_for_program_status(content: bytes) -> bool:
    """Whether an OSC body is the question if the terminal knows OSC 7501."""
    return content == b"7501;?"
