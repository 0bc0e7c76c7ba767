"""A dialog with an editor for a longer text."""

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.content import Content
from textual.widget import Widget
from textual.widgets import TextArea

from panes.visible_text import visible
from tui.screens.dialog import Dialog, Draft, keys_line, no_draft

EDITOR_LIMIT = 1_000_000


class Editor(Dialog[str]):
    """Shows a text to change and gives it changed. Left with Esc it gives None and keeps the draft.

    Control characters of a foreign text stand as marks in the editor, and in what it gives.
    """

    # Not a priority binding: that would overtake what was typed before it and still waits to be taken in.
    BINDINGS = [Binding("ctrl+s,ctrl+enter", "send", "Send", show=False)]

    def __init__(self, title: str, subject: str, text: str, *, done: str, draft: Draft = no_draft) -> None:
        super().__init__(title, subject, draft=draft)
        self._text = visible(text, limit=EDITOR_LIMIT, line_limit=EDITOR_LIMIT)
        self._done = done
        self.add_class("-large")

    def body(self) -> ComposeResult:
        yield TextArea(self.draft(None) or self._text, id="editor", show_line_numbers=False, soft_wrap=True)

    def keys(self) -> Content:
        return keys_line(("^S", self._done), ("Esc", "later, keeps the text"))

    def first_focus(self) -> Widget:
        return self.query_one(TextArea)

    @on(TextArea.Changed)
    def keep_draft(self, message: TextArea.Changed) -> None:
        """Keep what is typed, whatever closes the dialog."""
        text = message.text_area.text
        self.draft("" if text == self._text else text)

    def action_send(self) -> None:
        text = self.query_one(TextArea).text
        if not text.strip():
            self.hint("there is no text")
            return
        self.dismiss(text)
