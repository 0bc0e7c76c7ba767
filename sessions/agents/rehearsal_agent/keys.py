"""Terminal input as keys, typed text and pastes."""

import codecs
import re
from dataclasses import dataclass

PASTE_BEGIN, PASTE_END = "\x1b[200~", "\x1b[201~"
LONGEST_SEQUENCE = 64

_CONTROLS = {
    "\r": "enter", "\x7f": "backspace", "\x08": "backspace", "\x01": "home", "\x05": "end", "\x02": "left",
    "\x06": "right", "\x03": "ctrl-c", "\x04": "ctrl-d", "\x0b": "ctrl-k", "\x0c": "ctrl-l", "\x15": "ctrl-u",
    "\x17": "ctrl-w",
}  # fmt: skip
_SEQUENCES = {
    "[A": "up", "[B": "down", "[C": "right", "[D": "left", "[H": "home", "[F": "end", "OA": "up", "OB": "down",
    "OC": "right", "OD": "left", "OH": "home", "OF": "end", "[1~": "home", "[4~": "end", "[7~": "home", "[8~": "end",
    "[3~": "delete", "[5~": "page-up", "[6~": "page-down", "[27u": "escape", "[13u": "enter", "[99;5u": "ctrl-c",
    "[100;5u": "ctrl-d",
}  # fmt: skip
_COMPLETE = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|O[ -~])")


@dataclass(frozen=True, slots=True)
class Key:
    """A key by name, such as `enter`, `escape` or `ctrl-c`."""

    name: str


@dataclass(frozen=True, slots=True)
class Typed:
    """Letters that were typed."""

    text: str


@dataclass(frozen=True, slots=True)
class Pasted:
    """A whole bracketed paste."""

    text: str


Input = Key | Typed | Pasted


class KeyReader:
    """Turns the bytes of a terminal into input, whatever way they are cut.

    A lone Escape cannot be told from the beginning of a sequence: while `pending` is true, call `flush` after a moment
    without bytes.
    """

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""
        self._paste: list[str] | None = None

    @property
    def pending(self) -> bool:
        """Whether an Escape waits for what follows it."""
        return self._paste is None and self._rest.startswith("\x1b")

    def feed(self, data: bytes) -> list[Input]:
        """Read bytes and return the input that is complete."""
        self._rest += self._decoder.decode(data)
        found: list[Input] = []
        while self._rest and self._take(found):
            pass
        return found

    def flush(self) -> list[Input]:
        """Take a waiting Escape for the key and return it with what follows."""
        if not self.pending:
            return []
        self._rest = self._rest[1:]
        return [Key("escape"), *self.feed(b"")]

    def _take(self, found: list[Input]) -> bool:
        if self._paste is not None:
            return self._take_paste(self._paste, found)
        if self._rest.startswith(PASTE_BEGIN):
            self._rest = self._rest[len(PASTE_BEGIN) :]
            self._paste = []
            return True
        if self._rest.startswith("\x1b"):
            return self._take_sequence(found)
        control = _CONTROLS.get(self._rest[0])
        if control:
            found.append(Key(control))
            self._rest = self._rest[1:]
            return True
        typed = re.match(r"[^\x00-\x09\x0b-\x1f\x7f]+", self._rest)
        if typed:
            found.append(Typed(typed[0]))
        self._rest = self._rest[typed.end() if typed else 1 :]
        return True

    def _take_paste(self, paste: list[str], found: list[Input]) -> bool:
        text, end, rest = self._rest.partition(PASTE_END)
        if end:
            found.append(Pasted("".join([*paste, text])))
            self._paste, self._rest = None, rest
            return True
        # The end marker may be cut: what could be its beginning waits for more.
        keep = next((n for n in range(len(PASTE_END) - 1, 0, -1) if text.endswith(PASTE_END[:n])), 0)
        paste.append(text[: len(text) - keep])
        self._rest = text[len(text) - keep :]
        return False

    def _take_sequence(self, found: list[Input]) -> bool:
        complete = _COMPLETE.match(self._rest)
        if complete:
            name = _SEQUENCES.get(complete[1])
            if name:
                found.append(Key(name))
            self._rest = self._rest[complete.end() :]
            return True
        if re.fullmatch(r"\x1b(\[[0-?]*[ -/]*|O)?", self._rest) and len(self._rest) < LONGEST_SEQUENCE:
            return False
        # An Escape and a letter in one read is the key, then the letter: whoever interrupts may type on at once.
        found.append(Key("escape"))
        self._rest = self._rest[1:]
        return True
