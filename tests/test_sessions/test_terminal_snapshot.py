"""A snapshot brings another emulator to the very same terminal, and it goes on from there like the first."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from terminal_corpora import CORPORA

from sessions.errors import AgentError
from sessions.terminal.emulator import Emulator

AFTERWARDS = b"m more\x07\xad\x1b[0m\x1b8*\t+\r\n\x1b[?1049lafter\x1b[6n\x1b[?u"
"""Goes on with what was cut, uses the saved cursor and the tab stops, and leaves the alternate screen."""


def state(emulator: Emulator) -> tuple[object, ...]:
    """All that can be seen of a terminal."""
    frame = emulator.take_frame()
    emulator.scroll(-1_000_000)
    top = emulator.screen()
    emulator.scroll(None)
    return (
        emulator.screen(),
        top,
        frame.cursor,
        frame.colours,
        emulator.modes(),
        emulator.held,
        emulator.title,
        emulator.scrollback(),
        (emulator.cols, emulator.rows),
    )


def assert_same_from_here(first: Emulator, second: Emulator) -> None:
    assert state(first) == state(second)
    assert first.feed(AFTERWARDS).replies == second.feed(AFTERWARDS).replies
    assert state(first) == state(second)


@pytest.mark.parametrize("name", CORPORA)
def test_the_copy_is_the_same_terminal(name: str) -> None:
    first, second = Emulator(40, 10), Emulator(7, 3)
    first.feed(CORPORA[name])
    second.restore(first.snapshot())

    assert_same_from_here(first, second)


@given(parts=st.lists(st.sampled_from(sorted(CORPORA)), max_size=6), cut=st.integers(0, 400))
def test_the_copy_is_the_same_wherever_it_is_taken(parts: list[str], cut: int) -> None:
    data = b"".join(CORPORA[part] for part in parts)
    first, second = Emulator(40, 10), Emulator(40, 10)
    first.feed(data[: len(data) - cut])
    second.restore(first.snapshot())

    assert_same_from_here(first, second)


def test_a_history_of_ten_thousand_lines_travels_small() -> None:
    first, second = Emulator(120, 40), Emulator(120, 40)
    first.feed(b"".join(b"\x1b[3%dmline %d\x1b[0m\r\n" % (n % 8, n) for n in range(9_000)))
    snapshot = first.snapshot()
    second.restore(snapshot)
    second.scroll(-1_000_000)

    assert len(snapshot) < 500_000
    assert second.screen()[0].text.startswith("line 0 ")


def test_the_copy_keeps_the_safe_settings_and_tells_its_own_notices() -> None:
    first, second = Emulator(40, 10), Emulator(40, 10)
    second.restore(first.snapshot())
    fed = second.feed(b"\x1b]52;c;aGk=\x07\x1b]0;t\x07\x1b[21t\x1b_Ga=q,i=1,s=1,v=1,f=24;AAAA\x1b\\")

    assert len(fed.notices) == 2
    assert b"OK" not in fed.replies
    assert b"]l" not in fed.replies


@pytest.mark.parametrize("damage", ["cut", "flipped", "other version", "nothing", "text"])
def test_a_damaged_snapshot_is_refused_and_changes_nothing(damage: str) -> None:
    first, second = Emulator(40, 10), Emulator(40, 10)
    first.feed(CORPORA["coloured"])
    second.feed(b"as it was")
    whole = first.snapshot()
    head, _, body = whole.partition(b"\n")
    damaged = {
        "cut": whole[: len(whole) // 2],
        "flipped": whole[:-200] + bytes([whole[-200] ^ 0xFF]) + whole[-199:],
        "other version": head[:-1] + b"?" + b"\n" + body,
        "nothing": b"",
        "text": b"hello\n",
    }[damage]

    with pytest.raises(AgentError):
        second.restore(damaged)
    assert second.text() == "as it was"
