"""What a terminal asks of the world while it is fed: replies for the program, notices for the person.

The library calls back in the middle of a feed, when nothing may feed it again. So nothing is handed on from
here: it is gathered, bounded, and taken when the feed is over.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sessions.terminal.ghostty.library import Library
from sessions.terminal.notices import (
    Bell,
    ClipboardRefused,
    FolderChanged,
    Notice,
    Notification,
    Progress,
    ProgressState,
    TitleChanged,
    asks_for_program_status,
    foreign_text,
    read_program_status,
)
from sessions.version import VERSION

MOST_REPLY_BYTES = 64 * 1024
"""Replies kept of one feed. A program that asks and does not read its answers must not fill our memory."""

MOST_NOTICES = 64
"""Notifications and status lines kept of one feed."""

_IDENTITY = f"quarterdeck {VERSION}".encode()
_PROGRESS: tuple[ProgressState, ...] = ("remove", "set", "error", "indeterminate", "pause")
_CELL_PIXELS = (8, 16)
"""Told to programs that ask for a cell's size; nothing draws pixels here, so the value only has to be sane.
"""


@dataclass
class Surroundings:
    """What the terminal may be asked about the world around it."""

    cols: int
    rows: int
    dark: bool = True


class Effects:
    """Gathers what one terminal asks while it is fed. Not safe for two threads at once."""

    def __init__(self, library: Library, surroundings: Surroundings) -> None:
        self._ffi, self._lib = library.ffi, library.lib
        self._around = surroundings
        self._replies = bytearray()
        self._latest: dict[type[Notice], Notice] = {}
        self._each: list[Notice] = []
        self._read_title: Callable[[], bytes] = bytes
        self._read_folder: Callable[[], bytes] = bytes
        self._identity = self._ffi.from_buffer(_IDENTITY)
        self._identity_string = self._ffi.new("GhosttyString*")
        self._identity_string.ptr = self._ffi.cast("uint8_t*", self._identity)
        self._identity_string.len = len(_IDENTITY)
        self._callbacks = self._make_callbacks()

    def install(self, terminal: Any, read_title: Callable[[], bytes], read_folder: Callable[[], bytes]) -> None:
        """Have a terminal call back here.

        Args:
            read_title: Gives the terminal's title as it is now.
            read_folder: Gives the terminal's working folder as it is now.
        """
        self._read_title, self._read_folder = read_title, read_folder
        for name, callback in self._callbacks.items():
            option = getattr(self._lib, f"GHOSTTY_TERMINAL_OPT_{name}")
            self._lib.ghostty_terminal_set(terminal, option, callback)

    def take(self) -> tuple[bytes, tuple[Notice, ...]]:
        """Give what was asked since the last call: bytes for the program, and notices in the order they
        arose.
        """
        if not self._replies and not self._latest and not self._each:
            return b"", ()
        taken = bytes(self._replies), (*self._latest.values(), *self._each)
        self._replies.clear()
        self._latest.clear()
        self._each.clear()
        return taken

    def _reply(self, data: bytes) -> None:
        if len(self._replies) + len(data) <= MOST_REPLY_BYTES:
            self._replies += data

    def _note(self, notice: Notice) -> None:
        if isinstance(notice, (Bell, TitleChanged, FolderChanged, Progress, ClipboardRefused)):
            self._latest[type(notice)] = notice
        elif len(self._each) < MOST_NOTICES:
            self._each.append(notice)

    def _make_callbacks(self) -> dict[str, Any]:
        handlers: dict[str, tuple[str, Callable[..., Any]]] = {
            "WRITE_PTY": ("GhosttyTerminalWritePtyFn", self._on_reply),
            "BELL": ("GhosttyTerminalBellFn", self._on_bell),
            "TITLE_CHANGED": ("GhosttyTerminalTitleChangedFn", self._on_title),
            "PWD_CHANGED": ("GhosttyTerminalPwdChangedFn", self._on_folder),
            "DESKTOP_NOTIFICATION": ("GhosttyTerminalDesktopNotificationFn", self._on_notification),
            "PROGRESS_REPORT": ("GhosttyTerminalProgressReportFn", self._on_progress),
            "CLIPBOARD_WRITE": ("GhosttyTerminalClipboardWriteFn", self._on_clipboard_write),
            "UNKNOWN_SEQUENCE": ("GhosttyTerminalUnknownSequenceFn", self._on_unknown),
            "SIZE": ("GhosttyTerminalSizeFn", self._on_size),
            "COLOR_SCHEME": ("GhosttyTerminalColorSchemeFn", self._on_colour_scheme),
            "XTVERSION": ("GhosttyTerminalXtversionFn", self._on_identity),
        }
        made: dict[str, Any] = {}
        for name, (kind, handler) in handlers.items():
            # Without `onerror` cffi prints the failure on stderr, which is where the screen is drawn.
            made[name] = self._ffi.callback(kind, handler, onerror=_pass_over)
        return made

    def _bytes(self, string: Any) -> bytes:
        return bytes(self._ffi.buffer(string.ptr, string.len)) if string.len else b""

    def _on_reply(self, _terminal: Any, _data: Any, data: Any, size: int) -> None:
        self._reply(bytes(self._ffi.buffer(data, size)))

    def _on_bell(self, _terminal: Any, _data: Any) -> None:
        self._note(Bell())

    def _on_title(self, _terminal: Any, _data: Any) -> None:
        self._note(TitleChanged(foreign_text(self._read_title())))

    def _on_folder(self, _terminal: Any, _data: Any) -> None:
        self._note(FolderChanged(foreign_text(self._read_folder())))

    def _on_notification(self, _terminal: Any, _data: Any, notice: Any) -> None:
        title, body = foreign_text(self._bytes(notice.title)), foreign_text(self._bytes(notice.body))
        self._note(Notification(title, body))

    def _on_progress(self, _terminal: Any, _data: Any, report: Any) -> None:
        if 0 <= report.state < len(_PROGRESS):
            percent = int(report.progress) if 0 <= report.progress <= 100 else None
            self._note(Progress(_PROGRESS[int(report.state)], percent))

    def _on_clipboard_write(self, _terminal: Any, _data: Any, write: Any) -> None:
        answer = self._ffi.new("GhosttyClipboardWriteReply*")
        answer.size = self._ffi.sizeof("GhosttyClipboardWriteReply")
        answer.result = self._lib.GHOSTTY_CLIPBOARD_WRITE_RESULT_DENIED
        write.reply(write, answer)
        self._note(ClipboardRefused(sum(write.contents[n].data.len for n in range(write.contents_len))))

    def _on_unknown(self, _terminal: Any, _data: Any, sequence: Any) -> None:
        if sequence.tag != self._lib.GHOSTTY_TERMINAL_UNKNOWN_SEQUENCE_OSC:
            return
        content = self._bytes(sequence.value.osc.content)
        if asks_for_program_status(content):
            bell = sequence.value.osc.terminator == self._lib.GHOSTTY_OSC_TERMINATOR_BEL
            self._reply(b"\x1b]7501;?" + (b"\x07" if bell else b"\x1b\\"))
        elif not sequence.value.osc.truncated and (status := read_program_status(content)):
            self._note(status)

    def _on_size(self, _terminal: Any, _data: Any, out: Any) -> bool:
        out.columns, out.rows = self._around.cols, self._around.rows
        out.cell_width, out.cell_height = _CELL_PIXELS
        return True

    def _on_colour_scheme(self, _terminal: Any, _data: Any, out: Any) -> bool:
        scheme = "DARK" if self._around.dark else "LIGHT"
        out[0] = getattr(self._lib, f"GHOSTTY_COLOR_SCHEME_{scheme}")
        return True

    def _on_identity(self, _terminal: Any, _data: Any) -> Any:
        return self._identity_string[0]


def _pass_over(_kind: object, _error: object, _trace: object) -> None:
    """Lose one notice rather than the screen: a callback has nobody to raise to."""
