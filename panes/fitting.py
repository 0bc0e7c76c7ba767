"""Fitting pieces into one line: what matters less is left out first, and only then is anything cut. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from textual.content import Content


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a line. The higher the rank, the sooner it is left out; rank 0 is never left out."""

    content: Content
    rank: int = 0


def keep_fitting(pieces: Sequence[Piece], width: int, gap: int = 2) -> list[Content]:
    """Return the pieces that fit into `width` cells with `gap` cells between them, in their order."""
    kept = [piece for piece in pieces if piece.content.cell_length]
    while len(kept) > 1 and _length(kept, gap) > width:
        worst = max(piece.rank for piece in kept)
        if worst == 0:
            break
        # The last of the least important goes first, so that what is left reads from the left.
        at = max(n for n, piece in enumerate(kept) if piece.rank == worst)
        del kept[at]
    return [piece.content for piece in kept]


def _length(pieces: Iterable[Piece], gap: int) -> int:
    lengths = [piece.content.cell_length for piece in pieces]
    return sum(lengths) + gap * (len(lengths) - 1)


def spread(left: Content, right: Content, width: int, *, fill: str = " ", fill_style: str = "") -> Content:
    """Return one line of exactly `width` cells: `right` whole at its right end, `left` cut where it must be."""
    right = right.truncate(width, ellipsis=True)
    room = width - right.cell_length
    left = left.truncate(max(0, room), ellipsis=True)
    between = (
        Content.styled(fill * (room - left.cell_length), fill_style)
        if fill_style
        else Content(fill * (room - left.cell_length))
    )
    return Content("").join([left, between, right])


def pad(content: Content, width: int) -> Content:
    """Return content cut or filled up to exactly `width` cells."""
    if content.cell_length > width:
        content = content.truncate(width, ellipsis=True)
    return content.pad_right(width - content.cell_length)


def fold(content: Content, width: int) -> list[Content]:
    """Return content as lines of at most `width` cells, broken between words where possible."""
    if width <= 0:
        return []
    return list(content.wrap(width)) if content.plain else [content]
