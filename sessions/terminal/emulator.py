"""The emulator: bytes of a program in, rows, cursor, replies and notices out.

The host has one for each program: it answers queries and gives snapshots. Each screen has one for each pane it
paints.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

from sessions.errors import AgentError
from sessions.terminal.ghostty.effects import Effects, Surroundings
from sessions.terminal.ghostty.encoders import Encoders
from sessions.terminal.ghostty.handle import Handle
from sessions.terminal.ghostty.library import load
from sessions.terminal.ghostty.settings import apply_settings, limit_scrollback
from sessions.terminal.ghostty.snapshots import decode_snapshot, encode_snapshot
from sessions.terminal.ghostty.snapshots import is_snapshot as is_snapshot
from sessions.terminal.ghostty.view import View
from sessions.terminal.keys import KeyPress, MouseInput
from sessions.terminal.notices import Notice, foreign_text
from sessions.terminal.screen import Frame, Modes, Rgb, Row, Scrollback

SCROLLBACK_LINES = 10_000
LONGEST_SIDE = 4_000
"""Columns or rows beyond which a size is taken for a mistake."""


@dataclass(frozen=True, slots=True)
class Fed:
    """What a program asked for while its output was fed."""

    replies: bytes
    """Answers to the program's queries (DA1, DSR, colours ...), to be written to it, in order."""

    notices: tuple[Notice, ...]


