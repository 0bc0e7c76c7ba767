"""A dialog for one line of text: a reason, a note."""

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Static

from tui.screens.dialog import Dialog, Draft, keys_line, no_draft


class LineDialog(Dialog[str]):
    """Asks for one line and gives it. Left with Esc it gives None and keeps the draft.

    Args:
        prompt: What to write, in words of ours.
        required: Whether an empty line is refused.
    """

    def __init__(
        self, title: str, subject: str, prompt: str, *, required: bool = False, draft: Draft = no_draft
    ) -> None:
        super().__init__(title, subject, draft=draft)
        self._prompt = prompt
        self._required = required

    def body(self) -> ComposeResult:
        yield Static(Content.styled(self._prompt, "$muted"), classes="dialog-prompt", markup=False)
        yield Input(value=self.draft(None), max_length=2000, id="line", select_on_focus=False)

    def keys(self) -> Content:
        return keys_line(("Enter", "send"), ("Esc", "later, keeps the text"))

    def first_focus(self) -> Widget:
        return self.query_one(Input)

    @on(Input.Changed)
    def keep_draft(self, message: Input.Changed) -> None:
        """Keep what is typed, whatever closes the dialog."""
        self.draft(message.value)

    @on(Input.Submitted)
    def give_line(self, message: Input.Submitted) -> None:
        """Give the line."""
        text = " ".join(message.value.split())
        if self._required and not text:
            self.hint("one line is needed")
            return
        self.dismiss(text)
