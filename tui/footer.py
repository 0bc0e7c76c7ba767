"""The line at the bottom: the mode as a word, then only keys that work now."""

from dataclasses import dataclass
from typing import Literal

from textual import events
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive

from panes.drawn import StateView
from panes.fitting import Piece, keep_fitting
from panes.look import Look
from tui.keymap import Keymap, is_direct, key_words

Mode = Literal["NAV", "PASS", "EDIT"]
_GAP = 2


@dataclass(frozen=True, slots=True)
class Hint:
    """A key and what it does; `command` is empty for keys that are no command."""

    keys: str
    label: str
    command: str = ""
    rank: int = 0


class Footer(StateView):
    """Shows the mode and the hints that fit, each of them clickable."""

    mode: reactive[Mode] = reactive("NAV", repaint=False)
    window: reactive[str] = reactive("", repaint=False)

    @dataclass
    class CommandClicked(Message):
        """A hint was clicked: the command's id."""

        command: str

    def __init__(self, look: Look, keymap: Keymap, *, id: str | None = None) -> None:
        super().__init__(look, id=id)
        self._keymap = keymap

    def watch_mode(self) -> None:
        self.redraw()

    def watch_window(self) -> None:
        self.redraw()

    def rows(self, width: int) -> list[Content]:
        head = self._head()
        return [Content.assemble(head, *[content for _, content in self._fitting(width - head.cell_length)])]

    def hints(self) -> list[Hint]:
        """Return the hints for the present mode, in the order to show them."""
        typing = self.mode != "NAV"
        prefix = Hint(key_words(self._keymap.prefix), "commands", "app.commands", 0 if typing else 2)
        hints = [prefix] if typing else []
        if self.mode == "PASS":
            hints.append(Hint(key_words(self._keymap.prefix) * 2, "sends it", rank=6))
        elif self.mode == "NAV" and self._runs():
            hints.append(Hint("Enter", "type into it", rank=3))
        if len(self.state.windows) > 1 and self.mode == "NAV":
            numbers = [window.seat.number for window in self.state.windows.values()]
            hints.append(Hint(f"{min(numbers)}-{max(numbers)}", "window", rank=7))
        works = [one for one in self._keymap.commands if one.footer is not None]
        works = [one for one in works if one.refusal(self.state, self.window) is None]
        if typing:
            works = [one for one in works if any(is_direct(key) for key in self._keymap.keys_of[one.id])]
        works.sort(key=lambda one: one.id != "nav.next_need")
        hints += [
            Hint(self._keymap.words(one, direct=typing or one.id in _DIRECT), one.label, one.id, one.footer or 0)
            for one in works
        ]
        return hints if typing else [*hints, prefix]

    def _runs(self) -> bool:
        """Say whether the focused window is a program that could get the keys."""
        return any(process.window == self.window for process in self.state.processes.values())

    def _head(self) -> Content:
        word = Content.styled(f" {self.mode} ", "bold reverse $accent" if self.mode == "NAV" else "bold reverse $focus")
        if self.mode == "PASS":
            window = self.state.windows.get(self.window)
            where = f" keys go to window {window.seat.number} " if window and self.size.width >= 100 else ""
            return Content.assemble(" ", word, (where, "$muted"), " ")
        return Content.assemble(" ", word, "  ")

    def _fitting(self, width: int) -> list[tuple[Hint, Content]]:
        shown = [
            (hint, Content.assemble((hint.keys, "bold $key"), f" {hint.label}" + " " * _GAP)) for hint in self.hints()
        ]
        kept = keep_fitting([Piece(content, hint.rank) for hint, content in shown], width, gap=0)
        return [(hint, content) for hint, content in shown if any(content is one for one in kept)]

    def on_click(self, event: events.Click) -> None:
        head = self._head().cell_length
        at = head
        for hint, content in self._fitting(self.content_size.width - head):
            if at <= event.x < at + content.cell_length - _GAP and hint.command:
                self.post_message(self.CommandClicked(hint.command))
                return
            at += content.cell_length


_DIRECT = ("nav.next_need", "pane.halt", "app.halt_all", "app.help")
"""Commands whose key that works everywhere is the one to learn."""
