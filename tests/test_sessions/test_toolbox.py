"""The toolbox as a model uses it: what is offered, and real files listed, read and written."""
# ruff: noqa: ASYNC221  a test's own small file work and waiting hold nothing up

import asyncio
import contextlib
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from sessions.agents.protocol import TurnOrder
from sessions.agents.toolbox.arguments import TOOLS
from sessions.agents.toolbox.box import Toolbox, toolbox_for
from sessions.agents.toolbox.result import ToolFault, ToolResult
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


class TestOffer:
    def test_six_tools_are_offered_with_flat_schemas(self, box: Toolbox) -> None:
        assert [tool.name for tool in box.schemas] == [
            "list_files", "read_file", "search", "write_file", "edit_file", "run",
        ]  # fmt: skip
        for tool in box.schemas:
            assert tool.description.endswith(".")
            assert tool.parameters["additionalProperties"] is False
        read = box.schemas[1].parameters
        assert read["required"] == ["path"]
        assert set(read["properties"]) == {"path", "start", "lines"}

    def test_only_the_tools_of_the_order_are_offered(self, clone: Path) -> None:
        order = TurnOrder("t1", "w1", "auditor", Prompt("", (), "ab"), (), "", toolbox=("read_file",), clone=clone)
        box = toolbox_for(order)
        assert box is not None
        assert box.names == ("read_file",)

    def test_a_role_without_a_folder_has_no_toolbox(self, clone: Path) -> None:
        assert toolbox_for(TurnOrder("t1", "w1", "x", Prompt("", (), "ab"), (), "", toolbox=("run",))) is None
        assert toolbox_for(TurnOrder("t1", "w1", "x", Prompt("", (), "ab"), (), "", clone=clone)) is None

    def test_an_unknown_tool_is_refused_at_once(self, clone: Path) -> None:
        with pytest.raises(ToolFault, match="no tool called fly"):
            Toolbox(clone, ("fly",), {})

    def test_a_headline_says_what_a_call_is_about(self, box: Toolbox) -> None:
        assert box.headline("run", '{"command": "pytest -q\\n\\u001b[2J"}') == "run: pytest -q �[2J"
        assert box.headline("write_file", '{"path": "a.py", "text": "x"}') == "write_file: a.py"
        assert box.headline("search", '{"pattern": "a+", "path": "src"}') == "search: a+ in src"
        assert box.headline("run", "not json") == "run"

    @pytest.mark.parametrize("arguments", ["", "[]", "{}", '{"path": 5}', '{"path": "a", "mode": "w"}', "{" * 9000])
    async def test_arguments_that_do_not_stand_are_a_result(self, box: Toolbox, arguments: str) -> None:
        result = await box.use("read_file", arguments, lambda text: None)
        assert not result.ok
        assert result.text.startswith("read_file was not carried out:")
        assert "http" not in result.text


class TestListing:
    async def test_files_are_listed_without_what_git_ignores(self, box: Toolbox, clone: Path) -> None:
        (clone / "new.txt").write_text("not yet added")
        (clone / "README.md").unlink()
        result = await use(box, "list_files")
        assert result.ok
        assert result.text.splitlines() == ["3 files in .", ".gitignore", "new.txt", "src/app.py"]

    async def test_a_folder_a_file_and_an_ignored_folder_can_be_asked_for(self, box: Toolbox) -> None:
        assert (await use(box, "list_files", path="src")).text.splitlines()[1:] == ["src/app.py"]
        assert (await use(box, "list_files", path="src/app.py")).text.splitlines()[1:] == ["src/app.py"]
        assert (await use(box, "list_files", path="build")).text.splitlines()[1:] == ["build/out.py"]

    async def test_a_folder_without_git_is_walked(self, tmp_path: Path) -> None:
        (tmp_path / "a" / "b").mkdir(parents=True)
        (tmp_path / "a" / "b" / "c.txt").write_text("x")
        result = await use(Toolbox(tmp_path, TOOLS, clean_environment()), "list_files", path="a")
        assert result.text.splitlines() == ["1 file in a", "a/b/c.txt"]

    async def test_many_files_are_cut_with_a_note(self, box: Toolbox, clone: Path) -> None:
        (clone / "many").mkdir()
        for number in range(1100):
            (clone / "many" / f"{number:04}.txt").touch()
        result = await use(box, "list_files", path="many")
        assert len(result.text.splitlines()) == 1002
        assert "100 more left out" in result.text

    async def test_names_are_data(self, box: Toolbox, clone: Path) -> None:
        (clone / "two\nlines").touch()
        (clone / "\x1b[2J").touch()
        with contextlib.suppress(OSError):  # macOS has no such name.
            (clone / os.fsdecode(b"\xff.txt")).touch()
        text = (await use(box, "list_files")).text
        assert "\x1b" not in text
        assert "two\\nlines" in text
        text.encode()

    @pytest.mark.parametrize("path", ["..", "nothing", ".git", "/etc"])
    async def test_other_places_are_refused(self, box: Toolbox, path: str) -> None:
        assert not (await use(box, "list_files", path=path)).ok

    async def test_the_clones_configuration_runs_nothing(self, box: Toolbox, clone: Path) -> None:
        hook = clone.parent / "hook"
        hook.write_text(f"#!/bin/sh\ntouch {clone.parent}/ran\n")
        hook.chmod(0o755)
        subprocess.run(("git", "config", "core.fsmonitor", str(hook)), cwd=clone, check=True)
        subprocess.run(("git", "config", "core.worktree", "/"), cwd=clone, check=True)
        result = await use(box, "list_files")
        assert "src/app.py" in result.text
        assert not (clone.parent / "ran").exists()


