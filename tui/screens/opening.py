"""Before a session exists: choose one to come back to, or say what to build. Plain values in, plain values out."""

from collections.abc import Sequence
from typing import Protocol

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content
from textual.screen import Screen
from textual.widgets import OptionList, Static, TextArea
from textual.widgets.option_list import Option

from panes.fitting import pad
from panes.safe_text import safe_line
from sessions.handoffs import GateMode
from themes import Palette
from tui.painted_app import PaintedApp, glyphs_for
from tui.screens.dialog import keys_line

_GATES: dict[GateMode, str] = {
    "manual": "every handoff waits for you",
    "assisted": "harmless handoffs flow, the rest waits for you",
    "auto": "everything flows that may",
}


class Folder(Protocol):
    """Where a session lies."""

    @property
    def id(self) -> str:
        """The session's id."""
        ...


class OpenSession(Protocol):
    """What the list of sessions needs to know of one."""

    @property
    def folder(self) -> Folder: ...
    @property
    def state(self) -> str: ...
    @property
    def project(self) -> str: ...
    @property
    def idea(self) -> str: ...
    @property
    def tasks(self) -> str: ...


def choose_session(found: Sequence[OpenSession], palette: Palette | None = None) -> str | None:
    """Ask which session to open. Returns its id, an empty string for a new one, None to leave."""
    return OpeningApp(SessionPicker(found), palette).run()


def ask_idea(
    project: str, *, fleet: str, gate: GateMode, notices: Sequence[str] = (), palette: Palette | None = None
) -> str | None:
    """Ask what to build. Returns the text as written, None to leave.

    Args:
        fleet: The fleet file; empty for the rehearsal fleet.
    """
    return OpeningApp(IdeaScreen(project, fleet=fleet, gate=gate, notices=notices), palette).run()


class OpeningApp(PaintedApp[str]):
    """Shows one screen that gives a text, and ends with it."""

    def __init__(self, screen: Screen[str | None], palette: Palette | None = None) -> None:
        super().__init__(palette)
        self._first = screen

    def on_mount(self) -> None:
        self.push_screen(self._first, self.exit)


class _Opening(Screen[str | None]):
    """A centred column with a heading and a line of keys."""

    AUTO_FOCUS = ""

    def on_mount(self) -> None:
        self.add_class("opening")
        self.set_class(glyphs_for(None).ascii, "-ascii")

    def action_leave(self) -> None:
        self.dismiss(None)


def heading(project: str, words: str) -> Content:
    """Return the name of the app, the project and what is asked."""
    return Content.assemble(
        ("QUARTERDECK", "bold $focus"), "   ", safe_line(project, "bold", limit=60), "\n", (words, "$muted")
    )


class IdeaScreen(_Opening):
    """Asks what to build, in a real editor. Says which repository, which fleet and which gate mode it will be."""

    BINDINGS = [
        Binding("ctrl+s,ctrl+enter,ctrl+j", "start", "Start", show=False, priority=True),
        Binding("escape,ctrl+q", "leave", "Leave", show=False, priority=True),
    ]

    def __init__(self, project: str, *, fleet: str, gate: GateMode, notices: Sequence[str] = ()) -> None:
        super().__init__()
        self._project = project
        self._fleet = fleet
        self._gate: GateMode = gate
        self._notices = tuple(notices)

    def compose(self) -> ComposeResult:
        with Vertical(classes="opening-column"):
            yield Static(heading(self._project, "What shall be built?"), markup=False)
            yield TextArea(id="idea", soft_wrap=True, show_line_numbers=False)
            yield Static(self._facts(), id="facts", markup=False)
            yield Static(keys_line(("^S", "start"), ("Esc", "leave")), id="opening-keys", markup=False)

    def _facts(self) -> Content:
        if self._fleet:
            fleet = safe_line(self._fleet)
        else:
            fleet = Content.assemble(
                ("REHEARSAL: scripted, no AI", "bold $accent"),
                "  it builds its own sample, whatever the idea; --fleet FILE for real models",
            )
        lines = [
            Content.assemble(("fleet   ", "$muted"), fleet),
            Content.assemble(("gate    ", "$muted"), f"{self._gate.upper()}  {_GATES[self._gate]}"),
        ]
        lines += [Content.assemble(("note    ", "bold $state-waiting"), safe_line(notice)) for notice in self._notices]
        return Content("\n").join(lines)

    def on_mount(self) -> None:
        super().on_mount()
        editor = self.query_one(TextArea)
        editor.cursor_blink = False
        editor.focus()

    def action_start(self) -> None:
        text = self.query_one(TextArea).text
        if text.strip():
            self.dismiss(text)
            return
        words = Content.assemble(
            ("write one sentence first", "bold $state-waiting"), "   ", keys_line(("^S", "start"), ("Esc", "leave"))
        )
        self.query_one("#opening-keys", Static).update(words)


class SessionPicker(_Opening):
    """Lists sessions that are not finished: Enter opens one, n begins a new one, q leaves."""

    BINDINGS = [
        Binding("n", "new", "New", show=False),
        Binding("q,escape,ctrl+q", "leave", "Leave", show=False),
    ]

    def __init__(self, found: Sequence[OpenSession]) -> None:
        super().__init__()
        self._found = tuple(found)

    def compose(self) -> ComposeResult:
        project = self._found[0].project if self._found else ""
        with Vertical(classes="opening-column"):
            yield Static(
                heading(project, f"{len(self._found)} sessions are not finished. Go on with one?"), markup=False
            )
            yield OptionList(*[Option(self._line(one)) for one in self._found], id="sessions", markup=False)
            keys = keys_line(("Enter", "go on"), ("n", "new session"), ("q", "leave"))
            yield Static(keys, id="opening-keys", markup=False)

    def _line(self, one: OpenSession) -> Content:
        style = "bold $state-thinking" if one.state == "running" else "$muted"
        state = pad(safe_line(one.state, style), 9)
        head = Content.assemble(state, safe_line(one.folder.id, "bold"), "  ", safe_line(one.tasks, "$muted"))
        return Content.assemble(head, "\n         ", safe_line(one.idea, limit=90))

    def on_mount(self) -> None:
        super().on_mount()
        options = self.query_one(OptionList)
        options.highlighted = 0
        options.focus()

    @on(OptionList.OptionSelected)
    def go_on(self, message: OptionList.OptionSelected) -> None:
        """Open the highlighted session."""
        message.stop()
        self.dismiss(self._found[message.option_index].folder.id)

    def action_new(self) -> None:
        self.dismiss("")
