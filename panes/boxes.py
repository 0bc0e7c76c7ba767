"""Lines and boxes drawn as text, so that both edges of a frame can carry words at either end."""

from collections.abc import Sequence

from textual.content import Content

from panes.fitting import pad, spread
from panes.glyphs import Glyphs

_DOUBLE = ("╔╗╚╝", "═", "║")
_DOUBLE_ASCII = ("####", "=", "#")


def strokes(glyphs: Glyphs, *, double: bool) -> tuple[str, str, str]:
    """Return the four corners, the horizontal and the vertical stroke of a box."""
    if double:
        return _DOUBLE_ASCII if glyphs.ascii else _DOUBLE
    return glyphs.corners, glyphs.rule, glyphs.upright


def edge(
    width: int,
    left: Content,
    right: Content,
    glyphs: Glyphs,
    *,
    top: bool,
    style: str,
    double: bool = False,
    corners: bool = True,
) -> Content:
    """Return the top or bottom line of a box, `width` cells wide, with words in it; `right` is cut last."""
    if width <= 0:
        return Content("")
    shapes, rule, _ = strokes(glyphs, double=double)
    first, last = (shapes[0], shapes[1]) if top else (shapes[2], shapes[3])
    if not corners:
        first = last = rule
    inner = width - 4
    if inner <= 0:
        return Content.styled((first + rule * max(0, width - 2) + last)[:width], style)
    words_left = Content.assemble(" ", left, " ") if left.plain else left
    words_right = Content.assemble(" ", right, " ") if right.plain else right
    middle = spread(words_left, words_right, inner, fill=rule, fill_style=style)
    return Content("").join([Content.styled(first + rule, style), middle, Content.styled(rule + last, style)])


def boxed(
    lines: Sequence[Content],
    width: int,
    glyphs: Glyphs,
    *,
    title: Content,
    right: Content | None = None,
    foot: Content | None = None,
    foot_right: Content | None = None,
    style: str,
    double: bool = False,
) -> list[Content]:
    """Return lines in a box of `width` cells; each line is cut or filled up to fit."""
    none = Content("")
    upright = Content.styled(strokes(glyphs, double=double)[2], style)
    rows = [edge(width, title, right or none, glyphs, top=True, style=style, double=double)]
    rows += [Content("").join([upright, " ", pad(line, max(0, width - 4)), " ", upright]) for line in lines]
    rows.append(edge(width, foot or none, foot_right or none, glyphs, top=False, style=style, double=double))
    return rows
