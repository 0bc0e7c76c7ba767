"""git is run by argument list; what it says is safe to show; no git is left behind."""

import asyncio
import os
from pathlib import Path

import psutil
import pytest
from process_trees import eventually
from project_repositories import git as git_of_person
from project_repositories import make_repository

from sessions.errors import ProjectError
from sessions.project import git as git_module
from sessions.project.git import Git, GitFailed, safe_text


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_repository(tmp_path / "sample")


async def test_output_comes_back_as_bytes(root: Path) -> None:
    assert await Git(root)("show", "HEAD:src/app.py") == b"def answer():\n    return 41\n"
    blob = (await Git(root)("hash-object", "-w", "--stdin", input=b"\0\xff")).decode().strip()
    assert await Git(root)("cat-file", "blob", blob) == b"\0\xff"


async def test_a_failure_names_command_and_reason(root: Path) -> None:
    with pytest.raises(GitFailed) as caught:
        await Git(root)("rev-parse", "--verify", "nothing\x1b]0;title\x07here")

    assert caught.value.exit_code == 128
    assert caught.value.where == str(root)
    assert "rev-parse" in caught.value.what
    assert "fatal" in caught.value.message
    assert "\x1b" not in str(caught.value)


async def test_much_output_and_much_input_do_not_block_each_other(root: Path) -> None:
    head = git_of_person(root, "rev-parse", "HEAD")

    output = await Git(root)("cat-file", "--batch-check", input=f"{head}\n".encode() * 50_000)

    assert output.count(b"\n") == 50_000


async def test_output_is_cut_at_the_limit(root: Path) -> None:
    head = git_of_person(root, "rev-parse", "HEAD")

    answer = await Git(root).ask("cat-file", "--batch", input=f"{head}\n".encode() * 50_000, limit=1000)

    assert (len(answer.output), answer.cut, answer.exit_code) == (1000, True, 0)


async def test_cancelling_leaves_no_git(root: Path) -> None:
    (root / "pipe").mkdir()
    os.mkfifo(root / "pipe" / ".gitignore")
    task = asyncio.create_task(Git(root)("ls-files", "--others", "--exclude-standard"))  # waits for the pipe
    gits: list[psutil.Process] = []

    def found() -> bool:
        gits[:] = [child for child in psutil.Process().children() if "ls-files" in child.cmdline()]
        return bool(gits)

    await eventually(found)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert not any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in gits)


async def test_a_git_that_hangs_is_ended(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(git_module, "DEFAULT_TIMEOUT", 0.2)
    os.mkfifo(root / "src" / ".gitignore")

    with pytest.raises(ProjectError, match="did not end in"):
        await Git(root)("ls-files", "--others", "--exclude-standard")


async def test_a_folder_that_is_gone_is_named(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="folder is gone"):
        await Git(tmp_path / "gone")("status")


async def test_the_hosts_own_git_variables_do_not_reach_it(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "core.bare")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "true")

    assert await Git(root).line("rev-parse", "--is-bare-repository") == "false"


def test_foreign_text_is_made_safe() -> None:
    text = b"a\x1b[31mb\x07\x00\r\n\tc\xff" + "\u202e\u200b\u2028d\x9b".encode()

    assert safe_text(text) == "a�[31mb���\n\tc����d�"
    assert len(safe_text("x" * 9999)) == 2000
