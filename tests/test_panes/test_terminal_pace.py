"""Frames: sixty a second, echoes at once, held updates for a while only."""

import pytest

from panes.terminal_pace import ECHO, FRAME, LONGEST_HOLD, FramePace


def test_the_first_frame_is_shown_now() -> None:
    assert FramePace().wait(0.0, held=False) == 0.0
    assert not FramePace().echoes(0.0)


def test_the_next_frame_waits_for_its_time() -> None:
    pace = FramePace(shown_at=10.0)

    assert pace.wait(10.0 + FRAME / 4, held=False) == pytest.approx(FRAME * 3 / 4)
    assert pace.wait(10.0 + FRAME, held=False) == 0.0


def test_an_echo_does_not_wait() -> None:
    pace = FramePace(shown_at=10.0, typed_at=10.0)

    assert pace.wait(10.001, held=False) == 0.0
    assert pace.echoes(10.0 + ECHO * 0.9)
    assert not pace.echoes(10.0 + ECHO * 1.1)


def test_a_held_update_waits_but_not_for_ever() -> None:
    pace = FramePace(shown_at=0.0, typed_at=10.0)

    assert pace.wait(10.0, held=True) == pytest.approx(LONGEST_HOLD)
    assert pace.wait(10.1, held=True) == pytest.approx(LONGEST_HOLD - 0.1)
    assert pace.wait(10.0 + LONGEST_HOLD, held=True) == 0.0


def test_a_new_hold_has_its_own_time() -> None:
    pace = FramePace(shown_at=0.0)
    pace.wait(10.0, held=True)

    assert pace.wait(10.1, held=False) == 0.0
    assert pace.wait(10.2, held=True) == pytest.approx(LONGEST_HOLD)
