"""The frame of a pane: who, what fills it, what it does and since when; below, its task and what it has used."""

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from panes.boxes import edge
from panes.drawn import Drawn
from panes.figures import age, bar, context_word, money, percent, speed, tokens
from panes.fitting import Piece, keep_fitting
from panes.glyphs import STYLES, role_style
from panes.look import Look
from panes.safe_text import safe_line
from panes.windows import agent_words, state_word
from sessions.state import EMPTY, SessionState, WindowState


class FrameEdge(Drawn):
    """One edge of a frame, drawn by the frame it belongs to."""

    def __init__(self, look: Look, frame: "PaneFrame", *, top: bool) -> None:
        super().__init__(look, classes="-top" if top else "-bottom")
        self._frame = frame
        self._top = top

    def rows(self, width: int) -> list[Content]:
        frame = self._frame
        left, right = frame.top(width) if self._top else frame.bottom(width)
        line = edge(
            width,
            left,
            right,
            self.look.glyphs,
            top=self._top,
            style="$focus" if frame.focused else "$line",
            double=frame.focused,
            corners=not frame.plain_sides,
        )
        return [line]


class PaneFrame(Vertical):
    """A window of the session: its two edges around the widget that shows it."""

    state: reactive[SessionState] = reactive(EMPTY, repaint=False)
    now: reactive[float] = reactive(0.0, repaint=False)
    focused: reactive[bool] = reactive(False, repaint=False)
    plain_sides: reactive[bool] = reactive(False, repaint=False)
    live_speed: reactive[float | None] = reactive(None, repaint=False)
    word: reactive[str] = reactive("", repaint=False)
    """A word to add to the top edge: `ZOOM`, `another screen types`."""

    def __init__(self, look: Look, window: str, body: Widget) -> None:
        super().__init__(id=f"pane-{window}", classes="pane")
        self.look = look
        self.window = window
        self.body = body
        self._edges = (FrameEdge(look, self, top=True), FrameEdge(look, self, top=False))

    def compose(self) -> ComposeResult:
        yield self._edges[0]
        with Horizontal(classes="pane-body"):
            yield self.body
        yield self._edges[1]

    @property
    def shown(self) -> WindowState | None:
        """The window's state, None before the session has it."""
        return self.state.windows.get(self.window)

    def top(self, width: int) -> tuple[Content, Content]:
        """Return the words of the top edge, left and right, for a frame of this width."""
        window = self.shown
        if window is None:
            return Content(""), Content("")
        right = self._state_words(window)
        seat = window.seat
        here = f" {self.look.glyphs.focus}" if self.focused else ""
        name = Content.assemble(
            (f"{seat.number} ", "bold"), safe_line(seat.title, f"bold {role_style(seat.role)}"), (here, "bold $focus")
        )
        pieces = [
            Piece(name),
            Piece(safe_line(agent_words(window), "$muted", limit=40), 1),
            Piece(safe_line(f"[{window.source}]", "$muted", limit=20), 3),
            Piece(Content.styled("REHEARSAL", "$accent") if seat.rehearsal and width >= 60 else Content(""), 4),
            Piece(safe_line(self.word, "bold $state-waiting"), 2),
        ]
        return Content("  ").join(keep_fitting(pieces, width - right.cell_length - 9)), right

    def bottom(self, width: int) -> tuple[Content, Content]:
        """Return the words of the bottom edge, left and right, for a frame of this width."""
        window = self.shown
        if window is None:
            return Content(""), Content("")
        right = self._context_fill(window, width)
        left = keep_fitting(self._figures(window), width - right.cell_length - 9)
        return Content("  ").join(left), right

    def _state_words(self, window: WindowState) -> Content:
        glyph = self.look.glyphs.activity[window.activity]
        mark = safe_line(f"{glyph} {state_word(window)}", STYLES[window.activity], limit=30)
        since = f" {age(self.now - window.since)}" if window.since else ""
        words = (
            window.detail if window.activity not in ("exited", "done", "idle") and window.detail != "halting" else ""
        )
        return Content.assemble(mark, (since, "$muted"), "  " if words else "", safe_line(words, limit=44))

    def _figures(self, window: WindowState) -> list[Piece]:
        task = self.state.tasks.get(window.task)
        title = f"{window.task} {task.task.title}" if task else window.task
        estimated = bool(window.turns and window.turns[-1].ended and window.turns[-1].ended.estimated)
        used = window.input_tokens + window.output_tokens
        number, word = speed(self.live_speed if self.live_speed is not None else window.speed)
        style = "bold $state-waiting" if word == "slow" else ""
        pieces = [Piece(safe_line(title, limit=36), 2)] if title else []
        if window.attempt:
            pieces.append(Piece(Content(f"try {window.attempt}"), 1))
        pieces += [
            Piece(Content(f"{tokens(used, estimated=estimated) if window.turns else '--'} tok"), 0),
            Piece(Content.assemble(f"{number} tok/s", (f" {word}" if word else "", style)), 1),
            Piece(Content(money(window.cost, known=window.cost_known and bool(window.turns))), 3),
        ]
        return pieces

    def _context_fill(self, window: WindowState, width: int) -> Content:
        size = window.seat.context_window
        if not size:
            return Content.styled(f"ctx {tokens(window.context_tokens, estimated=True)}", "$muted")
        part = window.context_tokens / size
        word = context_word(part)
        style = "bold $state-waiting" if word else role_style(window.seat.role)
        cells = 10 if width >= 100 else 6
        return Content.assemble(
            ("ctx ", "$muted"),
            (bar(part, cells, self.look.glyphs), style),
            f" {percent(part)}",
            (f" of {tokens(size).replace('.0k', 'k')}" if width >= 60 else "", "$muted"),
            (f" {word}" if word else "", style),
        )

    def _redraw(self) -> None:
        for one in self._edges:
            one.redraw()

    def watch_state(self) -> None:
        window = self.shown
        self.set_class(window is not None and window.activity == "exited", "-exited")
        self._redraw()

    def watch_now(self) -> None:
        self._redraw()

    def watch_live_speed(self) -> None:
        self._redraw()

    def watch_word(self) -> None:
        self._redraw()

    def watch_focused(self, focused: bool) -> None:
        self.set_class(focused, "-focused")
        self._redraw()

    def watch_plain_sides(self, plain: bool) -> None:
        self.set_class(plain, "-plain-sides")
        self._redraw()
