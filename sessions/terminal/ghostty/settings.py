"""The settings under which unknown programs may write to a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sessions.terminal.ghostty.library import Library
from sessions.terminal.screen import Rgb

_CELL_BYTES = 8
_ROOM_FOR_STYLES = 1.4
"""How much more memory lines of many styles take than their cells."""

LARGEST_COMMAND = 64 * 1024
"""Bytes kept of an application command (APC)."""

LARGEST_CLIPBOARD = 1024 * 1024
LARGEST_UNKNOWN = 4096
LARGEST_UNFINISHED = 1024 * 1024
"""Bytes of an unfinished sequence that a snapshot can carry."""

_TERMINFO_NAME = b"xterm-256color"


def limit_scrollback(library: Library, terminal: Any, lines: int, cols: int) -> None:
    """Have a terminal keep at least so many lines of its present width; some more when they are plain.

    By bytes, because the library makes room by lines ten times slower: 40 MB/s of plain text against 450.
    """
    size = library.ffi.new("size_t*", int(lines * cols * _CELL_BYTES * _ROOM_FOR_STYLES))
    lib = library.lib
    lib.ghostty_terminal_set(terminal, lib.GHOSTTY_TERMINAL_OPT_SCROLLBACK_MAX_LINES, library.ffi.NULL)
    lib.ghostty_terminal_set(terminal, lib.GHOSTTY_TERMINAL_OPT_SCROLLBACK_MAX_BYTES, size)


def apply_settings(
    library: Library, terminal: Any, *, scrollback_lines: int, cols: int, colours: Mapping[str, Rgb | None]
) -> None:
    """Bound a terminal's buffers, forbid images and tell it the theme's colours.

    Args:
        colours: The default `FOREGROUND` and `BACKGROUND`; None leaves a program's question unanswered.
    """
    ffi = library.ffi

    def set_option(name: str, value: Any) -> None:
        library.lib.ghostty_terminal_set(terminal, getattr(library.lib, f"GHOSTTY_TERMINAL_OPT_{name}"), value)

    sizes = {
        "APC_MAX_BYTES": LARGEST_COMMAND,
        "APC_MAX_BYTES_KITTY": LARGEST_COMMAND,
        "CLIPBOARD_WRITE_MAX_BYTES": LARGEST_CLIPBOARD,
        "UNKNOWN_MAX_BYTES": LARGEST_UNKNOWN,
        "CONTINUATION_MAX_BYTES": LARGEST_UNFINISHED,
    }
    for name, size in sizes.items():
        set_option(name, ffi.new("size_t*", size))
    limit_scrollback(library, terminal, scrollback_lines, cols)
    # Without images a program's query must fail, or agents send pictures that nobody draws; and the ways in
    # that read files are shut as well. The option of temporary files takes a string: a pointer to anything
    # else crashes the library.
    set_option("KITTY_IMAGE_STORAGE_LIMIT", ffi.new("uint64_t*", 0))
    set_option("KITTY_IMAGE_MEDIUM_FILE", ffi.new("bool*", False))
    set_option("KITTY_IMAGE_MEDIUM_SHARED_MEM", ffi.new("bool*", False))
    set_option("KITTY_IMAGE_MEDIUM_TEMP_FILE", ffi.NULL)
    # A title that can be read back would be typed into the program: a way to run commands.
    set_option("TITLE_REPORT", ffi.new("bool*", False))
    name = ffi.from_buffer(_TERMINFO_NAME)
    string = ffi.new("GhosttyString*", {"ptr": ffi.cast("uint8_t*", name), "len": len(_TERMINFO_NAME)})
    set_option("TERMINFO_NAME", string)
    for which, rgb in colours.items():
        value = ffi.NULL if rgb is None else ffi.new("GhosttyColorRgb*", rgb)
        set_option(f"COLOR_{which}", value)
