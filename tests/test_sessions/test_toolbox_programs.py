"""The toolbox's search and run: real processes, none of which outlives its call."""
# ruff: noqa: ASYNC110, ASYNC240  a test's own small file work and waiting hold nothing up

import asyncio
import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from sessions.agents.protocol import TurnOrder
from sessions.agents.toolbox import searching
from sessions.agents.toolbox.arguments import TOOLS
from sessions.agents.toolbox.box import Toolbox, toolbox_for
from sessions.agents.toolbox.result import ToolResult
from sessions.processes.environment import clean_environment
from sessions.prompts import Prompt


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    place = tmp_path.resolve() / "clone"
    place.mkdir()
    for command in (("init", "-q"), ("config", "user.name", "x"), ("config", "user.email", "x@example.invalid")):
        subprocess.run(("git", *command), cwd=place, check=True)
    (place / ".gitignore").write_text("build/\n*.log\n")
    (place / "src").mkdir()
    (place / "src" / "app.py").write_text("def add(a, b):\n    return a + b\n\n\ndef main():\n    print(add(1, 2))\n")
    (place / "README.md").write_text("# The app\n\nIt adds.\n")
    (place / "build").mkdir()
    (place / "build" / "out.py").write_text("def add(): ...\n")
    (place / "noise.log").write_text("def add\n")
    subprocess.run(("git", "add", "-A"), cwd=place, check=True)
    subprocess.run(("git", "commit", "-qm", "start"), cwd=place, check=True)
    return place


@pytest.fixture
def box(clone: Path) -> Toolbox:
    return Toolbox(clone, TOOLS, clean_environment())


async def use(box: Toolbox, name: str, **arguments: Any) -> ToolResult:
    return await box.use(name, json.dumps(arguments), lambda text: None)


