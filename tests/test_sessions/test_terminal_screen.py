"""Rows are cut by cells, not by characters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions.terminal.emulator import Emulator
from sessions.terminal.screen import PLAIN, Row, Run, Style

RED = Style(foreground=1)
WIDE = Run("中a文", PLAIN, 5, ("中", "", "a", "文", ""))


@pytest.mark.parametrize(
    ("start", "end", "cut"),
    [
        (0, 5, WIDE),
        (-3, 99, WIDE),
        (0, 2, Run("中", PLAIN, 2, ("中", ""))),
        (1, 3, Run(" a", PLAIN, 2, (" ", "a"))),
        (2, 4, Run("a ", PLAIN, 2, ("a", " "))),
        (1, 2, Run(" ", PLAIN, 1, (" ",))),
        (3, 3, Run("", PLAIN, 0)),
    ],
)
def test_a_wide_character_cut_in_half_becomes_a_space(start: int, end: int, cut: Run) -> None:
    assert WIDE.cut(start, end) == cut


def test_a_row_is_cut_across_its_runs() -> None:
    row = Row((Run("abc", PLAIN, 3), Run("def", RED, 3)))

    assert row.cut(2, 4) == Row((Run("c", PLAIN, 1), Run("d", RED, 1)))
    assert row.cut(3, 99) == Row((Run("def", RED, 3),))
    assert row.cut(6, 9) == Row(())
    assert row.cut(4, 2) == Row(())


@given(st.text(st.sampled_from("ab 中文é\u0301"), max_size=40), st.integers(0, 20), st.integers(0, 20))
def test_the_parts_of_a_cut_row_cover_it(text: str, first: int, second: int) -> None:
    emulator = Emulator(20, 4)
    emulator.feed(text.encode())
    left, right = sorted((first, second))
    for row in emulator.screen():
        parts = [row.cut(0, left), row.cut(left, right), row.cut(right, 20)]
        assert [sum(run.cells for run in part.runs) for part in parts] == [left, right - left, 20 - right]