class TestReading:
    async def test_lines_come_with_their_numbers(self, box: Toolbox) -> None:
        result = await use(box, "read_file", path="src/app.py", start=2, lines=2)
        assert result.text == "src/app.py: lines 2 to 3 of 6; go on with start=4\n2\t    return a + b\n3\t"

    async def test_the_end_of_a_file_is_the_end(self, box: Toolbox) -> None:
        assert (await use(box, "read_file", path="README.md")).text.splitlines()[0] == "README.md: lines 1 to 3 of 3"
        assert (await use(box, "read_file", path="README.md", start=9)).text == "README.md has only 3 lines"

    async def test_an_empty_file_is_said_to_be_empty(self, box: Toolbox, clone: Path) -> None:
        (clone / "empty").touch()
        assert (await use(box, "read_file", path="empty")).text == "empty is empty"

    async def test_what_is_too_much_is_cut_with_a_note(self, box: Toolbox, clone: Path) -> None:
        (clone / "wide").write_text("x" * 5000 + "\nshort\n")
        (clone / "long").write_text("y" * 100 + "\n" + ("y" * 100 + "\n") * 5000)
        wide = await use(box, "read_file", path="wide")
        assert "1 line cut to 2000 letters" in wide.text
        assert len(wide.text) < 2200
        long = await use(box, "read_file", path="long", lines=5000)
        assert len(long.text) < 70_000
        assert "go on with start=" in long.summary

    async def test_a_binary_file_is_said_to_be_binary(self, box: Toolbox, clone: Path) -> None:
        (clone / "picture.png").write_bytes(b"\x89PNG\0\0\0")
        result = await use(box, "read_file", path="picture.png")
        assert not result.ok
        assert "picture.png is a binary file of 7 bytes" in result.text

    async def test_other_encodings_and_line_ends_are_shown_with_a_note(self, box: Toolbox, clone: Path) -> None:
        (clone / "latin").write_bytes("caf\xe9\r\nbar\r\n".encode("latin-1"))
        result = await use(box, "read_file", path="latin")
        assert "not UTF-8" in result.text
        assert result.text.splitlines()[1:] == ["1\tcaf�", "2\tbar"]

    async def test_a_huge_file_is_refused(self, box: Toolbox, clone: Path) -> None:
        with (clone / "huge").open("wb") as file:
            file.write(b"text\n")
            file.truncate(5)
            file.seek(10_000_000_000)
            file.write(b"x")
        result = await use(box, "read_file", path="huge")
        assert not result.ok

    async def test_a_pipe_does_not_hold_anything_up(self, box: Toolbox, clone: Path) -> None:
        os.mkfifo(clone / "pipe")
        async with asyncio.timeout(20):
            for name, more in (
                ("read_file", {}),
                ("edit_file", {"old": "a", "new": "b"}),
                ("write_file", {"text": "x"}),
            ):
                result = await use(box, name, path="pipe", **more)
                assert not result.ok
                assert "a pipe" in result.text


class TestWriting:
    async def test_a_file_is_made_and_replaced(self, box: Toolbox, clone: Path) -> None:
        assert (await use(box, "write_file", path="a/b.txt", text="one\ntwo\n")).text == "a/b.txt made: 2 lines"
        assert (await use(box, "write_file", path="a/b.txt", text="")).text == "a/b.txt replaced: 0 lines"
        assert (clone / "a/b.txt").read_text() == ""

    async def test_a_passage_is_edited_in_place(self, box: Toolbox, clone: Path) -> None:
        result = await use(box, "edit_file", path="src/app.py", old="a + b", new="b + a")
        assert result.text == "src/app.py edited at line 2"
        assert "return b + a\n" in (clone / "src/app.py").read_text()

    @pytest.mark.parametrize(
        ("old", "new", "said"),
        [
            ("add", "sum", "old stands 2 times in src/app.py"),
            ("nothing of it", "x", "old stands 0 times in src/app.py"),
            ("", "x", "old is empty"),
            ("a + b", "a + b", "nothing would change"),
        ],
    )
    async def test_a_passage_must_stand_exactly_once(
        self, box: Toolbox, clone: Path, old: str, new: str, said: str
    ) -> None:
        before = (clone / "src/app.py").read_bytes()
        result = await use(box, "edit_file", path="src/app.py", old=old, new=new)
        assert not result.ok
        assert said in result.text
        assert (clone / "src/app.py").read_bytes() == before

    async def test_an_edit_changes_nothing_else_of_a_file(self, box: Toolbox, clone: Path) -> None:
        (clone / "mixed").write_bytes(b"caf\xe9\r\none\r\ntwo\r\nend")
        assert (await use(box, "edit_file", path="mixed", old="one\ntwo", new="1\n2")).ok
        assert (clone / "mixed").read_bytes() == b"caf\xe9\r\n1\r\n2\r\nend"

    async def test_what_cannot_be_written_is_said(self, box: Toolbox, clone: Path) -> None:
        assert "surrogate" in (await use(box, "write_file", path="x", text="\ud800")).text
        assert "git" in (await use(box, "write_file", path=".git/hooks/post-checkout", text="#!/bin/sh")).text
        assert "outside" in (await use(box, "write_file", path="../x", text="x")).text
        assert "a folder" in (await use(box, "write_file", path="src", text="x")).text
        assert not (clone.parent / "x").exists()
