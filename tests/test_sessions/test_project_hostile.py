"""A Worker may write anything into its clone, its `.git` included: nothing of it runs in the host's name."""

import os
import re
from pathlib import Path

import pytest
from project_repositories import BRANCH, git, make_repository, open_clone

from sessions.project.changes import LeftOut
from sessions.project.clone import SessionClone


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_repository(tmp_path / "sample")


@pytest.fixture
async def clone(root: Path, tmp_path: Path) -> SessionClone:
    home = tmp_path / "session"
    home.mkdir()
    return await open_clone(root, home)


@pytest.fixture
def touched(tmp_path: Path) -> Path:
    """A file that exists once a program of the Worker has run."""
    return tmp_path / "touched"


@pytest.fixture
def program(tmp_path: Path, touched: Path) -> Path:
    """The Worker's program: it tells that it ran, and passes its input on."""
    path = tmp_path / "program"
    path.write_text(f'#!/bin/sh\necho "$0 $*" >> {touched}\ncat\n')
    path.chmod(0o755)
    return path


def has_run(touched: Path) -> bool:
    return touched.exists()


async def use_everything(clone: SessionClone, root: Path) -> None:
    """Have the host do all it does with a clone."""
    await clone.status()
    await clone.diff(clone.base_commit)
    await clone.changed_outside(["src/**"], clone.base_commit)
    await clone.files()
    await clone.contents(tokens=1000)
    await clone.checkpoint("Work", key="1")
    (clone.folder / "README.md").write_text("once more\n")
    await clone.set_aside(await clone.head())
    await clone.restore(clone.base_commit)
    await clone.export_to(root, "refs/quarterdeck/s1")
    await clone.close()


def configure(clone_git: Path, program: Path) -> None:
    """Name the program everywhere that git starts one."""
    for name in (
        "core.fsmonitor",
        "core.sshCommand",
        "core.pager",
        "core.editor",
        "core.askPass",
        "core.gitProxy",
        "core.alternateRefsCommand",
        "diff.external",
        "diff.evil.command",
        "diff.evil.textconv",
        "filter.evil.clean",
        "filter.evil.smudge",
        "filter.evil.process",
        "merge.evil.driver",
        "gpg.program",
        "gpg.ssh.program",
        "uploadpack.packObjectsHook",
        "credential.helper",
        "trailer.evil.command",
        "interactive.diffFilter",
        "sequence.editor",
        "remote.origin.uploadpack",
    ):
        git(clone_git, "config", "--file", "config", name, str(program))
    for name, value in (
        ("commit.gpgSign", "true"),
        ("log.showSignature", "true"),
        ("filter.evil.required", "true"),
        ("extensions.partialClone", "origin"),
        ("remote.origin.promisor", "true"),
        ("remote.origin.url", f"ext::{program}"),
        ("protocol.ext.allow", "always"),
        ("protocol.allow", "always"),
        ("diff.trustExitCode", "true"),
        ("submodule.recurse", "true"),
        ("diff.submodule", "diff"),
        ("gc.auto", "1"),
        ("core.hooksPath", str(clone_git / "hooks")),
    ):
        git(clone_git, "config", "--file", "config", name, value)
    hooks = clone_git / "hooks"
    hooks.mkdir(exist_ok=True)
    for hook in re.findall(
        r"\S+",
        "pre-commit post-commit commit-msg prepare-commit-msg post-checkout post-merge post-index-change update "
        "pre-receive post-receive post-update reference-transaction fsmonitor-watchman pre-push pre-auto-gc",
    ):
        (hooks / hook).symlink_to(program)


async def test_no_configuration_of_the_clone_runs_in_the_hosts_name(
    clone: SessionClone, root: Path, program: Path, touched: Path
) -> None:
    (clone.folder / ".gitattributes").write_text("* filter=evil diff=evil merge=evil\n")
    (clone.folder / "src" / "app.py").write_text("changed\n")
    (clone.folder / "README.md").write_text("changed\n")
    configure(clone.folder / ".git", program)

    await use_everything(clone, root)

    assert not has_run(touched)
    # The trap is live: the Worker's own git falls into it.
    git(clone.folder, "status", check=False)
    assert has_run(touched)


async def test_no_configuration_of_a_nested_repository_runs_either(
    clone: SessionClone, root: Path, program: Path, touched: Path, tmp_path: Path
) -> None:
    nested = clone.folder / "vendor" / "thing"
    make_repository(nested)
    configure(nested / ".git", program)
    (nested / "README.md").write_text("changed\n")

    diff = await clone.diff(clone.base_commit)
    await use_everything(clone, root)

    assert diff.files == ()
    assert diff.left_out == (LeftOut("vendor/thing/", "a git repository inside the project is not part of it"),)
    assert not has_run(touched)
    assert (nested / "README.md").read_text() == "changed\n"


