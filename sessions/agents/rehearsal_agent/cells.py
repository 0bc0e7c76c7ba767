"""Text in terminal cells: foreign text made harmless, measured, cut and wrapped."""

import itertools
import re
import unicodedata
from collections.abc import Iterable

Span = tuple[str, str]
"""A style's name and a text."""
Line = tuple[Span, ...]

_SGR = {
    "": "", "accent": "36", "title": "1;36", "bold": "1", "dim": "2", "good": "32", "bad": "31", "warn": "1;33",
    "reverse": "7",
}  # fmt: skip
_INSET_FROM = 20
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-~]?)")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")


def harmless(text: str) -> str:
    """Return a text without escape sequences, with tabs as blanks and other controls but the line break as `·`."""
    plain = _ESCAPES.sub("", text.replace("\r\n", "\n")).replace("\t", "    ")
    return _CONTROLS.sub("·", plain)


def width(text: str) -> int:
    """Return the columns a text takes: 2 for a wide letter, 0 for a combining mark."""
    return len(text) if text.isascii() else sum(map(_letter_width, text))


def cut(line: Iterable[Span], columns: int) -> Line:
    """Return a line cut to so many columns, the cut marked by `…`."""
    spans = tuple(line)
    if sum(width(text) for _, text in spans) <= columns:
        return spans
    kept: list[Span] = []
    left = columns - 1
    for style, text in spans:
        taken = _head(text, left)
        kept.append((style, taken))
        left -= width(taken)
        if len(taken) < len(text):
            break
    return (*kept, ("dim", "…")) if columns > 0 else ()


def wrap(line: Line, columns: int) -> list[Line]:
    """Return a line broken at blanks, or where it must, into lines of at most so many columns.

    What continues is set in by two columns, below the text behind a bullet; not on a very narrow screen.
    """
    if columns <= 0:
        return []
    inset: list[Span] = [("", "  ")] if columns >= _INSET_FROM else []
    hang = 2 if inset else 0
    rows: list[list[Span]] = [[]]
    used = 0

    def begin_row() -> int:
        rows.append([*inset])
        return hang

    for style, text in line:
        for word in re.findall(r"\S+|\s+", text):
            if used + width(word) > columns and used > hang and not word.isspace():
                used = begin_row()
            rest = word
            while width(rest) > columns - used:
                # A wide letter in a single column cannot fit: it goes alone and is cut when it is painted.
                head = _head(rest, columns - used) or rest[: used == hang]
                rows[-1].append((style, head))
                used += width(head)
                rest = "" if word.isspace() else rest[len(head) :]
                if rest:
                    used = begin_row()
            rows[-1].append((style, rest))
            used += width(rest)
    return [_merged(row) for row in rows]


def paint(line: Line, columns: int, *, colour: bool) -> str:
    """Return a line as what the terminal shows in so many columns, the rest of the row erased."""
    spans = cut(line, columns)
    # Behind a full row the cursor still stands on the last cell: erasing there would take its letter.
    erase = "\x1b[K" if sum(width(text) for _, text in spans) < columns else ""
    return "".join(_styled(style, text, colour) for style, text in spans) + erase


def _merged(row: list[Span]) -> Line:
    """Put neighbours of one style together, so that each style is sent once."""
    runs = itertools.groupby((span for span in row if span[1]), key=lambda span: span[0])
    return tuple((style, "".join(text for _, text in run)) for style, run in runs)


def _styled(style: str, text: str, colour: bool) -> str:
    code = _SGR[style] if colour else {"bad": "1", "warn": "1", "title": "1"}.get(style, _SGR[style])
    if not colour and code.startswith("3"):
        code = ""
    return f"\x1b[{code}m{text}\x1b[0m" if code and text else text


def _head(text: str, columns: int) -> str:
    if text.isascii():
        return text[: max(columns, 0)]
    used = 0
    for index, letter in enumerate(text):
        used += _letter_width(letter)
        if used > columns:
            return text[:index]
    return text


def _letter_width(letter: str) -> int:
    if unicodedata.combining(letter) or letter == "\ufe0f":
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1
