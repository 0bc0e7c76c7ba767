"""The loop screen: the windows of a session, what needs the person, the plan, what crosses."""

from collections.abc import Callable, Mapping

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.reactive import reactive
from textual.screen import Screen
from textual.widget import AwaitMount, Widget
from textual.widgets import Input, Static, TextArea

from panes.arrangement import Desk, Shape, set_up, shape_of
from panes.frame import PaneFrame
from panes.lane import HandoffLane
from panes.look import Look
from panes.needs import needs
from panes.plan_strip import PlanStrip
from panes.queue import NeedsQueue
from panes.roster import Roster
from panes.section import Section
from panes.status_line import StatusLine
from panes.top_bar import TopBar
from panes.transcript import Transcript
from panes.windows import WindowsLine, WindowsRail, WindowsStrip
from sessions.state import EMPTY, SessionState, WindowState
from tui.bridge import Batch
from tui.footer import Footer, Mode
from tui.keymap import Keymap
from tui.terminals import Terminals


class LoopScreen(Screen[None]):
    """Shows one session. State goes down to the widgets by binding; what they notice comes up as messages.

    Args:
        now: The wall clock in seconds.
    """

    AUTO_FOCUS = ""

    state: reactive[SessionState] = reactive(EMPTY, repaint=False)
    now: reactive[float] = reactive(0.0, repaint=False)
    roster: reactive[Roster] = reactive(Roster(), repaint=False)
    focused_window: reactive[str] = reactive("", repaint=False)
    mode: reactive[Mode] = reactive("NAV", repaint=False)

    class KeyUnclaimed(Message):
        """A key that no widget wanted: a command, perhaps."""

        def __init__(self, key: str) -> None:
            super().__init__()
            self.key = key

    def __init__(self, look: Look, keymap: Keymap, terminals: Terminals, now: Callable[[], float]) -> None:
        super().__init__()
        self.look = look
        self.desk = Desk()
        self.keymap = keymap
        self.terminals = terminals
        self.frames: dict[str, PaneFrame] = {}
        self._clock = now
        self.set_class(look.glyphs.ascii, "-ascii")

    def compose(self) -> ComposeResult:
        look = self.look
        yield TopBar(look, id="top-bar").data_bind(LoopScreen.state, LoopScreen.now, LoopScreen.roster)
        yield WindowsStrip(look, id="strip").data_bind(LoopScreen.state, LoopScreen.now, LoopScreen.focused_window)
        yield WindowsLine(look, id="line").data_bind(LoopScreen.state, LoopScreen.now, LoopScreen.focused_window)
        with Horizontal(id="desk"):
            with Vertical(id="rail"):
                yield WindowsRail(look, id="windows").data_bind(
                    LoopScreen.state, LoopScreen.now, LoopScreen.focused_window
                )
                yield NeedsQueue(look, id="needs").data_bind(LoopScreen.state, LoopScreen.now, LoopScreen.roster)
                yield PlanStrip(look, id="plan").data_bind(LoopScreen.state, LoopScreen.now)
            with Vertical(id="panes"):
                yield Static("opening the session ...", id="opening", markup=False)
                yield HandoffLane(look, id="lane").data_bind(LoopScreen.state, LoopScreen.now, LoopScreen.roster)
        yield StatusLine(look, id="status").data_bind(LoopScreen.state, LoopScreen.now, LoopScreen.roster)
        footer = Footer(look, self.keymap, id="footer")
        yield footer.data_bind(LoopScreen.state, LoopScreen.now, LoopScreen.mode, window=LoopScreen.focused_window)

    # What comes down: batches and the clock.

    def show(self, batch: Batch) -> None:
        """Show what is new."""
        self.now = self._clock()
        self.roster = batch.roster
        self.state = batch.state
        if batch.state.windows and not self.frames:
            self._open_windows(batch.state)
        for window, entries in batch.entries.items():
            frame = self.frames.get(window)
            if frame is not None and isinstance(frame.body, Transcript):
                frame.body.take(entries)
        self.terminals.take(batch)
        self.show_speeds(batch.speeds)

    def show_speeds(self, speeds: Mapping[str, float | None]) -> None:
        """Show how fast each window speaks."""
        for window, frame in self.frames.items():
            frame.live_speed = speeds.get(window)

    def _open_windows(self, state: SessionState) -> None:
        panes = self.query_one("#panes", Vertical)
        self.query_one("#opening").remove()
        for key, window in state.windows.items():
            frame = PaneFrame(self.look, key, self._body(window))
            frame.state, frame.now, frame.display = state, self.now, False
            self.frames[key] = frame
        mounting = panes.mount_all(self.frames.values(), before="#lane")
        manager = state.window_of_role("manager")
        boss = manager.seat.window if manager else ""
        moved = {key: window.since for key, window in state.windows.items() if key != boss and window.turns}
        self.desk = set_up(
            tuple(state.windows), boss, self._busiest(state), max(moved, key=lambda key: moved[key], default="")
        )
        self.call_later(self._look_first, mounting)

    async def _look_first(self, mounting: AwaitMount) -> None:
        """Show the windows once they are there: one shown earlier may never be told its size."""
        await mounting
        self._arrange()
        # Nobody has turned to a program yet, so that no key can reach one by accident.
        self._give_focus(to_program=False)

    def _busiest(self, state: SessionState) -> str:
        """Return the window to open with: one that needs the person, else one at work, else the one that moved last."""
        waiting = [need.window for need in needs(state, self.roster) if need.window]
        at_work = [key for key, window in state.windows.items() if window.activity in ("thinking", "tool")]
        moved = max(state.windows.values(), key=lambda window: (window.since, -window.seat.number))
        return (waiting or at_work or [moved.seat.window])[0]

    # Frames are made while a batch is shown, outside this screen's own context, where the library cannot bind them.

    def watch_state(self, state: SessionState) -> None:
        for frame in self.frames.values():
            frame.state = state

    def watch_now(self, now: float) -> None:
        for frame in self.frames.values():
            frame.now = now

    def _body(self, window: WindowState) -> Widget:
        if window.seat.agent == "cli":
            return self.terminals.open(window.seat.window)
        return Transcript(self.look, empty=f"{window.seat.title} waits for its first turn")

    # Where things are.

    @property
    def shape(self) -> Shape:
        """How the screen is laid out at its present size."""
        return shape_of(self.size.width, self.size.height)

    def focus_window(self, window: str) -> None:
        """Give the focus to a window because the person asked for it."""
        if window not in self.frames:
            return
        self.desk = self.desk.focused(window)
        self._arrange()
        self._give_focus()

    def toggle_zoom(self) -> None:
        """Show the focused window alone, or the others again."""
        self.desk = self.desk.with_zoom(not self.desk.zoomed)
        self._arrange()

    def _arrange(self) -> None:
        visible = self.desk.visible(self.shape)
        self.focused_window = self.desk.focus
        self.set_class(self.desk.zoomed, "-zoomed")
        for key, frame in self.frames.items():
            frame.display = key in visible and frame.is_mounted
            frame.focused = key == self.desk.focus
            frame.plain_sides = self.size.width < 100
            frame.set_class(len(visible) > 1 and key == visible[-1], "-second")
        self.refresh_words()
        if len(visible) > 1:
            panes = self.query_one("#panes", Vertical)
            panes.move_child(self.frames[visible[0]], before=0)

    def refresh_words(self) -> None:
        """Show anew what the frames say of zoom and of who types."""
        for key, frame in self.frames.items():
            zoom = "ZOOM" if self.desk.zoomed and key == self.desk.focus else ""
            frame.word = "  ".join(word for word in (zoom, self.terminals.words(key)) if word)

    def _give_focus(self, *, to_program: bool = True) -> None:
        """Put the library's focus where the keys of the focused window belong; a program needs to run to get them."""
        frame = self.frames.get(self.desk.focus)
        if frame is None:
            return
        runs = any(process.window == frame.window for process in self.state.processes.values())
        self.terminals.hand_keys(frame.window, to_program=runs and to_program)
        frame.body.focus(scroll_visible=False)
        self._note_mode()

    def _note_mode(self) -> None:
        self.mode = self.mode_now

    @property
    def mode_now(self) -> Mode:
        """Who gets a bare key at this moment: a field, a program, or the command of that key."""
        focused = self.focused
        if isinstance(focused, Input | TextArea):
            return "EDIT"
        return "PASS" if focused is not None and self.terminals.has_keys(focused) else "NAV"

    # What comes up.

    def on_resize(self, event: events.Resize) -> None:
        shape = shape_of(event.size.width, event.size.height)
        for name in ("wide", "middle", "narrow", "tiny"):
            self.set_class(shape == name, f"-{name}")
        self._arrange()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Follow a click into a pane."""
        for key, frame in self.frames.items():
            if event.widget is frame.body and key != self.desk.focus:
                self.focus_window(key)
                return
        self._note_mode()

    def on_descendant_blur(self, event: events.DescendantBlur) -> None:
        self.call_after_refresh(self._note_mode)

    def on_click(self, event: events.Click) -> None:
        """Turn to a program that was clicked while it had the focus but not the keys."""
        frame = self.frames.get(self.desk.focus)
        if frame is not None and event.widget is frame.body and not isinstance(frame.body, Transcript):
            self._give_focus()

    def on_key(self, event: events.Key) -> None:
        frame = self.frames.get(self.desk.focus)
        if event.key == "enter" and frame is not None and not isinstance(frame.body, Transcript):
            event.stop()
            self._give_focus()
        elif event.key in self.keymap.bare:
            event.stop()
            event.prevent_default()
            self.post_message(self.KeyUnclaimed(event.key))

    @on(Section.Chosen)
    def follow_line(self, message: Section.Chosen) -> None:
        """Go where a clicked line leads."""
        if message.section.id == "windows" or message.target in self.frames:
            self.focus_window(message.target)

    @on(WindowsStrip.WindowChosen)
    def follow_cell(self, message: WindowsStrip.WindowChosen) -> None:
        """Go to a window clicked in the strip."""
        self.focus_window(message.window)
