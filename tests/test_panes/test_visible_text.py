"""Foreign text is data: what would steer a terminal, hide from the eye or run as markup is only shown."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panes.safe_text import safe, safe_line
from panes.visible_text import one_line, visible

_STEERS = {"Cc", "Cs", "Zl", "Zp"}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text\nof two lines", "plain text\nof two lines"),
        ("\x1b[31mred", "^[[31mred"),
        ("\x1b]52;c;aGk=\x07", "^[]52;c;aGk=^G"),
        ("c1 \x9b31m", "c1 <U+009B>31m"),
        ("user\u202etxt.exe", "user<U+202E>txt.exe"),
        ("zero\u200bwidth", "zero<U+200B>width"),
        ("half \ud800 pair", "half <U+D800> pair"),
        ("tag \U000e0041", "tag <U+E0041>"),
        ("line\r\nfeed\rback", "line\nfeed^Mback"),
        ("a\tb", "a   b"),
        ("DEL \x7f", "DEL ^?"),
        ("naïve 日本語 עברית", "naïve 日本語 עברית"),
    ],
)
def test_what_steers_or_hides_stands_as_a_mark(text: str, shown: str) -> None:
    assert visible(text) == shown


@given(st.text(alphabet=st.characters(), max_size=300))
def test_nothing_that_steers_is_left(text: str) -> None:
    for character in visible(text):
        assert character == "\n" or unicodedata.category(character) not in _STEERS


@given(st.text(max_size=3000), st.integers(min_value=2, max_value=50))
def test_one_line_is_one_line_within_its_limit(text: str, limit: int) -> None:
    line = one_line(text, limit=limit)
    assert "\n" not in line
    assert len(line) <= limit


def test_long_text_and_long_lines_are_cut_with_a_note() -> None:
    assert visible("x" * 50, limit=10) == "xxxxxxxxxx… (40 more characters)"
    assert visible("y" * 3000).endswith("… (1,000 more characters)")


def test_a_pile_of_combining_marks_is_cut() -> None:
    assert visible("e" + "\u0301" * 1000) == "e" + "\u0301" * 4 + "<…>"


def test_markup_stays_text() -> None:
    text = "[@click=app.quit]press[/] [bold]x"
    assert safe(text).plain == text
    assert safe(text).spans == []
    assert safe_line(text, "bold").plain == text
