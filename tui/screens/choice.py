"""A dialog to choose one of a few things."""

from collections.abc import Sequence
from dataclasses import dataclass

from textual import events, on
from textual.app import ComposeResult
from textual.content import Content
from textual.widget import Widget
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from panes.fitting import fold
from panes.safe_text import safe_line
from tui.screens.dialog import Dialog, keys_line


@dataclass(frozen=True, slots=True)
class Choice:
    """One thing to choose: its value, its name, a line on it, and a letter that takes it beside its number."""

    value: str
    name: str
    words: str = ""
    letter: str = ""


class ChoiceDialog(Dialog[str]):
    """Lists choices; arrows and Enter, a number, a letter or a click takes one. Gives its value, or None.

    Args:
        chosen: The value that is highlighted at first.
    """

    def __init__(self, title: str, subject: str, choices: Sequence[Choice], *, chosen: str = "") -> None:
        super().__init__(title, subject)
        self._choices = tuple(choices)
        self._chosen = chosen

    def body(self) -> ComposeResult:
        options = [Option(self._prompt(n, choice), id=str(n)) for n, choice in enumerate(self._choices)]
        yield OptionList(*options, id="choices", markup=False)

    def _prompt(self, n: int, choice: Choice) -> Content:
        key = choice.letter or (str(n + 1) if n < 9 else " ")
        head = Content.assemble((f" {key} ", "bold $key"), " ", safe_line(choice.name, "bold", limit=120))
        if not choice.words:
            return head
        rows = fold(safe_line(choice.words, "$muted", limit=300), self.text_width() - 5)
        return Content("\n    ").join([head, *rows])

    def keys(self) -> Content:
        return keys_line(("Enter", "take"), ("Up Down", "move"), ("Esc", "close"))

    def first_focus(self) -> Widget:
        options = self.query_one(OptionList)
        values = [choice.value for choice in self._choices]
        options.highlighted = values.index(self._chosen) if self._chosen in values else 0
        return options

    def on_key(self, event: events.Key) -> None:
        for n, choice in enumerate(self._choices):
            if event.key == choice.letter or (n < 9 and not choice.letter and event.key == str(n + 1)):
                event.stop()
                self.dismiss(choice.value)
                return

    @on(OptionList.OptionSelected)
    def take(self, message: OptionList.OptionSelected) -> None:
        """Take the highlighted choice."""
        message.stop()
        self.dismiss(self._choices[message.option_index].value)