class Emulator:
    """A terminal without a screen. Each method may be called from any thread; one runs at a time.

    Settings are the safe ones: no images, no reading of files or clipboards, writing the clipboard refused (and
    told as a notice), no report of the title, every buffer bounded.

    Args:
        scrollback_lines: History kept at least, in lines of the present width; the library frees whole pages.
        foreground: What programs are told the default text colour is; None leaves the question unanswered.
        background: The same for the background; it also decides whether programs are told the theme is dark.

    Raises:
        AgentError: If the emulation library is missing or of an unknown layout, or a size is out of range.
    """

    def __init__(
        self,
        cols: int,
        rows: int,
        *,
        scrollback_lines: int = SCROLLBACK_LINES,
        foreground: Rgb | None = None,
        background: Rgb | None = None,
    ) -> None:
        self._library = load()
        self._lock = threading.RLock()
        check_size(cols, rows)
        self._around = Surroundings(cols, rows)
        self._scrollback_lines = scrollback_lines
        self._foreground, self._background = foreground, background
        self._effects = Effects(self._library, self._around)
        self._encoders = Encoders(self._library)
        self._adopt(Handle.new(self._library, cols, rows))

    @property
    def cols(self) -> int:
        """Columns of the screen."""
        return self._around.cols

    @property
    def rows(self) -> int:
        """Rows of the screen."""
        return self._around.rows

    def feed(self, data: bytes) -> Fed:
        """Emulate some of the program's output, cut anywhere, and give what it asked for meanwhile."""
        with self._lock:
            self._handle.write(data)
            return Fed(*self._effects.take())

    def resize(self, cols: int, rows: int) -> bytes:
        """Change the size; long lines of the primary screen flow anew.

        Gives the report of its size that a program may have asked to get (mode 2048), to be written to it.

        Raises:
            AgentError: If a side is not between 1 and `LONGEST_SIDE`.
        """
        check_size(cols, rows)
        with self._lock:
            self._around.cols, self._around.rows = cols, rows
            self._handle.resize(cols, rows)
            limit_scrollback(self._library, self._handle.raw, self._scrollback_lines, cols)
            return self._effects.take()[0]

    def take_frame(self) -> Frame:
        """Give what changed since the last frame: after a resize, a scroll or a restore that is every row."""
        with self._lock:
            self._look()
            rows, self._changed = self._changed, {}
            colours = self._view.colours(reversed_screen=self._handle.mode(5))
            return Frame(rows, self.cols, self.rows, self._view.cursor(), colours)

    def screen(self) -> tuple[Row, ...]:
        """Give every row that is shown. Takes nothing away from the next frame."""
        with self._lock:
            self._look()
            return tuple(self._shown[y] for y in sorted(self._shown))

    def text(self) -> str:
        """Give the shown rows as plain text, without trailing spaces and trailing empty lines."""
        return "\n".join(row.text.rstrip() for row in self.screen()).rstrip("\n")

    @property
    def title(self) -> str:
        """The title the program set, safe to show; empty when it set none."""
        with self._lock:
            return foreign_text(self._handle.string("TITLE"))

    def modes(self) -> Modes:
        """Give what the program has switched on."""
        with self._lock:
            handle = self._handle
            return Modes(
                alternate_screen=handle.number("ACTIVE_SCREEN", "GhosttyTerminalScreen") == 1,
                bracketed_paste=handle.mode(2004),
                mouse_tracking=bool(handle.number("MOUSE_TRACKING", "bool")),
                application_cursor_keys=handle.mode(1),
                alternate_scroll=handle.mode(1007),
                focus_events=handle.mode(1004),
                kitty_keyboard=handle.number("KITTY_KEYBOARD_FLAGS", "uint8_t"),
            )

    @property
    def held(self) -> bool:
        """Whether the program is in the middle of an update and asks not to be drawn (mode 2026)."""
        with self._lock:
            return self._handle.mode(2026)

    def set_default_colours(self, foreground: Rgb | None, background: Rgb | None) -> None:
        """Set what programs are told of the theme, and what colours of their own are compared with."""
        with self._lock:
            self._foreground, self._background = foreground, background
            self._apply_settings()

    def scrollback(self) -> Scrollback:
        """Give where the view stands in the history."""
        with self._lock:
            return self._handle.scrollback()

    def scroll(self, lines: int | None) -> None:
        """Move the view through the history, up being negative; None has it follow the program again."""
        with self._lock:
            self._handle.scroll(lines)

    def compress(self) -> bool:
        """Pack a little of the history, at most about 0.3 ms of work; True while there is more to pack.

        To be called when the terminal has been quiet. Reading the history unpacks it again.
        """
        with self._lock:
            return self._handle.compress()

    def snapshot(self) -> bytes:
        """Give everything an equal emulator needs to go on from here, for `restore`.

        Carries both screens with history, styles, links, cursors (the saved ones too), modes, colours, title,
        tab stops, keyboard flags, and a sequence that is cut in the middle. Does not carry how far the view is
        scrolled back, selections and images. Read by the same version of the emulation library only.

        Raises:
            AgentError: If the emulator has no memory for it.
        """
        with self._lock:
            return encode_snapshot(self._library, self._handle.raw)

    def restore(self, snapshot: bytes) -> None:
        """Become the terminal that a snapshot was taken of, in size too.

        Raises:
            AgentError: If the snapshot is damaged or of another version. The terminal stays as it was.
        """
        with self._lock:
            handle = Handle(self._library, decode_snapshot(self._library, snapshot))
            self._view.close()
            self._handle.close()
            self._around.cols = handle.number("COLS", "uint16_t")
            self._around.rows = handle.number("ROWS", "uint16_t")
            self._adopt(handle)

    def encode_key(self, press: KeyPress) -> bytes:
        """Give a key's bytes for the program in its present modes; empty when the key has none."""
        with self._lock:
            return self._encoders.key(self._handle.raw, press)

    def encode_mouse(self, event: MouseInput) -> bytes:
        """Give a mouse event's bytes; empty when the program did not ask for it."""
        with self._lock:
            return self._encoders.mouse(self._handle.raw, event, self.cols, self.rows)

    def encode_paste(self, text: str) -> bytes:
        """Give pasted text's bytes, bracketed if the program asked for it, and always without controls."""
        with self._lock:
            return self._encoders.paste(text, bracketed=self._handle.mode(2004))

    def encode_focus(self, *, gained: bool) -> bytes:
        """Give the bytes of a change of focus; empty when the program did not ask for it."""
        with self._lock:
            return self._encoders.focus(gained=gained) if self._handle.mode(1004) else b""

    def _adopt(self, handle: Handle) -> None:
        self._handle = handle
        self._apply_settings()
        self._effects.install(handle.raw, lambda: handle.string("TITLE"), lambda: handle.string("PWD"))
        self._view = View(self._library, handle.raw)
        self._shown: dict[int, Row] = {}
        self._changed: dict[int, Row] = {}

    def _look(self) -> None:
        """Read the rows that changed. They can be read once only, so they are kept for all who ask."""
        rows = self._view.changed_rows()
        self._shown.update(rows)
        self._changed.update(rows)
        for gone in range(self.rows, len(self._shown)):
            self._shown.pop(gone, None)
            self._changed.pop(gone, None)

    def _apply_settings(self) -> None:
        self._around.dark = self._background is None or sum(self._background) < 3 * 128
        colours = {"FOREGROUND": self._foreground, "BACKGROUND": self._background}
        apply_settings(
            self._library,
            self._handle.raw,
            scrollback_lines=self._scrollback_lines,
            cols=self.cols,
            colours=colours,
        )


def check_size(cols: int, rows: int) -> None:
    """Refuse a size no terminal can have.

    Raises:
        AgentError: If a side is not between 1 and `LONGEST_SIDE`.
    """
    if not (1 <= cols <= LONGEST_SIDE and 1 <= rows <= LONGEST_SIDE):
        raise AgentError(f"A terminal cannot be {cols}x{rows}.", next=f"Sides are 1 to {LONGEST_SIDE} cells.")
