"""The supervisor ends its tree when its host dies, in pipes and in terminals."""

import os
import signal
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pexpect
import psutil
import pytest
from process_trees import ENVIRONMENT, NASTY_COUNT, PYTHON, STAYING, members, until

from sessions.processes.supervision import MARKER_VARIABLE, new_marker, supervised
from sessions.processes.supervisor import Relative, below, processes_by_ps, read_options

HOST = """
import asyncio, sys
from pathlib import Path
from sessions.processes.environment import clean_environment
from sessions.processes.running import run_program

marker, *program = sys.argv[1:]
asyncio.run(run_program(program, cwd=Path.cwd(), env=clean_environment(), timeout=None, marker=marker))
"""


@pytest.fixture
def marker() -> Iterator[str]:
    """A marker for the test's tree; whatever a failing test leaves of it is killed."""
    value = new_marker()
    yield value
    for process in members(value):
        process.kill()


def start(marker: str, command: list[str], **options: object) -> "subprocess.Popen[bytes]":
    environment = {**ENVIRONMENT, MARKER_VARIABLE: marker}
    return subprocess.Popen(  # pyright: ignore[reportCallIssue, reportUnknownVariableType]
        command,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
        **options,  # pyright: ignore[reportArgumentType]
    )


def line_of(process: "subprocess.Popen[bytes]") -> bytes:
    assert process.stdout is not None
    return process.stdout.readline()


def test_nothing_survives_a_kill_9_of_the_host(marker: str, tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    with subprocess.Popen(
        [sys.executable, "-c", HOST, marker, *PYTHON, STAYING],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(root)},
    ) as host:
        until(lambda: len(members(marker)) >= NASTY_COUNT + 2)
        host.kill()

    until(lambda: not members(marker))


def test_the_end_of_the_control_pipe_ends_the_tree(marker: str) -> None:
    control_read, control_write = os.pipe()
    command = supervised([*PYTHON, STAYING], control_fd=control_read, grace=0.2)
    with start(marker, command, pass_fds=(control_read,)) as supervisor:
        os.close(control_read)
        assert line_of(supervisor) == b"ready\n"

        os.close(control_write)

        assert supervisor.wait() == 137
    assert members(marker) == []


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent died")
def test_the_death_of_the_parent_alone_ends_the_tree(marker: str) -> None:
    # The parent forks the supervisor without a control pipe and tells nobody.
    parent = (
        "import os, sys, time\n"
        "if os.fork() == 0:\n"
        "    argv = sys.argv[1:]\n"
        "    argv[argv.index('--parent') + 1] = str(os.getppid())\n"
        "    os.execv(argv[0], argv)\n"
        "time.sleep(1000)\n"
    )
    with start(marker, [*PYTHON, parent, *supervised([*PYTHON, STAYING], grace=0.2)]) as host:
        assert line_of(host) == b"ready\n"

        host.kill()

    until(lambda: not members(marker))


def test_the_end_of_the_starting_thread_alone_ends_nothing(marker: str) -> None:
    started: list[subprocess.Popen[bytes]] = []
    thread = threading.Thread(target=lambda: started.append(start(marker, supervised(["cat"], grace=0.2))))
    before = psutil.Process().num_threads()
    thread.start()
    thread.join()
    until(lambda: psutil.Process().num_threads() <= before)

    with started[0] as supervisor:
        assert supervisor.stdin is not None
        for _ in range(3):
            supervisor.stdin.write(b"still here\n")
            supervisor.stdin.flush()
            assert line_of(supervisor) == b"still here\n"
        supervisor.stdin.close()

        assert supervisor.wait() == 0


def test_a_parent_that_is_gone_before_the_start_starts_nothing(marker: str) -> None:
    command = supervised(["echo", "started"])
    command[command.index("--parent") + 1] = "1" if os.getpid() != 1 else "2"

    with start(marker, command) as supervisor:
        assert line_of(supervisor) == b""
        assert supervisor.wait() == 127


def test_a_second_term_does_not_wait_for_the_grace(marker: str) -> None:
    stubborn = "trap 'echo no' TERM; echo ready; while :; do sleep 0.02; done"
    with start(marker, supervised(["sh", "-c", stubborn], grace=3600.0)) as supervisor:
        assert line_of(supervisor) == b"ready\n"
        supervisor.send_signal(signal.SIGTERM)
        assert line_of(supervisor) == b"no\n"

        supervisor.send_signal(signal.SIGTERM)

        assert supervisor.wait() == 137
    assert members(marker) == []


def test_interrupts_from_the_keyboard_are_the_programs_alone(marker: str) -> None:
    with start(marker, supervised(["cat"])) as supervisor:
        assert supervisor.stdin is not None
        until(lambda: len(members(marker)) == 2)
        for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP):
            supervisor.send_signal(number)
        supervisor.stdin.write(b"unmoved\n")
        supervisor.stdin.close()

        assert line_of(supervisor) == b"unmoved\n"
        assert supervisor.wait() == 0


