"""The pane thread does one thing after the other, and what breaks one pane harms no other."""

import logging
import os
import threading
from collections.abc import Iterator

import pytest

from sessions.terminal import packing
from sessions.terminal.emulator import Emulator
from sessions.terminal.pane_thread import READ, PaneThread

PATIENCE = 60.0


@pytest.fixture
def thread() -> Iterator[PaneThread]:
    thread = PaneThread()
    yield thread
    thread.close()


def all_done(thread: PaneThread) -> None:
    """Wait until the thread has done what it was called for so far."""
    done = threading.Event()
    thread.call(done.set)
    assert done.wait(PATIENCE)


def test_calls_are_done_in_order_in_the_thread(thread: PaneThread) -> None:
    done: list[object] = []
    for number in range(100):
        thread.call(lambda number=number: done.append((number, threading.current_thread().name)))
    all_done(thread)

    assert done == [(number, "panes") for number in range(100)]


def test_timers_go_off_in_the_order_of_their_times(thread: PaneThread) -> None:
    done: list[str] = []
    last = threading.Event()

    def arm() -> None:
        thread.after(0.03, lambda: (done.append("late"), last.set()))
        thread.after(0.0, lambda: done.append("soon"))
        thread.after(0.01, lambda: done.append("later"))

    thread.call(arm)
    assert last.wait(PATIENCE)
    assert done == ["soon", "later", "late"]


def test_a_failing_pane_is_told_once_and_the_others_go_on(thread: PaneThread, caplog: pytest.LogCaptureFixture) -> None:
    bad_read, bad_write = os.pipe()
    good_read, good_write = os.pipe()
    failed: list[Exception] = []
    read = threading.Event()

    def fail(_: int) -> None:
        raise ValueError("this pane is broken")

    def watch() -> None:
        thread.watch(bad_read, READ, fail, failed.append)
        thread.watch(good_read, READ, lambda _: read.set() if os.read(good_read, 9) else None, failed.append)

    with caplog.at_level(logging.ERROR):
        thread.call(watch)
        os.write(bad_write, b"x")
        all_done(thread)
        thread.call(lambda: os.write(good_write, b"x"))
        assert read.wait(PATIENCE)
    assert [str(error) for error in failed] == ["this pane is broken"]
    assert "a pane failed" in caplog.text
    for descriptor in (bad_read, bad_write, good_read, good_write):
        thread.call(lambda descriptor=descriptor: (thread.unwatch(descriptor), os.close(descriptor)))
    all_done(thread)


def test_failing_calls_and_timers_harm_nobody(thread: PaneThread) -> None:
    def fail() -> None:
        raise ValueError("broken")

    thread.call(fail)
    thread.call(lambda: thread.after(0.0, fail))
    all_done(thread)


def test_what_was_closed_while_others_had_their_turn_is_not_read(thread: PaneThread) -> None:
    first, first_write = os.pipe()
    second, second_write = os.pipe()
    turns: list[str] = []

    def close_the_other(name: str, own: int, other: int) -> None:
        turns.append(name)
        os.read(own, 9)
        for descriptor in (own, other):
            thread.unwatch(descriptor)
        os.close(other)

    def make_both_ready() -> None:
        thread.watch(first, READ, lambda _: close_the_other("first", first, second), lambda _: None)
        thread.watch(second, READ, lambda _: close_the_other("second", second, first), lambda _: None)
        os.write(first_write, b"x")
        os.write(second_write, b"x")

    thread.call(make_both_ready)
    all_done(thread)
    all_done(thread)

    assert len(turns) == 1
    os.close(first if turns == ["first"] else second)
    os.close(first_write)
    os.close(second_write)


def test_a_quiet_terminals_history_is_packed_to_the_end(thread: PaneThread, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "QUIET", 0.01)
    emulator = Emulator(80, 24)
    emulator.feed(b"a line of history\r\n" * 9_000)
    packer = packing.HistoryPacker(thread, emulator)
    steps: list[bool] = []
    compress, packed = emulator.compress, threading.Event()

    def step() -> bool:
        steps.append(compress())
        if not steps[-1]:
            packed.set()
        return steps[-1]

    monkeypatch.setattr(emulator, "compress", step)
    thread.call(packer.note_output)
    assert packed.wait(PATIENCE)
    assert steps == [True] * (len(steps) - 1) + [False]
    assert len(steps) > 1

    packed.clear()
    thread.call(packer.note_output)
    assert packed.wait(PATIENCE)


def test_closing_ends_the_thread_and_later_calls_are_dropped() -> None:
    thread = PaneThread()
    thread.close()
    done: list[int] = []
    thread.call(lambda: done.append(1))

    assert "panes" not in [running.name for running in threading.enumerate()]
    assert done == []
