"""The settings under which unknown programs may write to a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sessions.terminal.ghostty.library import Library
from sessions.terminal.screen import Rgb

SCROLLBACK_BYTES = 64 * 1024 * 1024
"""The library's own limit is 10,000 bytes, some 200 lines, whatever number of lines is asked for."""

LARGEST_COMMAND = 64 * 1024
"""Bytes kept of an application command (APC)."""

LARGEST_CLIPBOARD = 1024 * 1024
LARGEST_UNKNOWN = 4096
LARGEST_UNFINISHED = 1024 * 1024
"""Bytes of an unfinished sequence that a snapshot can carry."""

_TERMINFO_NAME = b"xterm-256color"


def apply_settings(library: Library, terminal: Any, scrollback_lines: int, colours: Mapping[str, Rgb | None]) -> None:
    """Bound a terminal's buffers, forbid images and tell it the theme's colours.

    Args:
        colours: The default `FOREGROUND` and `BACKGROUND`; None leaves a program's question unanswered.
    """
    ffi = library.ffi

    def set_option(name: str, value: Any) -> None:
        library.lib.ghostty_terminal_set(terminal, getattr(library.lib, f"GHOSTTY_TERMINAL_OPT_{name}"), value)

    sizes = {
        "SCROLLBACK_MAX_LINES": scrollback_lines,
        "SCROLLBACK_MAX_BYTES": SCROLLBACK_BYTES if scrollback_lines else 0,
        "APC_MAX_BYTES": LARGEST_COMMAND,
        "APC_MAX_BYTES_KITTY": LARGEST_COMMAND,
        "CLIPBOARD_WRITE_MAX_BYTES": LARGEST_CLIPBOARD,
        "UNKNOWN_MAX_BYTES": LARGEST_UNKNOWN,
        "CONTINUATION_MAX_BYTES": LARGEST_UNFINISHED,
    }
    for name, size in sizes.items():
        set_option(name, ffi.new("size_t*", size))
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
