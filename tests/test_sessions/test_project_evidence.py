"""The host runs the tests itself and judges the run."""

import asyncio
import shlex
import sys
from pathlib import Path

import pytest
from process_trees import ENVIRONMENT

from sessions.errors import ProjectError
from sessions.project.evidence import TestCounts, TestRun, first_failure, run_tests, split_command

PYTEST = f"{shlex.quote(sys.executable)} -m pytest -q -p no:cacheprovider"


async def run(command: str, folder: Path) -> TestRun:
    return await run_tests(command, folder, env=ENVIRONMENT, timeout=60.0)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "a project"
    folder.mkdir()
    (folder / "conftest.py").write_text("")  # the root, so that no configuration above is found
    (folder / "pytest.ini").write_text("[pytest]\n")
    return folder


async def test_passing_tests_pass(project: Path) -> None:
    (project / "test_a.py").write_text("def test_one(): pass\ndef test_two(): pass\n")
    chunks: list[bytes] = []

    result = await run_tests(PYTEST, project, env=ENVIRONMENT, timeout=60.0, on_output=chunks.append)

    assert result.passed
    assert result.counts == TestCounts(2, 0)
    assert (result.exit_code, result.timed_out, result.tree_cleared) == (0, False, True)
    assert b"".join(chunks) == result.output
    assert result.command == PYTEST


async def test_a_failing_test_is_counted_and_named(project: Path) -> None:
    (project / "test_a.py").write_text("def test_one(): pass\ndef test_two(): assert 41 == 42\n")

    result = await run(PYTEST, project)

    assert not result.passed
    assert result.counts == TestCounts(1, 1)
    assert first_failure(result.output) == "test_a.py::test_two: assert 41 == 42"


async def test_no_tests_are_no_pass(project: Path) -> None:
    collected = await run(PYTEST, project)
    discovered = await run(f"{shlex.quote(sys.executable)} -m unittest", project)

    assert (collected.passed, collected.exit_code, collected.counts) == (False, 5, TestCounts(0, 0))
    assert (discovered.passed, discovered.counts) == (False, TestCounts(0, 0))


async def test_a_failure_cannot_be_hidden_behind_a_good_exit_status(project: Path) -> None:
    (project / "test_a.py").write_text("def test_one(): assert False\n")

    result = await run(f"{PYTEST} || true", project)

    assert result.exit_code == 0
    assert not result.passed


async def test_an_unknown_runner_is_judged_by_its_status(project: Path) -> None:
    good, bad = await run("true", project), await run("false", project)

    assert (good.passed, good.counts) == (True, None)
    assert (bad.passed, bad.counts) == (False, None)


async def test_a_summary_alone_is_no_pass(project: Path) -> None:
    result = await run("echo '5 passed in 0.1s'; exit 1", project)

    assert not result.passed


async def test_tests_that_hang_are_ended(project: Path) -> None:
    (project / "test_a.py").write_text("import time\ndef test_one():\n    time.sleep(1000)\n")

    result = await run_tests(PYTEST, project, env=ENVIRONMENT, timeout=1.0)

    assert result.timed_out
    assert not result.passed
    assert result.tree_cleared


async def test_a_stopped_run_is_no_pass(project: Path) -> None:
    stop = asyncio.Event()
    result = await run_tests(
        "trap 'exit 0' TERM; echo ready; while :; do sleep 0.02; done",
        project,
        env=ENVIRONMENT,
        timeout=None,
        stop=stop,
        on_output=lambda _: stop.set(),
    )

    assert (result.exit_code, result.cancelled, result.passed) == (0, True, False)


async def test_tests_that_ask_for_input_do_not_hang(project: Path) -> None:
    (project / "test_a.py").write_text("import os\ndef test_one():\n    assert os.read(0, 10) == b''\n")

    assert (await run(PYTEST, project)).passed


async def test_a_runner_that_is_not_there_is_named(project: Path) -> None:
    with pytest.raises(ProjectError, match="no-such-runner"):
        await run("no-such-runner --all", project)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("python -m pytest -q", ["python", "-m", "pytest", "-q"]),
        ("pytest 'tests/a b.py'", ["pytest", "tests/a b.py"]),
        ('pytest -k "one or two"', ["pytest", "-k", "one or two"]),
        ("pytest 'tests/test_x.py::test_p[a;b]'", ["pytest", "tests/test_x.py::test_p[a;b]"]),
        ('''pytest -k "it's; fine"''', ["pytest", "-k", "it's; fine"]),
        ("./run --x=1", ["./run", "--x=1"]),
    ],
)
def test_a_plain_command_needs_no_shell(command: str, words: list[str]) -> None:
    assert split_command(command) == words


@pytest.mark.parametrize(
    "command",
    [
        "a && b",
        "a | b",
        "a; b",
        "a > out",
        "echo $HOME",
        'echo "$HOME"',
        "echo `id`",
        'echo "`id`"',
        "ls *.py",
        "ls ~",
        "X=1 pytest",
        "cd sub",
        "exit 3",
        ". ./env",
        "(a)",
        "a\nb",
        "a # comment",
        "a 'b' && 'c'",
        "pytest \\\n -q",
    ],
)
def test_what_only_a_shell_understands_goes_to_one(command: str) -> None:
    assert split_command(command) == ["/bin/sh", "-c", command]


@pytest.mark.parametrize("command", ["", "   ", "pytest 'open", 'pytest "open'])
def test_a_command_that_cannot_be_read_is_refused(command: str) -> None:
    with pytest.raises(ProjectError) as caught:
        split_command(command)
    assert caught.value.next
