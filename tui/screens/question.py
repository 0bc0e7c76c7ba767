"""A question to the person: its options, or an answer in their own words."""

from collections.abc import Callable
from dataclasses import dataclass

from textual import events, on
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from panes.figures import age
from panes.look import Look
from panes.roster import window_name
from panes.safe_text import safe, safe_line
from sessions.state import QuestionState, SessionState
from tui.screens.dialog import GUARD, Dialog, Draft, keys_line, no_draft


@dataclass(frozen=True, slots=True)
class Answer:
    """The option by its index, or -1 and a text."""

    choice: int
    text: str = ""


_SOURCES = {"decision": "structural", "turn": "its turn failed", "limit": "a limit was met", "agent": ""}


class QuestionScreen(Dialog[Answer]):
    """Shows a question whole and gives the answer. A number moves to an option, Enter decides."""

    def __init__(
        self,
        question: QuestionState,
        state: SessionState,
        look: Look,
        *,
        now: Callable[[], float],
        ticks: Callable[[], float],
        draft: Draft = no_draft,
    ) -> None:
        asked = question.asked
        window = state.windows.get(asked.window)
        who = window_name(window).upper() if window else "THE SESSION"
        about = "  ".join(
            word for word in (_SOURCES[asked.source], asked.task, f"waiting {age(now() - question.at)}") if word
        )
        super().__init__(f"{who} ASKS" if asked.source in ("decision", "agent") else who, about, draft=draft)
        self.question = question
        self._look = look
        self._ticks = ticks
        self._opened = 0.0

    def body(self) -> ComposeResult:
        asked = self.question.asked
        with VerticalScroll(classes="dialog-text", can_focus=False):
            yield Static(safe(asked.text, "bold"), markup=False)
        options = [
            Option(Content.assemble((f" {n + 1}  ", "bold $key"), safe_line(option, limit=400)), id=str(n))
            for n, option in enumerate(asked.options)
        ]
        if options:
            yield OptionList(*options, id="options", markup=False)
        else:
            yield Static("", id="no-options")
        yield Static(Content.styled("or in your own words", "$muted"), classes="dialog-prompt", markup=False)
        yield Input(value=self.draft(None), max_length=20_000, id="words", select_on_focus=False)

    def keys(self) -> Content:
        return keys_line(("Enter", "decide"), ("1-9", "option"), ("Tab", "own words"), ("Esc", "later"))

    def first_focus(self) -> Widget:
        self._opened = self._ticks()
        if not self.question.asked.options:
            return self.query_one(Input)
        options = self.query_one(OptionList)
        options.highlighted = 0
        return options

    def stands(self, state: SessionState) -> bool:
        return self.question.asked.question in state.questions

    def on_key(self, event: events.Key) -> None:
        if event.is_printable and event.character and not event.key.isdigit() and not isinstance(self.focused, Input):
            event.stop()
            words = self.query_one(Input)
            words.focus()
            words.insert_text_at_cursor(event.character)
            return
        if event.key.isdigit() and not isinstance(self.focused, Input):
            at = int(event.key) - 1
            if 0 <= at < len(self.question.asked.options):
                event.stop()
                options = self.query_one(OptionList)
                options.highlighted = at
                options.focus()

    @on(OptionList.OptionSelected)
    def decide(self, message: OptionList.OptionSelected) -> None:
        """Answer with the highlighted option."""
        message.stop()
        if self._ticks() - self._opened >= GUARD:
            self.dismiss(Answer(message.option_index))

    @on(Input.Changed)
    def keep_draft(self, message: Input.Changed) -> None:
        """Keep what is typed, whatever closes the dialog."""
        self.draft(message.value)

    @on(Input.Submitted)
    def answer_in_words(self, message: Input.Submitted) -> None:
        """Answer in the person's own words."""
        if not message.value.strip():
            self.hint("write an answer, or choose an option")
            return
        self.dismiss(Answer(-1, message.value.strip()))
