"""The windows of a session at a glance: a rail with two lines each, or a strip with a few cells each."""

from dataclasses import dataclass

from textual import events
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive

from panes.drawn import StateView
from panes.figures import bar, percent, short_age
from panes.fitting import pad, spread
from panes.glyphs import STYLES, WORDS, role_style
from panes.look import Look
from panes.safe_text import safe_line
from panes.section import Line, Section
from sessions.state import WindowState


def agent_words(window: WindowState) -> str:
    """Return what fills a window and how it is reached: `opencode/qwen pty`, `opus api`, `you`."""
    seat = window.seat
    if seat.agent == "user":
        return "you"
    name = seat.model if seat.via in ("", "api", "pty", seat.model) else f"{seat.via}/{seat.model}"
    return f"{name} {'pty' if seat.agent == 'cli' else 'api'}"


def state_word(window: WindowState) -> str:
    """Return the word for what a window does, with the code of a process that is gone."""
    if window.activity == "halted" and window.proof is None:
        return "HALTING"
    if window.activity == "halted" and window.proof and not window.proof.stopped:
        return "NOT STOPPED"
    if window.activity == "exited" and window.detail:
        return f"exit {window.detail}"
    return WORDS[window.activity]


def state_mark(window: WindowState, look: Look) -> Content:
    """Return the glyph and word for what a window does, styled."""
    words = f"{look.glyphs.activity[window.activity]} {state_word(window)}"
    return safe_line(words, STYLES[window.activity], limit=30)


_SHORT = {"planner": "Plan", "manager": "Mgr", "worker": "Wrk", "auditor": "Aud", "exit_manager": "Exit"}


def short_title(window: WindowState) -> str:
    """Return a title of at most five letters: `Mgr`, `WrkA`; other roles by their first letters."""
    title = safe_line(window.seat.title).plain
    last = title.split()[-1] if title else ""
    letter = last if len(last) == 1 and len(title) > 1 else ""
    return _SHORT.get(window.seat.role, title[:4]) + letter


class WindowsRail(Section):
    """Every window: number, title, state, age; below it what fills it and how full its context is."""

    focused_window: reactive[str] = reactive("", repaint=False)

    def watch_focused_window(self) -> None:
        self.redraw()

    def title(self) -> Content:
        return Content.styled("WINDOWS", "bold")

    def right(self) -> Content:
        return Content.styled(str(len(self.state.windows)), "$muted")

    def lines(self, width: int) -> list[Line]:
        roomy = self.app.size.height >= 3 * len(self.state.windows) + 24
        lines: list[Line] = []
        for key, window in self.state.windows.items():
            if lines and roomy:
                lines.append(Line(Content("")))
            lines += [Line(row, key) for row in self._window(window, width)]
        return lines

    def _window(self, window: WindowState, width: int) -> list[Content]:
        seat, glyphs = window.seat, self.look.glyphs
        here = seat.window == self.focused_window
        mark = Content.styled(glyphs.focus if here else " ", "bold $focus")
        name = Content.assemble(
            mark, (f"{seat.number} ", "$muted"), safe_line(seat.title, f"bold {role_style(seat.role)}")
        )
        since = short_age(self.now - window.since) if window.since else "-"
        state = pad(state_mark(window, self.look), max(8, len(state_word(window)) + 2))
        right = Content.assemble(state, (f" {since:>4}", "$muted"))
        agent = safe_line(agent_words(window), "$muted")
        if agent.cell_length > width - 14:
            agent = safe_line(seat.model, "$muted")
        if not seat.context_window:
            fill = Content("")
        else:
            part = window.context_tokens / seat.context_window
            style = "bold $state-waiting" if part >= 0.75 else "$muted"
            fill = Content.assemble(" ", (bar(part, 5, glyphs), style), (f" {percent(part):>4}", "$muted"))
        return [spread(name, right, width), spread(Content.assemble("   ", agent), fill, width)]


class WindowsStrip(StateView):
    """Every window in one line, for narrow screens."""

    focused_window: reactive[str] = reactive("", repaint=False)

    @dataclass
    class WindowChosen(Message):
        """A window in the strip was clicked."""

        window: str

    def watch_focused_window(self) -> None:
        self.redraw()

    def rows(self, width: int) -> list[Content]:
        return [Content("").join([content for _, content in self._cells(width)]).truncate(width, ellipsis=True)]

    def _cells(self, width: int) -> list[tuple[str, Content]]:
        """Return the cells, with as many words as there is room for."""
        for words in ("all", "state", "few"):
            cells = [(key, self._cell(window, words)) for key, window in self.state.windows.items()]
            if sum(content.cell_length for _, content in cells) <= width:
                break
        return cells

    def _cell(self, window: WindowState, words: str) -> Content:
        seat, glyphs = window.seat, self.look.glyphs
        here = seat.window == self.focused_window
        title = (
            safe_line(seat.title).plain[:12] if words == "all" else short_title(window)[: 5 if words == "state" else 3]
        )
        loud = window.activity in ("waiting", "failed", "halted")
        mark = glyphs.activity[window.activity]
        if words == "all" or loud:
            mark = f"{mark} {state_word(window)}"
        name = f"bold {role_style(seat.role)}" if here else role_style(seat.role)
        return Content.assemble(
            (glyphs.focus if here else " ", "bold $focus"),
            (f"{seat.number} ", "$muted"),
            (title, name),
            " ",
            safe_line(mark, STYLES[window.activity], limit=30),
            (glyphs.bar, "$line"),
        )

    def on_click(self, event: events.Click) -> None:
        at = 0
        for key, content in self._cells(self.content_size.width):
            at += content.cell_length
            if event.x < at:
                self.post_message(self.WindowChosen(key))
                return


class WindowsLine(WindowsStrip):
    """The strip for the smallest screens: the focused window, and whether all of it is a rehearsal."""

    def rows(self, width: int) -> list[Content]:
        started = self.state.started
        left = Content("").join([content for _, content in self._cells(width)])
        right = Content.styled("REHEARSAL ", "bold $accent") if started and started.rehearsal else Content("")
        return [spread(left, right, width)]

    def _cells(self, width: int) -> list[tuple[str, Content]]:
        window = self.state.windows.get(self.focused_window)
        return [(window.seat.window, self._cell(window, "all"))] if window else []
