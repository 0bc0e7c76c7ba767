"""From the raw cells of a row to text and runs. Pure: bytes in, values out, and the two look-ups passed in.

A row arrives as one 64-bit number a cell. Taking it as one big integer and masking all cells at once is what
makes a whole screen affordable from Python: a plain row of 120 cells takes 7 µs, where asking for each cell
takes 350.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from sessions.terminal.screen import PLAIN, Colour, Row, Run, Style

# The places of the fields are checked against the library's own description in `library.check_cell_layout`.
_TAG = 3
_CLUSTER, _PALETTE_BACKGROUND = 1, 2
_CONTENT_SHIFT = 2
_CODE_POINT = 0x1FFFFF
_CONTENT = 0xFFFFFF << _CONTENT_SHIFT
_STYLE_SHIFT = 26
_STYLE_ID = 0xFFFF
_WIDE_SHIFT = 42
_WIDE_TAIL = 2 << _WIDE_SHIFT
_WIDE = 3 << _WIDE_SHIFT
_TAIL = "\2"
_LINK = 1 << 45

_EQUAL_RUN = re.compile(r"(.)\1*", re.DOTALL)
_CLUSTER_MARK = re.compile("\1")
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]")
LONGEST_CLUSTER = 32
"""Code points kept of what a program stacked into one cell."""


@dataclass(frozen=True, slots=True)
class _Masks:
    """Masks for all cells of a row at once."""

    code_points: int
    styles: int
    odd: int
    """Marks clusters, cells that are only a background, wide characters and links."""

    single: int
    """Marks the cells that must be read one by one: only a background, or linked."""

    widths: int


@functools.lru_cache(maxsize=64)
def _masks(cols: int) -> _Masks:
    one = sum(1 << 64 * cell for cell in range(cols))
    return _Masks(
        code_points=one * _CODE_POINT,
        styles=one * _STYLE_ID,
        odd=one * (_TAG | _WIDE | _LINK),
        single=one * (_PALETTE_BACKGROUND | _LINK),
        widths=one * 3,
    )


def safe_text(text: str) -> str:
    """Replace by U+FFFD what must never reach the outer terminal: controls, direction overrides."""
    return text if text.isprintable() else _UNSAFE.sub("\ufffd", text)


def safe_cluster(text: str) -> str:
    """Give a cell's cluster without its controls, so that what is left still covers the cell's width."""
    return _UNSAFE.sub("", text[:LONGEST_CLUSTER]) or "\ufffd"


def safe_link(address: str) -> str:
    """Give an address if it is printable ASCII of sane length and a harmless kind, else nothing."""
    fit = len(address) <= 2048 and address.isascii() and address.isprintable() and " " not in address
    return address if fit and address.startswith(("http://", "https://", "mailto:", "file://")) else ""


def read_row(
    raw: bytes,
    style_at: Callable[[int], Style],
    cluster_at: Callable[[int], str],
    link_at: Callable[[int], str],
) -> Row:
    """Read one row.

    Args:
        raw: The row's cells, eight bytes each.
        style_at: Gives the style of the cell in a column; asked once for a run.
        cluster_at: Gives all code points of the cell in a column; asked for clusters only.
        link_at: Gives the address behind the cell in a column; asked for linked cells only.
    """
    size = len(raw)
    masks = _masks(size // 8)
    number = int.from_bytes(raw, "little")
    # A cell that is only a background holds a colour where others hold a code point: "replace" keeps it
    # harmless.
    text = ((number >> _CONTENT_SHIFT) & masks.code_points).to_bytes(size, "little")
    characters = text.decode("utf-32-le", "replace")[::2]
    styles = (number >> _STYLE_SHIFT) & masks.styles
    if number & masks.single:
        return _read_single_cells(raw, characters, style_at, cluster_at, link_at)
    shown: str | list[str] = safe_text(characters.replace("\0", " "))
    if number & masks.odd:
        shown = _split_cells(shown, _each_cell(number >> _WIDE_SHIFT & masks.widths, size))
        for match in _CLUSTER_MARK.finditer(_each_cell(number & masks.widths, size)):
            shown[match.start()] = safe_cluster(cluster_at(match.start()))
    if not styles:
        return Row((_run(shown, PLAIN),))
    runs: list[Run] = []
    for match in _EQUAL_RUN.finditer(_each_cell(styles, size)):
        start, end = match.span()
        style = PLAIN if match[1] == "\0" else style_at(start)
        runs.append(_run(shown[start:end], style))
    return Row(tuple(runs))


def _run(shown: str | list[str], style: Style) -> Run:
    """Give a run of cells that show one character each (a text), or each what its piece says (a list)."""
    if isinstance(shown, str):
        return Run(shown, style, len(shown))
    simple = all(len(piece) == 1 for piece in shown)
    return Run("".join(shown), style, len(shown), () if simple else tuple(shown))


def _each_cell(number: int, size: int) -> str:
    """Give one character for each cell of a masked number, its code the cell's lowest 16 bits."""
    return number.to_bytes(size, "little").decode("utf-32-le", "surrogatepass")[::2]


def _split_cells(characters: str, widths: str) -> list[str]:
    """Give what each cell shows: nothing in the second half of a wide character."""
    return ["" if width == _TAIL else character for character, width in zip(characters, widths, strict=True)]


def _read_single_cells(
    raw: bytes,
    characters: str,
    style_at: Callable[[int], Style],
    cluster_at: Callable[[int], str],
    link_at: Callable[[int], str],
) -> Row:
    """Read a row cell by cell, as needed where style ids do not tell all."""
    runs: list[Run] = []
    parts: list[str] = []
    style, kind = PLAIN, None
    cells = memoryview(raw).cast("Q")
    for column, cell in enumerate(cells):
        if cell & _WIDE == _WIDE_TAIL and parts:
            parts.append("")
            continue
        tag = cell & _TAG
        link = link_at(column) if cell & _LINK else ""
        cell_kind = (
            cell >> _STYLE_SHIFT & _STYLE_ID,
            cell & (_CONTENT | _TAG) if tag > _CLUSTER else 0,
            link,
        )
        if cell_kind != kind:
            if parts:
                runs.append(_run(parts, style))
            parts, kind = [], cell_kind
            style = _cell_style(cell, column, style_at)
            if link:
                style = replace(style, link=link)
        if tag == _CLUSTER:
            parts.append(safe_cluster(cluster_at(column)))
        else:
            blank = tag > _CLUSTER or characters[column] == "\0"
            parts.append(" " if blank else safe_text(characters[column]))
    runs.append(_run(parts, style))
    return Row(tuple(runs))


def _cell_style(cell: int, column: int, style_at: Callable[[int], Style]) -> Style:
    tag = cell & _TAG
    if tag <= _CLUSTER:
        return style_at(column) if cell >> _STYLE_SHIFT & _STYLE_ID else PLAIN
    content = cell >> _CONTENT_SHIFT
    background: Colour = content & 0xFF
    if tag != _PALETTE_BACKGROUND:
        background = (content & 0xFF, content >> 8 & 0xFF, content >> 16 & 0xFF)
    return Style(background=background)
