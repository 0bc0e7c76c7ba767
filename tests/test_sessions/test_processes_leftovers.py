"""What a crashed host left running is found by its mark, and ended."""

import os
import subprocess
from collections.abc import Iterator

import psutil
import pytest
from process_trees import ENVIRONMENT, LEAVING, NASTY_COUNT, PYTHON, STAYING, eventually, members

from sessions.processes.leftovers import ProcessMark, end_leftovers, find_leftovers, mark_process
from sessions.processes.supervision import MARKER_VARIABLE, new_marker


@pytest.fixture
def marker() -> Iterator[str]:
    """A marker for the test's processes; whatever a failing test leaves of them is killed."""
    value = new_marker()
    yield value
    for process in members(value):
        process.kill()


def leave(marker: str, program: list[str]) -> "subprocess.Popen[bytes]":
    """Start a program without a supervisor, as if its supervisor had been killed."""
    environment = {**ENVIRONMENT, MARKER_VARIABLE: marker}
    return subprocess.Popen(program, env=environment, stdout=subprocess.DEVNULL, start_new_session=True)


async def test_everything_with_the_mark_is_found_and_ended(marker: str) -> None:
    leave(marker, [*PYTHON, LEAVING]).wait()
    await eventually(lambda: len(members(marker)) >= NASTY_COUNT)
    marks = [ProcessMark(0, 0.0, marker)]

    found = find_leftovers(marks)

    assert {leftover.pid for leftover in found} == {process.pid for process in members(marker)}
    assert {leftover.marker for leftover in found} == {marker}
    assert await end_leftovers(marks, grace=0.1) == []
    assert members(marker) == []


async def test_a_child_without_the_marker_is_found_by_its_parent(marker: str) -> None:
    with leave(marker, ["sh", "-c", "env -i sleep 1000 & wait"]) as process:
        await eventually(lambda: len(psutil.Process(process.pid).children()) == 1)
        (child,) = psutil.Process(process.pid).children()
        await eventually(lambda: MARKER_VARIABLE not in child.environ())

        assert await end_leftovers([ProcessMark(0, 0.0, marker)], grace=0.1) == []

        assert process.wait() != 0
    await eventually(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)


async def test_a_process_that_hid_its_environment_is_found_by_pid_and_start_time(marker: str) -> None:
    with leave("", ["env", "-i", "sleep", "1000"]) as process:
        mark = mark_process(process.pid, marker)

        assert [leftover.pid for leftover in find_leftovers([mark])] == [process.pid]
        assert await end_leftovers([mark], grace=60.0) == []

        assert process.wait() == -15


def test_a_pid_that_was_used_again_is_a_stranger(marker: str) -> None:
    with subprocess.Popen(["sleep", "1000"], env=ENVIRONMENT) as stranger:
        mark = mark_process(stranger.pid, marker)

        assert find_leftovers([ProcessMark(mark.pid, mark.started - 60, marker)]) == []

        stranger.kill()


async def test_another_runs_processes_are_left_alone(marker: str) -> None:
    other = new_marker()
    with leave(marker, [*PYTHON, STAYING]), leave(other, ["sleep", "1000"]) as bystander:
        await eventually(lambda: len(members(marker)) > NASTY_COUNT and len(members(other)) == 1)

        assert await end_leftovers([ProcessMark(0, 0.0, marker)], grace=0.1) == []

        assert members(marker) == []
        assert bystander.poll() is None
        bystander.kill()


def test_the_one_who_looks_is_never_found(marker: str) -> None:
    ourselves = mark_process(os.getpid(), marker)
    parent = mark_process(os.getppid(), marker)

    found = {leftover.pid for leftover in find_leftovers([ourselves, parent])}

    assert os.getpid() not in found
    assert os.getppid() not in found


async def test_no_marks_means_nothing_to_do(marker: str) -> None:
    assert find_leftovers([]) == []
    assert await end_leftovers([ProcessMark(0, 0.0, marker)]) == []
