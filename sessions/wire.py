"""What host and screens say to each other over the session's socket: JSON texts, and binary frames for terminal bytes.
Pure.

A text frame is an object with a type `t`. A binary frame is one kind byte, one length byte, the window's id, then the
bytes.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, cast

from sessions.errors import HostError
from sessions.events import Record, dump_event, load_event

PROTOCOL = 1
"""Counts up when a host and a screen of different versions could no longer understand each other."""

INPUT, OUTPUT, SNAPSHOT = 1, 2, 3
LARGEST = 64 * 1024 * 1024
"""Bytes a single frame may have."""


@dataclass(frozen=True, slots=True)
class PaneFrame:
    """Terminal bytes of one window. A snapshot's bytes begin with its columns and rows, two bytes each."""

    kind: int
    window: str
    data: bytes


def pack(kind: int, window: str, data: bytes) -> bytes:
    """Return a binary frame."""
    name = window.encode()
    return bytes((kind, len(name))) + name + data


def unpack(frame: bytes) -> PaneFrame:
    """Read a binary frame.

    Raises:
        HostError: If it is not one.
    """
    if len(frame) < 2 or len(frame) < 2 + frame[1] or frame[0] not in (INPUT, OUTPUT, SNAPSHOT):
        raise _strange("a binary frame of an unknown kind")
    name = frame[2 : 2 + frame[1]]
    return PaneFrame(frame[0], name.decode("utf-8", "replace"), frame[2 + frame[1] :])


def pack_snapshot(window: str, columns: int, rows: int, data: bytes) -> bytes:
    """Return a snapshot frame."""
    return pack(SNAPSHOT, window, columns.to_bytes(2, "big") + rows.to_bytes(2, "big") + data)


def snapshot_size(data: bytes) -> tuple[int, int, bytes]:
    """Split a snapshot's bytes into columns, rows and the screen itself."""
    return int.from_bytes(data[:2], "big"), int.from_bytes(data[2:4], "big"), data[4:]


def say(frame_type: str, /, **fields: Any) -> str:
    """Return a text frame."""
    return json.dumps({"t": frame_type, **fields}, ensure_ascii=False, separators=(",", ":"))


def hear(text: str) -> dict[str, Any]:
    """Read a text frame.

    Raises:
        HostError: If it is not a JSON object with a type.
    """
    try:
        found: object = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _strange("a text that is not JSON") from error
    if not isinstance(found, dict) or not isinstance(cast("dict[str, Any]", found).get("t"), str):
        raise _strange("an object without a type")
    return cast("dict[str, Any]", found)


def say_records(records: Iterable[Record], *, caught_up: bool) -> str:
    """Return records as a text frame."""
    return say("records", records=[[one.seq, one.at, dump_event(one.event)] for one in records], caught_up=caught_up)


def hear_records(fields: dict[str, Any]) -> tuple[Record, ...]:
    """Read the records of a text frame.

    Raises:
        StoreError: If one holds an event this version does not know.
    """
    return tuple(Record(seq, at, load_event(body)) for seq, at, body in fields["records"])


def _strange(what: str) -> HostError:
    return HostError(f"the other side sent {what}", next="are both ends the same version of Quarterdeck?")
