"""Speed is taken from what came in the last seconds, and is unknown rather than nought."""

import pytest

from panes.speed import SPAN, SpeedMeter


def test_speed_is_tokens_over_the_time_they_took() -> None:
    meter = SpeedMeter()
    for second in range(5):
        meter.add(40, second)
    assert meter.rate(5.0) == pytest.approx(40.0)


def test_too_little_to_tell_is_unknown() -> None:
    meter = SpeedMeter()
    assert meter.rate(1.0) is None
    meter.add(10, 1.0)
    assert meter.rate(1.2) is None


def test_after_silence_it_is_unknown_again() -> None:
    meter = SpeedMeter()
    meter.add(100, 0.0)
    assert meter.rate(2.0) == pytest.approx(50.0)
    assert meter.rate(SPAN + 0.1) is None
