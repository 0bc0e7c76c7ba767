"""A terminal as bytes and back, in the library's own format, packed and marked with the library's version.

The format carries everything a program has set up, also what no sequence of terminal output could bring back:
the screen behind the alternate one, saved cursors, a sequence cut in the middle. It promises nothing between
versions.
"""

from __future__ import annotations

import zlib
from typing import Any

from sessions.errors import AgentError
from sessions.terminal.ghostty.library import Library

_MAGIC = b"quarterdeck terminal 1 "
LARGEST_SNAPSHOT = 512 * 1024 * 1024
"""Bytes a snapshot may unpack to."""

_NEXT = "Restart the session's host and the screen so that both run the same version."


def is_snapshot(data: bytes) -> bool:
    """Whether bytes begin as a snapshot does."""
    return data.startswith(_MAGIC)


def encode_snapshot(library: Library, terminal: Any) -> bytes:
    """Give a terminal's snapshot.

    Raises:
        AgentError: If the library fails, which is when memory is short.
    """
    ffi, lib = library.ffi, library.lib
    data, length = ffi.new("uint8_t**"), ffi.new("size_t*")
    failed = lib.ghostty_snapshot_encode_alloc(terminal, ffi.NULL, data, length)
    if failed:
        raise AgentError(f"The terminal gave no snapshot (error {failed}).", next="Close other programs.")
    try:
        packed = zlib.compress(ffi.buffer(data[0], length[0]), level=1)
    finally:
        lib.ghostty_free(ffi.NULL, data[0], length[0])
    return _MAGIC + library.fingerprint.encode() + b"\n" + packed


def decode_snapshot(library: Library, snapshot: bytes) -> Any:
    """Give a new terminal handle, the caller's, with the state of a snapshot.

    Raises:
        AgentError: If the snapshot is damaged, of another version or beyond `LARGEST_SNAPSHOT`.
    """
    ffi, lib = library.ffi, library.lib
    head, _, packed = snapshot.partition(b"\n")
    if head != _MAGIC + library.fingerprint.encode():
        raise AgentError("A terminal's snapshot is of another version.", next=_NEXT)
    unpacking = zlib.decompressobj()
    try:
        data = unpacking.decompress(packed, LARGEST_SNAPSHOT)
    except zlib.error as error:
        raise AgentError(f"A terminal's snapshot is damaged: {error}", next=_NEXT) from error
    decoder, terminal = ffi.new("GhosttySnapshotDecoder*"), ffi.new("GhosttyTerminal*")
    failed = lib.ghostty_snapshot_decoder_new_buf(ffi.NULL, decoder, data, len(data))
    if not failed:
        failed = lib.ghostty_snapshot_decoder_decode(decoder[0], terminal)
        lib.ghostty_snapshot_decoder_free(decoder[0])
    if failed:
        raise AgentError(f"A terminal's snapshot is damaged (error {failed}).", next=_NEXT)
    return terminal[0]
