"""The command list of the prefix key: every command that works now by its letter, at the foot of the screen."""

from dataclasses import dataclass

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding
from textual.content import Content

from panes.boxes import boxed
from panes.drawn import Drawn
from panes.look import Look
from panes.roster import window_name
from panes.safe_text import safe_line
from sessions.state import SessionState
from tui.commands import GROUPS, Command
from tui.keymap import Keymap, key_words
from tui.screens.dialog import AnsweredOnce
from tui.typed_ahead import KeysWanted

_GROUP_WIDTH = 13


@dataclass(frozen=True, slots=True)
class Place:
    """Where a command stands in the list."""

    row: int
    left: int
    right: int
    command: Command


class CommandSheet(Drawn):
    """Draws the commands in groups, the chosen one marked."""

    def __init__(self, keymap: Keymap, state: SessionState, window: str, look: Look) -> None:
        super().__init__(look)
        self._keymap = keymap
        known = state.windows.get(window)
        self._about = f"window {window_name(known)}" if known else ""
        self.commands = [command for command in keymap.commands if command.refusal(state, window) is None]
        self.chosen = 0
        self.places: list[Place] = []

    def rows(self, width: int) -> list[Content]:
        inner = width - 4
        lines: list[Content] = []
        self.places = []
        for group in GROUPS:
            lines += self._group(group, inner, len(lines))
        glyphs, prefix = self.look.glyphs, key_words(self._keymap.prefix)
        return boxed(
            lines,
            width,
            glyphs,
            title=Content.assemble((f"{prefix} COMMANDS", "bold $focus"), "  ", safe_line(self._about)),
            right=Content.styled("a key, arrows + Enter, or click", "$muted"),
            foot=Content.styled(f"{prefix} sends {self._keymap.prefix}   Esc closes", "$muted"),
            style="$focus",
            double=True,
        )

    def _group(self, group: str, width: int, row: int) -> list[Content]:
        members = [command for command in self.commands if command.group == group]
        if not members:
            return []
        line = Content.styled(group.ljust(_GROUP_WIDTH), "$muted")
        lines: list[Content] = []
        for command in members:
            key = self._keymap.words(command)
            chosen = self.commands[self.chosen] is command
            words = Content.assemble((key, "bold $key"), f" {command.label}")
            if line.cell_length + words.cell_length > width:
                lines.append(line.rstrip())
                line = Content(" " * _GROUP_WIDTH)
            left = line.cell_length
            self.places.append(Place(row + len(lines), left, left + words.cell_length, command))
            line = Content.assemble(line, words.stylize("reverse") if chosen else words, "  ")
        return [*lines, line.rstrip()]


class CommandList(AnsweredOnce[str]):
    """Gives the id of the command whose key was pressed, None when it was closed. Stays until a key comes."""

    BINDINGS = [Binding("escape", "leave", "Close", show=False)]

    def __init__(self, keymap: Keymap, state: SessionState, window: str, look: Look) -> None:
        super().__init__(classes="sheet-screen")
        self._keymap = keymap
        self._sheet = CommandSheet(keymap, state, window, look)

    def compose(self) -> ComposeResult:
        yield self._sheet

    def on_mount(self) -> None:
        self.post_message(KeysWanted())

    def on_key(self, event: events.Key) -> None:
        sheet = self._sheet
        command = self._keymap.bare.get(event.key)
        event.stop()
        event.prevent_default()
        if event.key == "escape":
            self.dismiss(None)
        elif event.key in ("right", "left", "down", "up"):
            self._move(event.key)
        elif event.key == "enter":
            self.dismiss(sheet.commands[sheet.chosen].id)
        elif command is not None:
            self.dismiss(command.id)

    def _move(self, key: str) -> None:
        sheet = self._sheet
        if key in ("right", "left"):
            sheet.chosen = (sheet.chosen + (1 if key == "right" else -1)) % len(sheet.commands)
        else:
            here = next((place for place in sheet.places if place.command is sheet.commands[sheet.chosen]), None)
            if here is None:
                return
            last = max(place.row for place in sheet.places)
            wanted = (here.row + (1 if key == "down" else -1)) % (last + 1)
            row = [place for place in sheet.places if place.row == wanted] or [here]
            nearest = min(row, key=lambda place: abs(place.left - here.left))
            sheet.chosen = sheet.commands.index(nearest.command)
        sheet.redraw()

    def on_click(self, event: events.Click) -> None:
        inside = event.get_content_offset(self._sheet)
        if inside is None:
            self.dismiss(None)
            return
        for place in self._sheet.places:
            if place.row == inside.y - 1 and place.left <= inside.x - 2 < place.right:
                self.dismiss(place.command.id)

    def action_leave(self) -> None:
        self.dismiss(None)
