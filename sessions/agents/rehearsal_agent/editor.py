"""The input box: one text and a cursor in it."""

import re

from sessions.agents.rehearsal_agent.cells import harmless, width

LONGEST = 2_000_000
"""Letters the box takes; what comes after is dropped."""


class Editor:
    """A line of text that is being edited. A line break inside it is shown as `⏎`."""

    def __init__(self) -> None:
        self._before = ""
        self._after = ""

    @property
    def text(self) -> str:
        """The whole text."""
        return self._before + self._after

    def insert(self, text: str) -> None:
        """Put a text at the cursor."""
        room = max(LONGEST - len(self._before) - len(self._after), 0)
        self._before += text[:room]

    def take(self) -> str:
        """Empty the box and return what was in it."""
        text = self.text
        self._before = self._after = ""
        return text

    def key(self, name: str) -> bool:
        """Do what an editing key asks and say whether it was one."""
        before, after = self._before, self._after
        edits = {
            "left": (before[:-1], before[-1:] + after),
            "right": (before + after[:1], after[1:]),
            "home": ("", before + after),
            "end": (before + after, ""),
            "backspace": (before[:-1], after),
            "delete": (before, after[1:]),
            "ctrl-u": ("", after),
            "ctrl-k": (before, ""),
        }
        if name == "ctrl-w":
            edits["ctrl-w"] = (re.sub(r"\S*\s*$", "", before[-4096:]), after)
        if name not in edits:
            return False
        self._before, self._after = edits[name]
        return True

    def view(self, columns: int) -> tuple[str, int]:
        """Return the part of the text around the cursor that fits, and the cursor's column in it."""
        left = ""
        for letter in reversed(self._before[-columns:]):
            if width(left) + width(_shown(letter)) >= columns:
                break
            left = _shown(letter) + left
        right = "".join(_shown(letter) for letter in self._after[:columns])
        while right and width(left) + width(right) > columns:
            right = right[:-1]
        return left + right, width(left)


def _shown(letter: str) -> str:
    return "⏎" if letter == "\n" else harmless(letter) or "·"
