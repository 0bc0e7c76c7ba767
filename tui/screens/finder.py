"""Finding a command by typing: the help screen and the palette are two faces of one list."""

from textual import events, on
from textual.app import ComposeResult
from textual.content import Content
from textual.fuzzy import Matcher
from textual.widget import Widget
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from panes.safe_text import safe_line
from sessions.state import SessionState
from tui.commands import Command
from tui.keymap import Keymap
from tui.screens.dialog import Dialog, keys_line


class CommandFinder(Dialog[str]):
    """Lists commands, those that work now first; typing filters. Gives the id of the one chosen, or None."""

    def __init__(self, title: str, subject: str, keymap: Keymap, state: SessionState, window: str) -> None:
        super().__init__(title, subject)
        self._keymap = keymap
        found = [(command, command.refusal(state, window)) for command in keymap.commands]
        self._listed = sorted(found, key=lambda pair: pair[1] is not None)
        self._shown: list[Command] = []
        self.add_class("-large")

    def body(self) -> ComposeResult:
        yield Input(placeholder="type to filter", id="filter", compact=True)
        yield OptionList(id="commands", markup=False)
        yield Static("", id="about", markup=False)

    def keys(self) -> Content:
        return keys_line(("Enter", "do it"), ("Up Down", "move"), ("Esc", "close"))

    def first_focus(self) -> Widget:
        self._fill("")
        return self.query_one(Input)

    def _fill(self, query: str) -> None:
        options = self.query_one(OptionList)
        options.clear_options()
        self._shown = []
        matcher = Matcher(query)
        scored = [(self._score(command, query, matcher), command, refusal) for command, refusal in self._listed]
        scored.sort(key=lambda found: (found[2] is not None, -found[0]))
        for score, command, refusal in scored:
            if score:
                self._shown.append(command)
                options.add_option(Option(self._prompt(command, refusal), disabled=refusal is not None))
        able = [n for n, command in enumerate(self._shown) if not options.get_option_at_index(n).disabled]
        options.highlighted = able[0] if able else None

    def _score(self, command: Command, query: str, matcher: Matcher) -> float:
        """Return how well a command answers a query: by its label or key best, by a word of its help least."""
        if not query:
            return 1
        if query.lower() in command.label.lower() or query in self._keymap.all_words(command).split():
            return 100
        by_name = max(matcher.match(command.label), matcher.match(command.id))
        return by_name or (0.1 if query.lower() in command.help.lower() else 0)

    def _prompt(self, command: Command, refusal: str | None) -> Content:
        key = f"{self._keymap.all_words(command):>12}  "
        if refusal is not None:
            return Content.assemble(
                (key, "$muted"), (f"{command.label:<16}", "$muted"), safe_line(f"not now: {refusal}", "$muted")
            )
        return Content.assemble((key, "bold $key"), (f"{command.label:<16}", "bold"), (command.help, "$muted"))

    @on(Input.Changed, "#filter")
    def narrow(self, message: Input.Changed) -> None:
        """Show what matches."""
        self._fill(message.value.strip())

    @on(Input.Submitted, "#filter")
    def take_first(self) -> None:
        """Enter in the filter takes what is highlighted."""
        at = self.query_one(OptionList).highlighted
        if at is not None:
            self.dismiss(self._shown[at].id)

    @on(OptionList.OptionHighlighted, "#commands")
    def tell_about(self, message: OptionList.OptionHighlighted) -> None:
        """Show the whole help of the highlighted command below the list."""
        command = self._shown[message.option_index]
        self.query_one("#about", Static).update(Content.assemble((command.id, "$accent"), "  ", command.help))

    @on(OptionList.OptionSelected, "#commands")
    def take(self, message: OptionList.OptionSelected) -> None:
        """Take the highlighted command."""
        message.stop()
        self.dismiss(self._shown[message.option_index].id)

    def on_key(self, event: events.Key) -> None:
        options = self.query_one(OptionList)
        moves = {
            "down": options.action_cursor_down,
            "up": options.action_cursor_up,
            "pagedown": options.action_page_down,
            "pageup": options.action_page_up,
        }
        if event.key in moves and isinstance(self.focused, Input):
            event.stop()
            event.prevent_default()
            moves[event.key]()
