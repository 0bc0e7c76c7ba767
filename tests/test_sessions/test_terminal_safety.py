"""Whatever a program writes: no crash, no growth, and nothing in the rows that a terminal would obey."""

import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from terminal_corpora import CORPORA

from sessions.terminal.emulator import Emulator
from sessions.terminal.ghostty.cells import LONGEST_CLUSTER

OBEYED = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]")


def assert_harmless(emulator: Emulator) -> None:
    cols = emulator.cols
    for row in emulator.screen():
        assert not OBEYED.search(row.text)
        assert sum(run.cells for run in row.runs) == cols
        for run in row.runs:
            assert not run.pieces or (len(run.pieces) == run.cells and "".join(run.pieces) == run.text)
            assert run.style.link.isascii()
            assert run.style.link == "" or run.style.link.isprintable()


def mutated(seed: int, size: int) -> bytes:
    """Sequences of real programs with bytes changed, lost and doubled, and random bytes between."""
    source = random.Random(seed)
    parts: list[bytes] = []
    while sum(map(len, parts)) < size:
        piece = bytearray(source.choice(list(CORPORA.values())) or b"\x1b")
        for _ in range(source.randrange(20)):
            where = source.randrange(len(piece))
            piece[where : where + source.randrange(3)] = source.randbytes(source.randrange(4))
            piece = piece or bytearray(b"\x1b")
        parts += [bytes(piece), source.randbytes(source.randrange(200))]
    return b"".join(parts)


@pytest.mark.parametrize("seed", range(4))
def test_random_and_mutated_bytes_with_a_storm_of_sizes(seed: int) -> None:
    source = random.Random(seed)
    emulator = Emulator(80, 24)
    data = source.randbytes(400_000) + mutated(seed, 400_000)
    at = 0
    while at < len(data):
        size = source.randrange(1, 20_000)
        emulator.feed(data[at : at + size])
        at += size
        if source.random() < 0.3:
            emulator.resize(source.randrange(1, 200), source.randrange(1, 80))
        assert_harmless(emulator)


@given(st.text(st.characters(codec="utf-8"), max_size=200))
def test_no_text_brings_a_control_into_a_row(text: str) -> None:
    emulator = Emulator(30, 6)
    emulator.feed(b"\x1b[?2027h" + text.encode())
    assert_harmless(emulator)


@given(st.binary(max_size=300), st.lists(st.integers(1, 20), min_size=1))
def test_cutting_the_bytes_anywhere_changes_nothing(data: bytes, sizes: list[int]) -> None:
    whole, cut = Emulator(20, 5), Emulator(20, 5)
    whole.feed(data)
    at = turn = 0
    while at < len(data):
        size = sizes[turn % len(sizes)]
        cut.feed(data[at : at + size])
        at, turn = at + size, turn + 1

    assert whole.screen() == cut.screen()
    assert whole.take_frame().cursor == cut.take_frame().cursor


@pytest.mark.parametrize(
    "giant",
    [
        b"\x1b]0;" + b"t" * 20_000_000 + b"\x07",
        b"\x1b]52;c;" + b"QUJD" * 2_000_000 + b"\x07",
        b"\x1b]7501;state=idle:msg=" + b"A" * 5_000_000 + b"\x1b\\",
        b"\x1bP" + b"q" * 20_000_000 + b"\x1b\\",
        b"\x1b_G" + b"x" * 20_000_000 + b"\x1b\\",
        b"\x1b[" + b"1;" * 1_000_000 + b"m",
        b"\x1b[999999999C\x1b[999999999B\x1b[999999999b",
        b"a" + "\u0301".encode() * 500_000,
    ],
    ids=["title", "clipboard", "status", "dcs", "apc", "parameters", "distances", "marks"],
)
def test_giant_sequences_end_and_leave_a_working_terminal(giant: bytes) -> None:
    emulator = Emulator(40, 5)
    fed = emulator.feed(giant)
    assert_harmless(emulator)
    assert sum(len(repr(notice)) for notice in fed.notices) < 10_000
    assert max(len(run.text) for row in emulator.screen() for run in row.runs) <= 40 * LONGEST_CLUSTER

    emulator.feed(b"\x1bc\x1b[31mstill here")
    assert emulator.text() == "still here"
    assert len(emulator.snapshot()) < 100_000


def test_shown_controls_are_made_visible_in_their_cell() -> None:
    emulator = Emulator(20, 1)
    emulator.feed("a\x7fb\u0085".encode())

    assert emulator.screen()[0].text.startswith("a\ufffdb")