class TestSearching:
    async def test_matching_lines_are_found_where_git_looks(self, box: Toolbox, clone: Path) -> None:
        (clone / "new.py").write_text("x = add(3)\n")
        result = await use(box, "search", pattern=r"\badd\(")
        assert result.ok
        assert result.text.splitlines() == [
            r"3 matching lines for \badd\(",
            "new.py:1: x = add(3)",
            "src/app.py:1: def add(a, b):",
            "src/app.py:6:     print(add(1, 2))",
        ]

    async def test_a_file_or_folder_can_be_named(self, box: Toolbox) -> None:
        assert "0 matching lines" in (await use(box, "search", pattern=r"add\(", path="README.md")).text
        assert "build/out.py:1" in (await use(box, "search", pattern="add", path="build")).text
        assert not (await use(box, "search", pattern="x", path="..")).ok

    async def test_a_pattern_that_is_none_is_explained(self, box: Toolbox) -> None:
        result = await use(box, "search", pattern="(")
        assert not result.ok
        assert "not a Python regular expression" in result.text

    async def test_a_catastrophic_pattern_is_stopped_and_keeps_what_it_found(
        self, box: Toolbox, clone: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(searching, "SEARCH_SECONDS", 1)
        (clone / "a.txt").write_text("aaa\n")
        (clone / "b.txt").write_text("a" * 60 + "!\n")
        async with asyncio.timeout(60):
            result = await use(box, "search", pattern="^(a+)+$")
        assert not result.ok
        assert "a.txt:1: aaa" in result.text
        assert "takes too long" in result.text

    async def test_the_loop_goes_on_while_a_pattern_runs_wild(
        self, box: Toolbox, clone: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(searching, "SEARCH_SECONDS", 1)
        (clone / "b.txt").write_text("a" * 60 + "!\n")
        turns = 0
        work = asyncio.create_task(use(box, "search", pattern="^(a+)+$", path="b.txt"))
        while not work.done():
            await asyncio.sleep(0.01)
            turns += 1
        assert not work.result().ok
        assert turns > 10

    async def test_a_cancelled_search_leaves_no_process(
        self, box: Toolbox, clone: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(searching, "SEARCH_SECONDS", 300)
        (clone / "b.txt").write_text("a" * 60 + "!\n")
        work = asyncio.create_task(use(box, "search", pattern="^(a+)+$", path="b.txt"))
        child = await first_child("search_child")
        work.cancel()
        async with asyncio.timeout(30):
            with pytest.raises(asyncio.CancelledError):
                await work
        assert not child.is_running()

    async def test_a_flood_of_matches_is_cut_with_a_note(self, box: Toolbox, clone: Path) -> None:
        (clone / "many.txt").write_text("match\n" * 5000)
        (clone / "wide.txt").write_text("y" * 1000 + "needle" + "y" * 1000 + "\n")
        result = await use(box, "search", pattern="match")
        assert result.text.count("many.txt:") == 200
        assert "more were left out" in result.text
        wide = await use(box, "search", pattern="needle")
        assert "needle" in wide.text
        assert len(wide.text) < 500

    async def test_links_pipes_and_binary_files_are_left_out(self, box: Toolbox, clone: Path) -> None:
        (clone.parent / "secret").write_text("needle\n")
        (clone / "out").symlink_to("../secret")
        (clone / "binary").write_bytes(b"needle\0")
        os.mkfifo(clone / "pipe")
        # A folder that git knows is replaced by a link to the outside.
        (clone / "src" / "app.py").unlink()
        (clone / "src").rmdir()
        (clone.parent / "elsewhere").mkdir()
        (clone.parent / "elsewhere" / "app.py").write_text("needle\n")
        (clone / "src").symlink_to("../elsewhere")
        result = await use(box, "search", pattern="needle")
        assert "0 matching lines" in result.text
        assert "not searched" in result.text

    async def test_the_clone_cannot_slip_its_own_modules_in(self, box: Toolbox, clone: Path) -> None:
        (clone / "json.py").write_text("import pathlib; pathlib.Path('ran').touch()\n")
        (clone / "sessions").mkdir()
        (clone / "sessions" / "__init__.py").write_text("import pathlib; pathlib.Path('ran').touch()\n")
        assert "1 matching line" in (await use(box, "search", pattern="It adds")).text
        assert not list(clone.rglob("ran"))


class TestRunning:
    async def test_a_program_runs_in_the_clone_and_its_output_is_shown_as_it_comes(
        self, box: Toolbox, clone: Path
    ) -> None:
        shown: list[str] = []
        result = await box.use("run", json.dumps({"command": "pwd; echo 3; exit 3"}), shown.append)
        assert not result.ok
        assert result.text.splitlines()[0].startswith("exit code 3 after ")
        assert result.text.splitlines()[1:] == [str(clone), "3"]
        assert "".join(shown) == f"{clone}\n3\n"
        assert result.summary.startswith("pwd; echo 3; exit 3: exit code 3")

    async def test_no_output_is_said(self, box: Toolbox) -> None:
        result = await use(box, "run", command="true")
        assert result.ok
        assert result.text.endswith(", no output")

    async def test_the_environment_is_clean(self, box: Toolbox, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SOME_API_KEY", "sk-secret")
        assert "sk-secret" not in (await use(box, "run", command="env")).text

    async def test_the_turns_token_does_not_reach_programs(self, clone: Path) -> None:
        order = TurnOrder(
            "t1", "w1", "worker", Prompt("", (), "ab"), (), "token-1", toolbox=("run",), clone=clone,
            environment={"QUARTERDECK_TOKEN": "token-1", "QUARTERDECK_SOCKET": "/s", "EXTRA": "yes"},
        )  # fmt: skip
        box = toolbox_for(order)
        assert box is not None
        text = (await use(box, "run", command="env")).text
        assert "token-1" not in text
        assert "QUARTERDECK_SOCKET" not in text
        assert "EXTRA=yes" in text
        assert "TERM=dumb" in text

    async def test_a_program_that_does_not_end_is_ended(self, box: Toolbox, clone: Path) -> None:
        command = "sleep 300 & echo $! > pid; sleep 300"
        result = await use(box, "run", command=command, timeout=1)
        assert not result.ok
        assert "stopped after 1 s, the limit" in result.text
        assert not psutil.pid_exists(int((clone / "pid").read_text()))

    async def test_a_cancelled_program_is_gone_with_all_it_started(self, box: Toolbox, clone: Path) -> None:
        work = asyncio.create_task(use(box, "run", command="sleep 300 & echo $! > pid.new; mv pid.new pid; sleep 300"))
        await appears(clone / "pid")
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work
        assert not psutil.pid_exists(int((clone / "pid").read_text()))

    async def test_a_flood_is_cut_for_the_model_and_kept_for_the_record(self, box: Toolbox) -> None:
        result = await use(box, "run", command="seq 1 100000")
        assert len(result.text) < 31_000
        assert "letters left out" in result.text
        assert result.text.rstrip().endswith("100000")
        assert len(result.whole) > 500_000

    async def test_escapes_and_broken_bytes_are_passed_on_as_text(self, box: Toolbox) -> None:
        result = await use(box, "run", command=r"printf '\033]0;title\007\377[red]x[/red]'")
        assert result.text.endswith("\x1b]0;title\x07�[red]x[/red]")

    @pytest.mark.parametrize("command", ["", "  ", "a\0b"])
    async def test_what_is_no_command_is_refused(self, box: Toolbox, command: str) -> None:
        assert not (await use(box, "run", command=command)).ok

    async def test_a_clone_that_vanished_is_said(self, box: Toolbox, clone: Path) -> None:
        clone.rename(clone.parent / "moved")
        result = await use(box, "run", command="true")
        assert not result.ok
        assert "does not exist" in result.text


async def appears(path: Path) -> None:
    async with asyncio.timeout(30):
        while not path.exists():
            await asyncio.sleep(0.01)


async def first_child(word: str) -> psutil.Process:
    """Wait for a child process whose command line holds a word, busy with its work."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        for child in psutil.Process().children(recursive=True):
            try:
                if word in " ".join(child.cmdline()) and child.cpu_times().user > 0.2:
                    return child
            except psutil.NoSuchProcess:
                continue
        await asyncio.sleep(0.01)
    raise AssertionError(f"no process of {word} appeared")
