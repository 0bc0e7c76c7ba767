"""Which key orders which command: some everywhere, most of them only where no text is typed. Pure."""

from collections.abc import Iterable, Mapping

from tui.commands import Command

PREFIX_ID = "app.prefix"
PREFIX = "ctrl+g"
"""Opens the command list from anywhere; pressed twice it is sent to the program in the window."""

_NAMES = {
    "exclamation_mark": "!",
    "question_mark": "?",
    "colon": ":",
    "tab": "Tab",
    "up": "Up",
    "down": "Down",
    "left": "Left",
    "right": "Right",
    "enter": "Enter",
    "escape": "Esc",
}


def key_words(key: str) -> str:
    """Return a key as people write it: `^G`, `F8`, `!`."""
    if key.startswith("ctrl+"):
        return f"^{key.removeprefix('ctrl+').upper()}"
    if key[0] == "f" and key[1:].isdigit():
        return key.upper()
    return _NAMES.get(key, key)


def is_direct(key: str) -> bool:
    """Say whether a key works everywhere, also while a program or a text field has the keys."""
    return key.startswith("ctrl+") or (key[0] == "f" and key[1:].isdigit())


class Keymap:
    """The keys of every command.

    Args:
        commands: Every command there is.
        keys: Keys by command id where they differ from the command's own.
    """

    def __init__(self, commands: Iterable[Command], keys: Mapping[str, str] | None = None) -> None:
        chosen = dict(keys or {})
        self.commands = tuple(commands)
        self.prefix = chosen.get(PREFIX_ID, PREFIX)
        self.keys_of: dict[str, tuple[str, ...]] = {
            command.id: tuple(chosen.get(command.id, command.key).split(",")) for command in self.commands
        }
        self.by_id: dict[str, Command] = {command.id: command for command in self.commands}
        pairs = [(key, self.by_id[name]) for name, found in self.keys_of.items() for key in found]
        self.direct: dict[str, Command] = {key: command for key, command in pairs if is_direct(key)}
        self.bare: dict[str, Command] = {key: command for key, command in pairs if not is_direct(key)}

    @property
    def reserved(self) -> frozenset[str]:
        """The keys that never reach a program: the prefix and those that work everywhere."""
        return frozenset((self.prefix, *self.direct))

    def words(self, command: Command, *, direct: bool = False) -> str:
        """Return the key to show for a command; with `direct`, one that works everywhere if it has one."""
        keys = self.keys_of[command.id]
        wanted = [key for key in keys if is_direct(key) == direct] or list(keys)
        return key_words(wanted[0])

    def all_words(self, command: Command) -> str:
        """Return every key of a command: `F8 h`."""
        return " ".join(key_words(key) for key in self.keys_of[command.id])