def in_terminal(marker: str, argv: list[str], grace: float = 0.3) -> "pexpect.spawn[str]":
    command = supervised(argv, tty=True, grace=grace)
    environment: Any = {**ENVIRONMENT, "TERM": "xterm", MARKER_VARIABLE: marker}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of every fork beside threads, since Python 3.12
        return pexpect.spawn(
            command[0], command[1:], env=environment, encoding="utf-8", timeout=60, echo=False, dimensions=(24, 80)
        )


def test_a_terminals_interrupt_reaches_the_program_and_its_status_comes_back(marker: str) -> None:
    child = in_terminal(
        marker, ["sh", "-c", "trap 'echo interrupted; exit 9' INT; echo ready; while :; do sleep 0.02; done"]
    )
    child.expect("ready")

    child.sendintr()

    child.expect("interrupted")
    child.expect(pexpect.EOF)
    child.wait()
    assert child.exitstatus == 9


def test_a_program_that_dies_of_the_interrupt_says_so(marker: str) -> None:
    child = in_terminal(marker, ["sh", "-c", "echo ready; exec sleep 1000"])
    child.expect("ready")

    child.sendintr()

    child.expect(pexpect.EOF)
    child.wait()
    assert child.exitstatus == 130


def test_a_program_in_a_terminal_has_its_size_and_hears_of_a_new_one(marker: str) -> None:
    child = in_terminal(
        marker, ["sh", "-c", "stty size; trap 'stty size; exit' WINCH; echo ready; while :; do sleep 0.02; done"]
    )
    child.expect("24 80")
    child.expect("ready")

    child.setwinsize(50, 132)

    child.expect("50 132")
    child.expect(pexpect.EOF)
    child.wait()


def test_a_program_stopped_by_the_keyboard_goes_on(marker: str) -> None:
    # A pane has no shell that could say `fg`.
    program = """
import os, signal
signal.signal(signal.SIGCONT, lambda *_: os.write(1, b"resumed\\n"))
print("ready", flush=True)
print("got", input())
"""
    child = in_terminal(marker, [*PYTHON, program])
    child.expect("ready")

    child.sendcontrol("z")
    child.expect("resumed")
    child.sendline("a word")

    child.expect("got a word")
    child.expect(pexpect.EOF)
    child.wait()
    assert child.exitstatus == 0


def test_closing_a_terminal_ends_the_whole_tree(marker: str) -> None:
    child = in_terminal(marker, [*PYTHON, STAYING])
    child.expect("ready")

    terminal: Any = vars(child)["ptyproc"]
    terminal.fileobj.close()  # no signal is sent by us: this is all that a killed host would do

    until(lambda: not members(marker))
    terminal.closed = child.closed = True
    child.wait()


def test_an_interactive_shell_and_its_jobs_end_when_told(marker: str) -> None:
    child = in_terminal(marker, ["bash", "--norc", "--noprofile", "-i"], grace=60.0)
    child.sendline("sleep 1000 & sleep 1001 & echo jobs=$(jobs | grep -c Running)")
    child.expect("jobs=2")

    child.kill(signal.SIGTERM)

    child.expect(pexpect.EOF)
    child.wait()
    assert members(marker) == []


@pytest.mark.parametrize(
    "arguments",
    [[], ["--"], ["--no-such", "--", "x"], ["--grace"], ["--grace", "x", "--", "x"], ["--control-fd", "y", "--", "x"]],
)
def test_a_malformed_command_line_is_refused(arguments: list[str]) -> None:
    with pytest.raises((ValueError, IndexError)):
        read_options(arguments)


def test_options_end_where_the_program_begins() -> None:
    options = read_options(["--tty", "--control-fd", "5", "--", "prog", "--tty", "--", "x"])

    assert options.argv == ["prog", "--tty", "--", "x"]
    assert (options.tty, options.control_fd, options.report_fd, options.grace) == (True, 5, None, 2.0)


def test_without_proc_the_tree_is_read_from_ps_by_parent_and_by_marker() -> None:
    # As macOS prints `ps -axwwE -o pid=,ppid=,pgid=,stat=,lstart=,command=`; the environment follows the command.
    listing = """
    1     0     1 Ss   Fri Nov 21 08:00:00 2025     /sbin/launchd
  100     1   100 S    Fri Nov 21 09:00:00 2025     python supervisor.py QUARTERDECK_PROCESS=abc HOME=/Users/x
  101   100   101 S    Fri Nov 21 09:00:01 2025     agent QUARTERDECK_PROCESS=abc
  102   101   102 S    Fri Nov 21 09:00:02 2025     tool with its environment removed
  103     1   103 S    Fri Nov 21 09:00:03 2025     daemon QUARTERDECK_PROCESS=abc
  104     1   104 S    Fri Nov 21 09:00:03 2025     stranger QUARTERDECK_PROCESS=abcd
  105   101   101 Z    Fri Nov 21 09:00:04 2025     (sh)
"""
    tree = below(100, processes_by_ps(listing, "abc", 100))

    assert sorted(process.pid for process in tree) == [101, 102, 103]
    assert Relative(103, 100, 103, 0, "Fri Nov 21 09:00:03 2025") in tree
