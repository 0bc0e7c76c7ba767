"""A run that is interrupted, stopped from elsewhere or left by its reader ends in order and can be taken up again."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from command_line import COMMAND, LIMIT, Answer, make_repository, quarterdeck

from sessions.events import HostStopped
from sessions.host.starting import running_host
from sessions.store.folders import SessionFolder, all_projects
from tui.session_list import read_records

# The Planner writes for about two seconds, and nothing else is done.
SLOW = ("--pace", "1")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make_repository(tmp_path / "project")


class Run:
    """A run in a process of its own, with its lines as they come."""

    def __init__(self, project: Path, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [*COMMAND, "run", "an idea", *arguments], cwd=project, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip
        self.told = b""

    def until(self, word: bytes) -> None:
        assert self.process.stdout is not None
        while word not in self.told:
            line = self.process.stdout.readline()
            assert line, self.told.decode()
            self.told += line

    def signal(self, number: int) -> None:
        # As ctrl-c does: to the whole foreground group.
        os.killpg(self.process.pid, number)

    def ends(self) -> Answer:
        out, err = self.process.communicate(timeout=LIMIT)
        return Answer(self.process.returncode, (self.told + (out or b"")).decode(), err.decode())


@pytest.fixture
def runs(project: Path) -> Iterator["list[Run]"]:
    started: list[Run] = []
    yield started
    for run in started:
        if run.process.poll() is None:
            run.process.kill()
        run.process.wait()
        for stream in (run.process.stdout, run.process.stderr):
            if stream is not None:
                stream.close()


def begin(runs: list[Run], project: Path, *arguments: str) -> Run:
    runs.append(Run(project, *(arguments or SLOW)))
    return runs[-1]


def the_session() -> SessionFolder:
    (folder,) = [folder for one in all_projects() for folder in one.sessions()]
    return folder


def nothing_runs(home: Path) -> None:
    """Wait until nothing that was started here runs any more."""
    deadline = time.monotonic() + 15
    left: list[str] = []
    while time.monotonic() < deadline:
        left.clear()
        for process in psutil.process_iter():
            try:
                mine = process.pid == os.getpid() or process.status() == psutil.STATUS_ZOMBIE
                if not mine and process.environ().get("HOME") == str(home):
                    left.append(" ".join(process.cmdline()))
            except (psutil.Error, OSError):
                continue
        if not left:
            return
        time.sleep(0.05)
    raise AssertionError(left)


def why_it_stopped() -> str:
    last = asyncio.run(read_records(the_session()))[-1].event
    assert isinstance(last, HostStopped), last
    return last.reason


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_in_a_turn_it_stops_in_order_and_says_how_to_go_on(
    project: Path, runs: list[Run], home: Path, number: int
) -> None:
    run = begin(runs, project)
    run.until(b"begins write spec")
    run.signal(number)
    answer = run.ends()
    assert answer.code == 130, answer
    assert f"quarterdeck attach {the_session().id} goes on from here" in answer.out
    assert answer.err == ""
    assert why_it_stopped() == "interrupted"
    nothing_runs(home)
    assert "open" in quarterdeck("sessions", folder=project).out


@pytest.mark.parametrize("after", [0.25, 0.4, 0.55, 0.7])
def test_interrupted_before_anything_happened_it_leaves_nothing(
    project: Path, runs: list[Run], home: Path, after: float
) -> None:
    run = begin(runs, project)
    time.sleep(after)
    run.signal(signal.SIGINT)
    answer = run.ends()
    # Before Python has come to our handler there is nothing but the signal.
    assert answer.code in (130, -signal.SIGINT), answer
    if answer.code == 130:
        assert "Traceback" not in answer.err, answer
    nothing_runs(home)


def test_interrupted_twice_it_does_not_wait_for_a_host_that_hangs(project: Path, runs: list[Run], home: Path) -> None:
    run = begin(runs, project)
    run.until(b"begins write spec")
    host = running_host(the_session())
    assert host is not None
    os.kill(host.pid, signal.SIGSTOP)
    run.signal(signal.SIGINT)
    time.sleep(0.3)
    assert run.process.poll() is None, "it waits for the host to end in order"
    run.signal(signal.SIGINT)
    assert run.ends().code == 130
    nothing_runs(home)


def test_when_its_reader_goes_away_it_stops_in_order(project: Path, runs: list[Run], home: Path) -> None:
    run = begin(runs, project, "--pace", "0.3")
    run.until(b"begins write spec")
    assert run.process.stdout is not None
    run.process.stdout.close()
    run.process.stdout = None
    answer = run.ends()
    assert answer.code == 130, answer
    assert answer.err.splitlines() == [
        "quarterdeck: the output cannot be written any more, so the run was stopped",
        f"  next  quarterdeck attach {the_session().id} goes on from here",
    ]
    assert why_it_stopped() == "interrupted"
    nothing_runs(home)


def test_stopped_from_elsewhere_it_says_so(project: Path, runs: list[Run], home: Path) -> None:
    run = begin(runs, project)
    run.until(b"begins write spec")
    assert "running" in quarterdeck("sessions", folder=project).out
    stopped = quarterdeck("stop", folder=project)
    assert stopped.code == 0, stopped
    assert f"quarterdeck attach {the_session().id}" in stopped.out
    assert running_host(the_session()) is None
    answer = run.ends()
    assert answer.code == 4, answer
    assert "stopped from the command line" in answer.out
    assert why_it_stopped() == "stopped from the command line"
    nothing_runs(home)


def test_when_its_host_is_killed_it_says_so_with_a_code_of_its_own(project: Path, runs: list[Run], home: Path) -> None:
    run = begin(runs, project)
    run.until(b"begins write spec")
    host = running_host(the_session())
    assert host is not None
    os.kill(host.pid, signal.SIGKILL)
    answer = run.ends()
    assert answer.code == 6, answer
    assert "goes on from the log" in answer.out
    nothing_runs(home)


def test_when_it_is_killed_itself_its_host_goes_on_and_can_be_joined(
    project: Path, runs: list[Run], home: Path
) -> None:
    run = begin(runs, project, "--pace", "0.3")
    run.until(b"begins write spec")
    run.process.kill()
    run.process.wait()
    host = running_host(the_session())
    assert host is not None
    quarterdeck("stop", folder=project)
    nothing_runs(home)
    assert why_it_stopped() == "stopped from the command line"


def test_a_host_of_a_run_that_nobody_follows_does_not_wait_for_an_answer_for_ever(
    project: Path, runs: list[Run], home: Path, tmp_path: Path
) -> None:
    """The run is killed; its session comes to a question, which is in the log, and nobody is there."""
    stuck = tmp_path / "stuck.yaml"
    stuck.write_text(
        "name: stuck\nstart: write_spec\nnodes:\n"
        "  write_spec: {role: planner, tools: [append_spec], parts: [idea]}\n"
        "  done: {kind: exit, outcome: passed}\n"
        "edges:\n  - {from: write_spec, to: done, when: {outcome: never}}\n"
    )
    run = begin(runs, project, "--pace", "0.3", "--workflow", str(stuck))
    run.until(b"begins write spec")
    run.process.kill()
    nothing_runs(home)
    assert why_it_stopped() == "a question waits for you"


def test_a_question_ends_a_run_with_a_code_of_its_own(
    project: Path, runs: list[Run], home: Path, tmp_path: Path
) -> None:
    stuck = tmp_path / "stuck.yaml"
    stuck.write_text(
        "name: stuck\nstart: write_spec\nnodes:\n"
        "  write_spec: {role: planner, tools: [append_spec], parts: [idea]}\n"
        "  done: {kind: exit, outcome: passed}\n"
        "edges:\n  - {from: write_spec, to: done, when: {outcome: never}}\n"
    )
    answer = begin(runs, project, "--workflow", str(stuck)).ends()
    assert answer.code == 3, answer
    assert "ASKS: No way leads on" in answer.out
    assert f"quarterdeck attach {the_session().id}" in answer.out
    nothing_runs(home)


def test_a_session_left_by_a_stop_is_taken_up_where_it_stood(project: Path, runs: list[Run], home: Path) -> None:
    run = begin(runs, project)
    run.until(b"begins write spec")
    run.signal(signal.SIGINT)
    run.ends()
    before = asyncio.run(read_records(the_session()))
    code = (
        "import asyncio, sys\nfrom sessions.store.folders import find_session\nfrom tui.headless import follow\n"
        "sys.exit(asyncio.run(follow(find_session(sys.argv[1]))))"
    )
    following = subprocess.Popen([sys.executable, "-P", "-c", code, the_session().id], stdout=subprocess.PIPE)
    assert following.stdout is not None
    told = b""
    while b"appends r1" not in told:
        line = following.stdout.readline()
        assert line, told
        told += line
    following.send_signal(signal.SIGINT)
    rest, _ = following.communicate(timeout=LIMIT)
    assert following.returncode == 130, rest
    after = asyncio.run(read_records(the_session()))
    assert after[: len(before)] == before
    nothing_runs(home)
