"""The session branch reaches the person's repository as a hidden ref, and nothing else of theirs changes."""

import os
from pathlib import Path

import pytest
from project_repositories import BRANCH, git, make_repository, open_clone, repository_state, set_mode

from sessions.errors import ProjectError
from sessions.project.inspection import require_workable


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_repository(tmp_path / "sample")


@pytest.fixture
def session(tmp_path: Path) -> Path:
    folder = tmp_path / "session"
    folder.mkdir()
    return folder


async def test_the_branch_reaches_the_person_as_a_hidden_ref_alone(root: Path, session: Path) -> None:
    (root / "README.md").write_text("uncommitted\n")
    clone = await open_clone(root, session)
    (clone.folder / "new").write_text("x\n")
    made = await clone.checkpoint("Work", key="1")
    before = repository_state(root)

    assert await clone.export_to(root, "refs/quarterdeck/s1") == made.commit

    assert git(root, "rev-parse", "refs/quarterdeck/s1") == made.commit
    assert git(root, "show", "refs/quarterdeck/s1:new") == "x"
    assert repository_state(root) == before

    (clone.folder / "new").write_text("y\n")
    later = await clone.checkpoint("More", key="2")
    await clone.export_to(root / "src", "refs/quarterdeck/s1")
    assert git(root, "rev-parse", "refs/quarterdeck/s1") == later.commit
    assert git(root, "fsck", "--strict") == ""


@pytest.mark.parametrize(
    "ref", ["refs/heads/main", "HEAD", "refs/quarterdeck/", "refs/quarterdeck/../heads/main", "main", ""]
)
async def test_no_other_ref_of_the_person_is_written(ref: str, root: Path, session: Path) -> None:
    clone = await open_clone(root, session)
    before = repository_state(root)

    with pytest.raises(ProjectError, match="no ref of ours"):
        await clone.export_to(root, ref)

    assert repository_state(root) == before


async def test_an_export_runs_no_hook_of_the_repository(root: Path, session: Path, tmp_path: Path) -> None:
    touched = tmp_path / "touched"
    hooks = root / ".git" / "hooks"
    hooks.mkdir(exist_ok=True)
    for name in ("reference-transaction", "post-receive", "update", "post-checkout", "post-merge", "pre-auto-gc"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {touched}\n")
        (hooks / name).chmod(0o755)
    clone = await open_clone(root, session)
    (clone.folder / "new").write_text("x\n")
    await clone.checkpoint("Work", key="1")

    await clone.export_to(root, "refs/quarterdeck/s1")

    assert not touched.exists()


async def test_a_ref_that_is_in_the_way_is_told(root: Path, session: Path) -> None:
    clone = await open_clone(root, session)
    git(root, "update-ref", "refs/quarterdeck/s1/deeper", "HEAD")

    with pytest.raises(ProjectError, match="refs/quarterdeck/s1"):
        await clone.export_to(root, "refs/quarterdeck/s1")


async def test_a_read_only_repository_is_told(root: Path, session: Path) -> None:
    clone = await open_clone(root, session)
    (clone.folder / "new").write_text("x\n")
    await clone.checkpoint("Work", key="1")
    folders = [root / ".git", *(path for path in (root / ".git").rglob("*") if path.is_dir())]
    set_mode(folders, 0o555)
    try:
        if os.access(root / ".git", os.W_OK):
            pytest.skip("root writes to every folder")
        with pytest.raises(ProjectError, match="cannot be written") as caught:
            await clone.export_to(root, "refs/quarterdeck/s1")
        assert "Nothing is lost" in caught.value.next
    finally:
        set_mode(folders, 0o755)


async def test_what_a_check_of_objects_refuses_is_told(root: Path, session: Path) -> None:
    clone = await open_clone(root, session)
    (clone.folder / ".gitmodules").write_text('[submodule "x"]\n\tpath = x\n\turl = -u./payload\n')
    await clone.checkpoint("Work", key="1")

    with pytest.raises(ProjectError, match="refuses what the session committed"):
        await clone.export_to(root, "refs/quarterdeck/s1")

    assert git(root, "for-each-ref", "refs/quarterdeck") == ""


async def test_every_kind_of_repository_can_be_worked_on(root: Path, tmp_path: Path) -> None:
    git(root, "worktree", "add", "-b", "feat/$(x);\"'", str(tmp_path / "linked"))
    git(tmp_path, "clone", "--quiet", "--depth=1", f"file://{root}", "shallow")
    detached = make_repository(tmp_path / "detached")
    git(detached, "checkout", "--quiet", "--detach", "HEAD~1")
    modern = make_repository(tmp_path / "modern", "--object-format=sha256")
    blocked = make_repository(tmp_path / "blocked")
    git(blocked, "checkout", "--quiet", "-b", "quarterdeck")  # a file where the session branch needs a folder

    for number, place in enumerate([tmp_path / "linked" / "src", tmp_path / "shallow", detached, modern, blocked]):
        home = tmp_path / f"session {number}"
        home.mkdir()
        clone = await open_clone(place, home)
        (clone.folder / "new").write_text("x\n")
        made = await clone.checkpoint("Work", key="1")

        assert git(clone.folder, "status", "--porcelain", "--branch") == f"## {BRANCH}"
        assert await clone.export_to((await require_workable(place)).root, "refs/quarterdeck/s1") == made.commit
        assert git(place, "show", "refs/quarterdeck/s1:new") == "x"
        assert git(place, "fsck", "--no-dangling") == ""
