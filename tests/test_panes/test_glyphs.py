"""Every state and verdict can be told apart without colour, in Unicode and in ASCII."""

import unicodedata
from typing import get_args

import pytest

from panes.glyphs import ASCII, STYLES, UNICODE, WORDS, Glyphs, role_style
from sessions.events import Activity


@pytest.mark.parametrize("glyphs", [UNICODE, ASCII], ids=["unicode", "ascii"])
def test_every_state_has_a_shape_and_a_word_of_its_own(glyphs: Glyphs) -> None:
    states = get_args(Activity)
    assert set(glyphs.activity) == set(WORDS) == set(STYLES) == set(states)
    assert len(set(glyphs.activity.values())) == len(states)
    assert len(set(WORDS.values())) == len(states)
    assert len(set(glyphs.verdict.values())) == 3


def test_shapes_of_states_are_one_cell_wide_everywhere() -> None:
    for shape in (*UNICODE.activity.values(), *UNICODE.verdict.values(), UNICODE.full, UNICODE.empty, UNICODE.arrow):
        assert len(shape) == 1
        assert unicodedata.east_asian_width(shape) in ("N", "Na")


def test_the_ascii_set_is_ascii() -> None:
    drawn = [*ASCII.activity.values(), *ASCII.verdict.values()]
    drawn += [ASCII.focus, ASCII.full, ASCII.empty, ASCII.solid, ASCII.dashed, ASCII.arrow, ASCII.bar, ASCII.rule]
    drawn += [ASCII.dot, ASCII.fold, ASCII.upright, ASCII.corners]
    assert all(shape.isascii() for shape in drawn)


def test_a_role_that_a_workflow_names_itself_has_a_colour_too() -> None:
    assert role_style("exit_manager") == "$role-exit-manager"
    assert role_style("code [red] reviewer") == "$role-other"
