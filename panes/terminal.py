"""A program's terminal as a pane: paints what its emulator shows and sends what is typed. Knows no session.

The pane has an emulator of its own, fed with the bytes the program wrote. Answers to the program's questions are the
host's business; here they are dropped. Rows are taken from the emulator at most once a frame.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from rich.style import Style as RichStyle
from textual import events, on
from textual.geometry import Offset, Region
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.timer import Timer
from textual.widget import Widget

from panes.terminal_keys import key_press, mouse_input, wheel_input
from panes.terminal_pace import FRAME, FramePace
from panes.terminal_painter import TerminalPainter
from panes.terminal_styles import TerminalStyles
from sessions.terminal.emulator import Emulator, is_snapshot
from sessions.terminal.keys import KeyPress, MouseInput
from sessions.terminal.notices import Bell, Notice, TitleChanged

RESERVED = frozenset({"ctrl+g", "f1", "f7", "f8", "f9"})
"""Keys that are the app's, whatever program has the focus."""

_QUIET = 2.0
"""Seconds without output after which the history is packed."""

_WHEEL_LINES = 3
_FIRST_SIZE = (80, 24)


class TerminalPane(Widget, can_focus=True):
    """Shows one terminal. Draws nothing around itself: borders and words belong to the frame it is in."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES = {"terminal--beyond"}

    scrolled_back: reactive[int] = reactive(0, repaint=False)
    """Lines that the view is above the program's screen; 0 when it follows the program."""

    read_only: reactive[bool] = reactive(False, repaint=False)
    """Keys, mouse and paste go to the app, as they do for every widget that is not a terminal."""

    owns_size: reactive[bool] = reactive(True, repaint=False)
    """Whether this pane's size decides the program's. If not, it shows what fits."""

    @dataclass
    class Input(Message):
        """The person typed, pasted, or used the mouse: bytes for the program."""

        pane: TerminalPane
        data: bytes

        @property
        def control(self) -> TerminalPane:
            return self.pane

    @dataclass
    class Resized(Message):
        """The pane has a new size and owns the program's."""

        pane: TerminalPane
        cols: int
        rows: int

        @property
        def control(self) -> TerminalPane:
            return self.pane

    @dataclass
    class TitleChanged(Message):
        """The program set its title: foreign text, of one line and without controls."""

        pane: TerminalPane
        title: str

        @property
        def control(self) -> TerminalPane:
            return self.pane

    @dataclass
    class Rang(Message):
        """The program rang the bell."""

        pane: TerminalPane

        @property
        def control(self) -> TerminalPane:
            return self.pane

    @dataclass
    class Noticed(Message):
        """The program asked for something else: to notify, to show progress or state, to write the clipboard."""

        pane: TerminalPane
        notice: Notice

        @property
        def control(self) -> TerminalPane:
            return self.pane

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.reserved: frozenset[str] = RESERVED
        """Keys that never reach the program."""

        self.emulator = Emulator(*_FIRST_SIZE)
        self._painter = TerminalPainter()
        self._dressed = False
        self._pace = FramePace()
        self._timer: Timer | None = None
        self._timer_due = 0.0
        self._packing: Timer | None = None
        self._fed_at = 0.0
        self._last_mouse: MouseInput | None = None

    # What the program wrote

    def feed(self, data: bytes) -> None:
        """Take bytes the program wrote, cut anywhere, and show them with the next frame."""
        fed = self.emulator.feed(data)
        self._fed_at = time.monotonic()
        for notice in fed.notices:
            if isinstance(notice, TitleChanged):
                self.post_message(self.TitleChanged(self, notice.title))
            elif isinstance(notice, Bell):
                self.post_message(self.Rang(self))
            else:
                self.post_message(self.Noticed(self, notice))
        self._plan_frame()

    def load_snapshot(self, data: bytes, cols: int, rows: int) -> None:
        """Take a terminal as it stands; all that was shown before is gone.

        Args:
            data: What `Emulator.snapshot` gave, or anything a program may write, such as a recording's output.
            cols: Columns of the program's screen.
            rows: Rows of the program's screen.

        Raises:
            AgentError: If the snapshot is damaged or of another version. What was shown stays.
        """
        if is_snapshot(data):
            self.emulator.restore(data)
            if (cols, rows) != (self.emulator.cols, self.emulator.rows):
                self.emulator.resize(cols, rows)
        else:
            self.emulator = Emulator(cols, rows)
            self.emulator.feed(data)
        self._fed_at = time.monotonic()
        self.post_message(self.TitleChanged(self, self.emulator.title))
        self._plan_frame()

    def scroll_view(self, lines: int | None) -> None:
        """Move the view through the history, up being negative; None has it follow the program again."""
        self.emulator.scroll(lines)
        self._plan_frame()

    # Frames

    def _plan_frame(self) -> None:
        """Show what changed: now if a frame may be shown now, else as soon as it may."""
        now = time.monotonic()
        wait = self._pace.wait(now, held=self.emulator.held)
        if not self.is_attached or not self.size:
            return
        if not wait:
            self._show_frame(at_once=self._pace.echoes(now))
        elif self._timer is None or self._timer_due > now + wait:
            if self._timer is not None:
                self._timer.stop()
            self._timer_due = now + wait
            self._timer = self.set_timer(wait, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        self._plan_frame()

    def _show_frame(self, *, at_once: bool = False) -> None:
        if not self.is_on_screen:
            return
        self._pace.shown_at = time.monotonic()
        colours = self._painter.colours
        regions = self._painter.take(self.emulator.take_frame(), self.size)
        if self._painter.colours != colours:
            self._dressed = False
        self.scrolled_back = self.emulator.scrollback().below
        self._place_cursor(focused=self.has_focus)
        if regions:
            self.refresh(*regions)
            if at_once:
                self._paint_now()
        if self._packing is None:
            self._packing = self.set_timer(_QUIET, self._pack_history)

    def _paint_now(self) -> None:
        """Paint without waiting for the screen's own timer, which comes up to a frame later.

        Seam: these are Textual's own parts; without them the frame is painted a little later.
        """
        compositor = getattr(self.screen, "_compositor", None)
        paint = getattr(self.screen, "_compositor_refresh", None)
        if compositor is not None and paint is not None and self.screen.is_current:
            compositor.update_widgets({self})
            paint()

    def _pack_history(self) -> None:
        """Pack the history in small steps once the program has been quiet."""
        quiet = time.monotonic() - self._fed_at
        self._packing = None
        if quiet < _QUIET:
            self._packing = self.set_timer(_QUIET - quiet, self._pack_history)
        elif self.emulator.compress():
            self._packing = self.set_timer(FRAME, self._pack_history)

    def render_lines(self, crop: Region) -> list[Strip]:
        if not self._dressed:
            self._dress()
        return self._painter.strips(crop)

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._dressed = False

    def _dress(self) -> None:
        background = self.background_colors[1]
        styles = TerminalStyles(
            self.rich_style,
            self.get_line_filters(),
            background,
            self._painter.colours,
            blink=self.app.animation_level == "full",
        )
        beyond = self.get_component_rich_style("terminal--beyond")
        self._painter.dress(styles, styles.filtered(beyond + RichStyle()))
        self._dressed = True

    def _place_cursor(self, *, focused: bool) -> None:
        """Draw the cursor while the pane has the focus, and put the real one there, which input methods follow."""
        changed = self._painter.show_cursor(focused)
        if changed is not None:
            self.refresh(changed)
        if focused:
            self.app.cursor_position = self.region.offset + Offset(*self._painter.cursor_cell())

    # What the person does

    def check_consume_key(self, key: str, character: str | None) -> bool:
        return not self.read_only and key not in self.reserved

    def on_key(self, event: events.Key) -> None:
        if not self.check_consume_key(event.key, event.character):
            return
        event.stop()
        event.prevent_default()
        self.press(key_press(event))

    def press(self, press: KeyPress) -> None:
        """Send a key to the program, as if it had been pressed here."""
        self._send(self.emulator.encode_key(press))

    def on_paste(self, event: events.Paste) -> None:
        if not self.read_only:
            event.stop()
            self._send(self.emulator.encode_paste(event.text))

    def _send(self, data: bytes) -> None:
        if not data:
            return
        self._pace.typed_at = time.monotonic()
        if self.scrolled_back:
            self.scroll_view(None)
        self.post_message(self.Input(self, data))

    @on(events.Focus)
    @on(events.Blur)
    def tell_focus(self, event: events.Focus | events.Blur) -> None:
        """Show or hide the cursor, and tell the program if it asked to be told."""
        gained = isinstance(event, events.Focus)
        # The library notes the change after this handler, so `has_focus` does not tell it yet.
        self._place_cursor(focused=gained)
        data = b"" if self.read_only else self.emulator.encode_focus(gained=gained)
        if data:
            self.post_message(self.Input(self, data))

    @on(events.MouseDown)
    @on(events.MouseUp)
    @on(events.MouseMove)
    def use_mouse(self, event: events.MouseEvent) -> None:
        """Give the mouse to the program if it asked for it."""
        if isinstance(event, events.MouseUp):
            self.release_mouse()
        if self.read_only or not self.emulator.modes().mouse_tracking:
            return
        event.stop()
        if isinstance(event, events.MouseDown):
            # So that a drag that leaves the pane still ends in it.
            self.capture_mouse()
        mouse = mouse_input(event)
        if mouse != self._last_mouse and (data := self.emulator.encode_mouse(mouse)):
            self.post_message(self.Input(self, data))
        self._last_mouse = mouse

    @on(events.MouseScrollUp)
    @on(events.MouseScrollDown)
    def turn_wheel(self, event: events.MouseEvent) -> None:
        """Give the wheel to the program that asked for it, else scroll: a full-screen program by arrow keys."""
        event.stop()
        event.prevent_default()
        up = isinstance(event, events.MouseScrollUp)
        modes = self.emulator.modes()
        if not self.read_only and modes.mouse_tracking:
            data = self.emulator.encode_mouse(wheel_input(event, 4 if up else 5))
            if data:
                self.post_message(self.Input(self, data))
        elif not self.read_only and modes.alternate_screen and modes.alternate_scroll:
            arrow = KeyPress("arrow_up" if up else "arrow_down")
            self._send(self.emulator.encode_key(arrow) * _WHEEL_LINES)
        else:
            self.scroll_view(-_WHEEL_LINES if up else _WHEEL_LINES)

    # Size and sight

    def on_resize(self, event: events.Resize) -> None:
        cols, rows = event.size
        if not cols or not rows:
            return
        if self.owns_size:
            self.emulator.resize(cols, rows)
            self.post_message(self.Resized(self, cols, rows))
        self._show_frame()
        self.refresh()

    def on_show(self) -> None:
        self._plan_frame()

    def watch_owns_size(self, owns: bool) -> None:
        if owns and self.is_attached and self.size:
            self.emulator.resize(*self.size)
            self.post_message(self.Resized(self, *self.size))
            self._plan_frame()
