"""Keys typed while a dialog is still opening: kept, and given to it once it is there.

Without this a quick hand's next key would go to what lay below: into a program, or as a command nobody meant.
"""

from collections.abc import Callable

from textual.events import Key
from textual.message import Message


class KeysWanted(Message):
    """A dialog has opened and takes keys from now on."""


class TypedAhead:
    """Holds keys from the order that opens something until that something has the keys.

    Args:
        post: Sends a key on its way again.
    """

    def __init__(self, post: Callable[[Key], object]) -> None:
        self._post = post
        self._opening = False
        self._held: list[Key] = []

    def hold(self) -> None:
        """Keep keys from now on."""
        self._opening = True

    def keeps(self, key: Key) -> bool:
        """Take a key and say so, if something is opening."""
        if self._opening:
            self._held.append(key)
        return self._opening

    def release(self) -> None:
        """Give the kept keys to what has opened, in order. Safe when nothing is held."""
        self._opening = False
        held, self._held = self._held, []
        for key in held:
            self._post(Key(key.key, key.character))
