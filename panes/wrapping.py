"""Breaking plain text into rows of cells, fast enough for a flood of it. Pure."""

import re

from rich.cells import cell_len, chop_cells

_WORDS = re.compile(r"\s+|\S+")


def wrap(text: str, width: int) -> list[str]:
    """Return a line as rows of at most `width` cells, broken between words; what follows keeps the line's indent."""
    if width <= 0:
        return []
    if (len(text) <= width and text.isascii()) or cell_len(text) <= width:
        return [text]
    body = text.lstrip(" ")
    indent = " " * min(len(text) - len(body), width // 2)
    room = max(2, width - len(indent))
    rows: list[str] = []
    row, used = "", 0
    for word in _WORDS.findall(body):
        size = cell_len(word)
        if used + size <= room:
            row, used = row + word, used + size
            continue
        if row.strip():
            rows.append(indent + row.rstrip())
        if word.isspace():
            row, used = "", 0
            continue
        pieces = chop_cells(word, room) if size > room else [word]
        rows += [indent + piece for piece in pieces[:-1]]
        row, used = pieces[-1], cell_len(pieces[-1])
    if row.strip() or not rows:
        rows.append(indent + row.rstrip())
    return rows
