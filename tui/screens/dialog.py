"""What all dialogs share: a frame, a line of keys, Esc that leaves, and drafts that survive it."""

from collections.abc import Callable
from typing import Generic, TypeVar

from textual.app import ComposeResult
from textual.await_complete import AwaitComplete
from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content
from textual.css.query import NoMatches
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Input, Static, TextArea

from panes.glyphs import UNICODE, Glyphs
from panes.safe_text import safe_line
from sessions.state import SessionState
from tui.typed_ahead import KeysWanted

Result = TypeVar("Result")
Draft = Callable[[str | None], str]
"""Keeps a text (given one) and returns what is kept (given None)."""

GUARD = 0.4
"""Seconds after a dialog appears in which no key decides anything: a key meant for what was there before must not."""


def no_draft(text: str | None = None) -> str:
    """Keep nothing."""
    return ""


def keys_line(*pairs: tuple[str, str]) -> Content:
    """Return keys with what they do, for the foot of a dialog."""
    return Content("   ").join([Content.assemble((key, "bold $key"), f" {label}") for key, label in pairs])


class AnsweredOnce(ModalScreen[Result | None], Generic[Result]):
    """A screen that takes its first answer only: keys that were typed behind it do not close what lies below."""

    def dismiss(self, result: Result | None = None) -> AwaitComplete:
        """Leave with a result; a second time nothing happens."""
        if self._answered:
            return AwaitComplete.nothing()
        self._answered = True
        return super().dismiss(result)

    _answered = False


class Dialog(AnsweredOnce[Result], Generic[Result]):
    """A dialog over the loop screen. Left with Esc it gives None.

    Args:
        title: Two or three words of ours, in capitals.
        subject: What it is about; may be foreign text.
    """

    AUTO_FOCUS = ""
    BINDINGS = [Binding("escape", "leave", "Close", show=False)]

    def __init__(self, title: str, subject: str, *, draft: Draft = no_draft) -> None:
        super().__init__(classes="dialog-screen")
        self._title_words = title
        self._subject = subject
        self.draft = draft

    def compose(self) -> ComposeResult:
        heading = Content.assemble(
            safe_line(self._title_words, "bold $focus", limit=60), "   ", safe_line(self._subject, limit=160)
        )
        with Vertical(classes="dialog"):
            yield Static(heading, classes="dialog-title", markup=False)
            yield from self.body()
            yield Static(self.keys(), classes="dialog-keys", markup=False)

    def body(self) -> ComposeResult:
        """Give the widgets of the dialog."""
        yield from ()

    def keys(self) -> Content:
        """Return the line of keys."""
        return keys_line(("Esc", "close"))

    def stands(self, state: SessionState) -> bool:
        """Say whether what the dialog asks is still to be decided."""
        return True

    def hint(self, words: str) -> None:
        """Say in the dialog's own foot why a key did nothing."""
        self.query_one(".dialog-keys", Static).update(
            Content.assemble((words, "bold $state-waiting"), "   ", self.keys())
        )

    def action_leave(self) -> None:
        self.dismiss(None)

    def text_width(self) -> int:
        """Return the cells a line of text has in a dialog of ordinary width."""
        return max(20, min(84, self.app.size.width) - 6)

    @property
    def glyphs(self) -> Glyphs:
        """The set of shapes of the app, for dialogs made without one."""
        look = getattr(self.app, "look", None)
        return look.glyphs if look is not None else UNICODE

    def on_mount(self) -> None:
        self.set_class(self.glyphs.ascii, "-ascii")
        self._begin()

    def _begin(self) -> None:
        """Give the keys to the first widget once it is there: what lies in the frame comes after the screen."""
        if not self.is_attached:
            return
        try:
            first = self.first_focus()
        except NoMatches:
            self.call_after_refresh(self._begin)
            return
        for field in self.query("Input, TextArea").results(Widget):
            if isinstance(field, Input | TextArea):
                field.cursor_blink = False
        if first is not None:
            first.focus()
        self.post_message(KeysWanted())

    def first_focus(self) -> Widget | None:
        """Return the widget that gets the keys first; None leaves them with the dialog."""
        return None