async def test_no_configuration_of_a_submodule_runs_either(
    root: Path, tmp_path: Path, program: Path, touched: Path
) -> None:
    make_repository(tmp_path / "part")
    git(root, "-c", "protocol.file.allow=always", "submodule", "add", "--quiet", str(tmp_path / "part"), "part")
    git(root, "commit", "--quiet", "--message", "Add a part")
    home = tmp_path / "session"
    home.mkdir()
    clone = await open_clone(root, home)
    git(clone.folder, "-c", "protocol.file.allow=always", "submodule", "--quiet", "update", "--init")
    configure(clone.folder / ".git" / "modules" / "part", program)
    (clone.folder / "part" / "README.md").write_text("changed inside\n")
    (clone.folder / "README.md").write_text("changed\n")

    diff = await clone.diff(clone.base_commit)
    await use_everything(clone, root)

    assert [change.path for change in diff.files] == ["README.md"]
    assert diff.left_out == (LeftOut("part", "the content of a submodule is not part of the project"),)
    assert not has_run(touched)
    assert git(root, "ls-tree", "refs/quarterdeck/s1", "part").startswith("160000 commit")


async def test_a_submodule_may_be_removed(root: Path, tmp_path: Path) -> None:
    make_repository(tmp_path / "part")
    git(root, "-c", "protocol.file.allow=always", "submodule", "add", "--quiet", str(tmp_path / "part"), "part")
    git(root, "commit", "--quiet", "--message", "Add a part")
    home = tmp_path / "session"
    home.mkdir()
    clone = await open_clone(root, home)
    (clone.folder / "part").rmdir()
    (clone.folder / "part").write_text("a file instead\n")

    assert [(change.path, change.status) for change in await clone.status()] == [("part", "type changed")]


async def test_attributes_cannot_hide_a_change(clone: SessionClone) -> None:
    (clone.folder / ".gitattributes").write_text("*.py binary -diff\n")
    (clone.folder / "src" / "app.py").write_text("def answer():\n    return 'hidden?'\n")

    diff = await clone.diff(clone.base_commit)

    assert "return 'hidden?'" in diff.text
    assert [(change.path, change.binary) for change in diff.files] == [(".gitattributes", False), ("src/app.py", False)]


async def test_tricks_with_the_clones_index_hide_nothing(clone: SessionClone) -> None:
    git(clone.folder, "update-index", "--assume-unchanged", "README.md")
    git(clone.folder, "update-index", "--skip-worktree", "src/app.py")
    (clone.folder / ".git" / "info" / "exclude").write_text("*\n")
    (clone.folder / "README.md").write_text("changed\n")
    (clone.folder / "src" / "app.py").write_text("changed\n")
    (clone.folder / "new").write_text("x\n")

    assert [change.path for change in await clone.status()] == ["README.md", "new", "src/app.py"]


@pytest.mark.parametrize(
    "spoil",
    [
        "rm -rf .git",
        "rm -rf .git/objects",
        "echo no > .git/config",
        "echo no > .git/HEAD",
        "rm -rf .git && ln -s /tmp .git",
        "rm -rf .git && echo gitdir: /nowhere > .git",
        "rm -rf .git/refs && ln -s /tmp .git/refs",
        "rm -rf .git/refs/heads && touch .git/refs/heads",
        "rm -rf .git/refs/heads/quarterdeck .git/logs && git update-ref refs/heads/quarterdeck main",
        "rm -f .git/index && mkdir .git/index",
        "git checkout -q -b elsewhere && git commit -q --allow-empty -m mine && git branch -D quarterdeck/s1",
        "git pack-refs --all && git gc -q",
        "git worktree add -q ../other && git checkout -q --detach HEAD~1",
        "git reset -q --hard HEAD~1",
    ],
)
async def test_a_spoiled_git_folder_costs_the_worker_and_not_the_work(
    spoil: str, clone: SessionClone, root: Path
) -> None:
    assert os.system(f"cd '{clone.folder}' && {spoil} > /dev/null 2>&1") == 0  # noqa: ASYNC221
    (clone.folder / "new").write_text("the work\n")

    made = await clone.checkpoint("Work", key="1")

    assert made.made
    assert await clone.export_to(root, "refs/quarterdeck/s1") == made.commit
    assert git(root, "show", "refs/quarterdeck/s1:new") == "the work"
    if "config" not in spoil:
        assert git(clone.folder, "rev-parse", "HEAD") == made.commit
        assert git(clone.folder, "symbolic-ref", "--short", "HEAD") == BRANCH
        assert git(clone.folder, "status", "--porcelain") == ""
        git(clone.folder, "fsck", "--strict", "--no-dangling")
