"""Where windows are: a pure value that moves only when a person says so."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panes.arrangement import Desk, set_up, shape_of, step

_WINDOWS = ("planner", "manager", "worker", "auditor", "exit")


@pytest.mark.parametrize(
    ("columns", "rows", "shape"),
    [
        (160, 48, "wide"),
        (139, 48, "middle"),
        (100, 30, "middle"),
        (99, 30, "narrow"),
        (80, 24, "narrow"),
        (60, 16, "narrow"),
        (59, 24, "tiny"),
        (80, 15, "tiny"),
        (40, 10, "tiny"),
        (160, 20, "narrow"),
    ],
)
def test_the_shape_follows_the_size(columns: int, rows: int, shape: str) -> None:
    assert shape_of(columns, rows) == shape


def test_the_manager_is_below_and_the_focus_above() -> None:
    desk = set_up(_WINDOWS, "manager", "worker")
    assert desk.visible("wide") == ("worker", "manager")
    assert desk.visible("middle") == ("worker",)


def test_a_manager_in_focus_has_beside_it_who_is_asked_for() -> None:
    desk = set_up(_WINDOWS, "manager", "manager", beside="auditor")
    assert desk.visible("wide") == ("auditor", "manager")
    assert desk.focus == "manager"


def test_focus_on_the_manager_leaves_everything_where_it_is() -> None:
    desk = set_up(_WINDOWS, "manager", "worker").focused("manager")
    assert desk.visible("wide") == ("worker", "manager")
    assert desk.visible("narrow") == ("manager",)


def test_a_window_out_of_sight_takes_the_first_place() -> None:
    desk = set_up(_WINDOWS, "manager", "worker").focused("manager").focused("auditor")
    assert desk.visible("wide") == ("auditor", "manager")
    assert desk.last == "manager"


def test_zoom_shows_the_focus_alone() -> None:
    desk = set_up(_WINDOWS, "manager", "worker").with_zoom(True)
    assert desk.visible("wide") == ("worker",)


def test_a_session_without_a_manager_shows_one_window() -> None:
    assert set_up(("solo",), "", "solo").visible("wide") == ("solo",)
    assert set_up(("boss",), "boss", "boss").visible("wide") == ("boss",)


@given(st.lists(st.sampled_from(_WINDOWS), max_size=20))
def test_the_focus_is_always_in_sight(moves: list[str]) -> None:
    desk = set_up(_WINDOWS, "manager", "planner")
    for window in moves:
        desk = desk.focused(window)
        assert desk.focus == window
        for shape in ("wide", "middle", "narrow", "tiny"):
            assert window in desk.visible(shape)
            assert len(set(desk.visible(shape))) == len(desk.visible(shape))


def test_steps_go_round() -> None:
    assert step(_WINDOWS, "exit", 1) == "planner"
    assert step(_WINDOWS, "planner", -1) == "exit"
    assert step((), "gone", 1) == "gone"
    assert step(_WINDOWS, "gone", 1) == "manager"


def test_an_empty_desk_shows_nothing_twice() -> None:
    assert Desk().visible("wide") == ("",)
