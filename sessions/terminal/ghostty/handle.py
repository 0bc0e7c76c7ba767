"""One terminal of the library: its memory, and the plain questions it answers."""

from __future__ import annotations

import weakref
from typing import Any

from sessions.errors import AgentError
from sessions.terminal.ghostty.library import Library
from sessions.terminal.screen import Scrollback

_CELL_PIXELS = (8, 16)
"""Nothing draws pixels here; programs that ask get a sane size of a cell."""


class Handle:
    """Owns a terminal of the library. Not safe for two threads at once.

    Args:
        raw: The library's handle, taken over: it is freed with this object, or by `close`.
    """

    def __init__(self, library: Library, raw: Any) -> None:
        self._ffi, self._lib = library.ffi, library.lib
        self._scroll_viewport = library.scroll_viewport
        self.raw = raw
        self.close = weakref.finalize(self, self._lib.ghostty_terminal_free, raw)
        self.close.atexit = False
        self._mode_question = self._ffi.new("GhosttyTerminalModeConfig*")

    @classmethod
    def new(cls, library: Library, cols: int, rows: int) -> Handle:
        """Make an empty terminal.

        Raises:
            AgentError: If the library gives none, which is when memory is short.
        """
        raw = library.ffi.new("GhosttyTerminal*")
        if failed := library.lib.ghostty_terminal_new(library.ffi.NULL, raw, cols, rows):
            raise AgentError(f"The terminal emulator gave no terminal (error {failed}).", next="Use a smaller pane.")
        return cls(library, raw[0])

    def write(self, data: bytes) -> None:
        """Emulate a program's output."""
        self._lib.ghostty_terminal_vt_write(self.raw, data, len(data))

    def resize(self, cols: int, rows: int) -> None:
        """Change the size.

        Raises:
            AgentError: If the library refuses, which is when memory is short.
        """
        if failed := self._lib.ghostty_terminal_resize(self.raw, cols, rows, *_CELL_PIXELS):
            raise AgentError(f"The terminal cannot be {cols}x{rows} (error {failed}).", next="Use a smaller pane.")

    def number(self, name: str, kind: str) -> int:
        """Give a number or a flag the library knows as `GHOSTTY_TERMINAL_DATA_<name>`, of C type `kind`."""
        out = self._ffi.new(f"{kind}*")
        self._lib.ghostty_terminal_get(self.raw, getattr(self._lib, f"GHOSTTY_TERMINAL_DATA_{name}"), out)
        return int(out[0])

    def string(self, name: str) -> bytes:
        """Give a text of the program, as it wrote it."""
        out = self._ffi.new("GhosttyString*")
        self._lib.ghostty_terminal_get(self.raw, getattr(self._lib, f"GHOSTTY_TERMINAL_DATA_{name}"), out)
        return bytes(self._ffi.buffer(out.ptr, out.len)) if out.len else b""

    def mode(self, number: int) -> bool:
        """Whether a DEC private mode is set."""
        self._mode_question.mode = number
        self._lib.ghostty_terminal_get(self.raw, self._lib.GHOSTTY_TERMINAL_DATA_MODE, self._mode_question)
        return bool(self._mode_question.value)

    def scrollback(self) -> Scrollback:
        """Give where the view stands in the history."""
        bar = self._ffi.new("GhosttyTerminalScrollbar*")
        self._lib.ghostty_terminal_get(self.raw, self._lib.GHOSTTY_TERMINAL_DATA_SCROLLBAR, bar)
        return Scrollback(bar.total, bar.offset, max(0, bar.total - bar.offset - bar.len))

    def scroll(self, lines: int | None) -> None:
        """Move the view by lines, up being negative; None moves it to the end, where it follows the program."""
        where = self._ffi.new("QuarterdeckScroll*")
        if lines is None:
            where.tag = self._lib.GHOSTTY_SCROLL_VIEWPORT_BOTTOM
        else:
            where.tag = self._lib.GHOSTTY_SCROLL_VIEWPORT_DELTA
            where.value.number = lines & 0xFFFFFFFFFFFFFFFF
        self._scroll_viewport(self.raw, where[0])

    def compress(self) -> bool:
        """Pack a little of the history; True while there is more to pack."""
        result = self._ffi.new("GhosttyTerminalCompressionResult*")
        mode = self._lib.GHOSTTY_TERMINAL_COMPRESSION_MODE_INCREMENTAL
        failed = self._lib.ghostty_terminal_compress(self.raw, mode, result)
        return not failed and result[0] == self._lib.GHOSTTY_TERMINAL_COMPRESSION_RESULT_PENDING
