"""Lines are exactly as wide as they should be, and what matters is the last to go."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from textual.content import Content

from panes.boxes import boxed, edge
from panes.figures import age, bar, count, money, percent, short_age, speed, tokens
from panes.fitting import Piece, fold, keep_fitting, pad, spread
from panes.glyphs import ASCII, UNICODE
from panes.wrapping import wrap

texts = st.text(alphabet=st.characters(categories=("L", "N", "P", "Zs")), max_size=120)
widths = st.integers(min_value=4, max_value=140)


@given(texts, texts, widths)
def test_a_spread_line_is_exactly_as_wide_as_asked(left: str, right: str, width: int) -> None:
    assert spread(Content(left), Content(right), width).cell_length == width


@given(texts, widths)
def test_a_padded_line_is_exactly_as_wide_as_asked(text: str, width: int) -> None:
    assert pad(Content(text), width).cell_length == width


@given(texts, texts, st.integers(min_value=1, max_value=140), st.booleans(), st.booleans())
def test_an_edge_is_exactly_as_wide_as_asked(left: str, right: str, width: int, top: bool, double: bool) -> None:
    line = edge(width, Content(left), Content(right), UNICODE, top=top, style="", double=double)
    assert line.cell_length == width


@given(st.lists(texts, max_size=4), st.integers(min_value=8, max_value=100))
def test_every_row_of_a_box_is_as_wide_as_the_box(lines: list[str], width: int) -> None:
    rows = boxed([Content(line) for line in lines], width, ASCII, title=Content("T"), style="")
    assert [row.cell_length for row in rows] == [width] * (len(lines) + 2)


@given(texts, widths)
def test_wrapped_rows_fit_and_lose_no_word(text: str, width: int) -> None:
    rows = wrap(text, width)
    assert all(cell_len(row) <= width for row in rows)
    assert "".join("".join(rows).split()) == "".join(text.split())


def test_wrapped_code_keeps_its_indent() -> None:
    assert wrap("    return the first of them all", 20) == ["    return the first", "    of them all"]


def test_what_matters_least_goes_first() -> None:
    pieces = [Piece(Content("name")), Piece(Content("detail"), 2), Piece(Content("more"), 1)]
    assert [str(one) for one in keep_fitting(pieces, 18)] == ["name", "detail", "more"]
    assert [str(one) for one in keep_fitting(pieces, 17)] == ["name", "more"]
    assert [str(one) for one in keep_fitting(pieces, 5)] == ["name"]


def test_folded_content_breaks_between_words() -> None:
    assert [str(row) for row in fold(Content("one two three"), 8)] == ["one two", "three"]


@pytest.mark.parametrize(
    ("count_of", "shown"), [(0, "0"), (812, "812"), (61_234, "61.2k"), (212_000, "212k"), (1_400_000, "1.4M")]
)
def test_tokens_read_short(count_of: int, shown: str) -> None:
    assert tokens(count_of) == shown
    assert tokens(count_of, estimated=True) == f"~{shown}"


@pytest.mark.parametrize(
    ("seconds", "long", "short"),
    [(41, "0:41", "41s"), (725, "12:05", "12m"), (4320, "1h12m", "1h"), (266_400, "3d2h", "3d"), (-3, "0:00", "0s")],
)
def test_ages_read_short(seconds: float, long: str, short: str) -> None:
    assert age(seconds) == long
    assert short_age(seconds) == short


def test_what_is_unknown_is_never_nought() -> None:
    assert money(0.0, known=False) == "n/a"
    assert speed(None) == ("--", "")
    assert percent(0.001) == "1%"
    assert bar(0.001, 8, UNICODE) == "▰▱▱▱▱▱▱▱"


def test_speed_has_a_word() -> None:
    assert [speed(rate)[1] for rate in (29, 30, 60, 61)] == ["slow", "ok", "ok", "fast"]


def test_one_is_not_many() -> None:
    assert (count(1, "task"), count(3, "task")) == ("1 task", "3 tasks")
