"""What changed in a clone is shown, committed once, set aside, and measured against a task's scope."""

import os
from pathlib import Path

import pytest
from project_repositories import BRANCH, commit_all, content, git, make_repository, open_clone

from sessions.project.changes import FileChange
from sessions.project.clone import SessionClone
from sessions.project.identity import Identity
from sessions.project.inspection import require_workable


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_repository(tmp_path / "sample")


@pytest.fixture
def session(tmp_path: Path) -> Path:
    folder = tmp_path / "session"
    folder.mkdir()
    return folder


async def test_a_diff_has_everything_that_is_not_ignored(root: Path, session: Path) -> None:
    (root / ".gitignore").write_text("*.log\nbuild/\n")
    commit_all(root, "Ignore")
    clone = await open_clone(root, session)
    folder = clone.folder
    (folder / "src" / "app.py").write_text("def answer():\n    return 42\n")
    (folder / "README.md").unlink()
    (folder / "new.txt").write_text("one\ntwo\n")
    (folder / "noise.log").write_text("ignored\n")
    (folder / "build").mkdir()
    (folder / "build" / "out").write_text("ignored\n")
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "app.pyc").write_text("what a test run leaves\n")
    index = (folder / ".git" / "index").read_bytes()

    diff = await clone.diff(clone.base_commit)

    assert diff.files == (
        FileChange("README.md", 0, 3, "deleted", binary=False),
        FileChange("new.txt", 2, 0, "added", binary=False),
        FileChange("src/app.py", 1, 1, "changed", binary=False),
    )
    assert (diff.added, diff.removed, diff.truncated, diff.left_out) == (3, 4, False, ())
    assert "-    return 41\n+    return 42\n" in diff.text
    assert "+two\n" in diff.text
    assert await clone.status() == diff.files
    assert (folder / ".git" / "index").read_bytes() == index


async def test_a_renamed_file_counts_its_changed_lines_only(root: Path, session: Path) -> None:
    (root / "long.txt").write_text("".join(f"{number}\n" for number in range(100)))
    commit_all(root, "Long")
    clone = await open_clone(root, session)
    (clone.folder / "long.txt").rename(clone.folder / "moved.txt")

    diff = await clone.diff(clone.base_commit)

    assert diff.files == (FileChange("moved.txt", 0, 0, "renamed", binary=False, old_path="long.txt"),)
    assert await clone.changed_outside(["moved.txt"], clone.base_commit) == ("long.txt",)


async def test_a_long_diff_is_cut_at_a_line(root: Path, session: Path) -> None:
    clone = await open_clone(root, session)
    (clone.folder / "long").write_text("zeile\u00fc\n" * 10_000)

    diff = await clone.diff(clone.base_commit, limit=5_000)

    assert diff.truncated
    assert len(diff.text.encode()) <= 5_000
    assert diff.text.endswith("+zeile\u00fc\n")
    assert diff.added == 10_000
    assert not (await clone.diff(clone.base_commit, limit=None)).truncated


async def test_a_checkpoint_commits_everything_once(root: Path, session: Path) -> None:
    clone = await open_clone(root, session)
    (clone.folder / "new").write_text("x\n")

    made = await clone.checkpoint(
        "T1: say\nhello", "Attempt 1, tests passed.", {"Task": "T1", "Attempt": "1"}, key="T1/1"
    )

    assert made.made
    assert made.commit == await clone.head()
    message = git(clone.folder, "log", "-1", "--format=%B", str(made.commit))
    assert message == ("T1: say hello\n\nAttempt 1, tests passed.\n\nTask: T1\nAttempt: 1\nCheckpoint-Key: T1/1")
    assert git(clone.folder, "log", "-1", "--format=%an <%ae> %cn <%ce>") == (
        "Quarterdeck <quarterdeck@localhost> Quarterdeck <quarterdeck@localhost>"
    )
    assert git(clone.folder, "rev-parse", f"{made.commit}^") == clone.base_commit
    assert git(clone.folder, "status", "--porcelain", "--branch") == f"## {BRANCH}"

    (clone.folder / "new").write_text("changed meanwhile\n")
    again = await clone.checkpoint("T1: again", key="T1/1")

    assert (again.commit, again.made) == (made.commit, False)
    assert await clone.head() == made.commit
    assert await clone.find_checkpoint("T1/1") == made.commit
    assert await clone.find_checkpoint("T1/2") is None


async def test_a_checkpoint_without_changes_makes_no_commit(root: Path, session: Path) -> None:
    clone = await open_clone(root, session)

    nothing = await clone.checkpoint("Nothing", key="1")

    assert (nothing.commit, nothing.made) == (None, False)
    assert await clone.head() == clone.base_commit


async def test_the_persons_identity_signs_when_given(root: Path, session: Path) -> None:
    repository = await require_workable(root)
    clone = await SessionClone.create(
        repository,
        session,
        branch=BRANCH,
        base_commit=repository.head_commit,
        identity=Identity("Ada", "ada@example.invalid"),
    )
    (clone.folder / "new").write_text("x\n")

    made = await clone.checkpoint("Work", key="1")

    assert git(clone.folder, "log", "-1", "--format=%an <%ae>", str(made.commit)) == "Ada <ada@example.invalid>"
    assert git(clone.folder, "config", "user.email") == "ada@example.invalid"


async def test_text_cannot_forge_a_trailer_or_a_terminal(root: Path, session: Path) -> None:
    clone = await open_clone(root, session)
    (clone.folder / "new").write_text("x\n")
    body = "Done.\n\nCheckpoint-Key: T9/9\nTask: T9"

    made = await clone.checkpoint(
        "\x1b]0;title\x07 subject\u202e", body, {"Task": "T1\nCheckpoint-Key: T8/8", "Empty": " "}, key="T1/1"
    )

    assert await clone.find_checkpoint("T9/9") is None
    assert await clone.find_checkpoint("T8/8") is None
    assert await clone.find_checkpoint("T1/1") == made.commit
    shown = git(clone.folder, "log", "-1", "--format=%B", str(made.commit))
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    with pytest.raises(ValueError, match="trailer"):
        await clone.checkpoint("Work", "", {"Not a name": "x"}, key="2")
    with pytest.raises(ValueError, match="trailer"):
        await clone.checkpoint("Work", "", {"Checkpoint-Key": "x"}, key="2")


async def test_setting_aside_takes_everything_back_and_keeps_the_patch(root: Path, session: Path) -> None:
    (root / "script.sh").write_text("#!/bin/sh\n")
    (root / "link").symlink_to("README.md")
    commit_all(root, "More kinds")
    clone = await open_clone(root, session)
    before = content(clone.folder)
    folder = clone.folder
    (folder / "src" / "app.py").write_text("broken\n")
    (folder / "README.md").unlink()
    (folder / "new").mkdir()
    (folder / "new" / "data.bin").write_bytes(bytes(range(256)) * 10)
    (folder / "script.sh").chmod(0o755)
    (folder / "link").unlink()
    (folder / "link").write_text("now a file\n")
    changed = content(folder)

    patch = await clone.set_aside(clone.base_commit)

    assert content(folder) == before
    assert (folder / "link").is_symlink()
    assert not os.access(folder / "script.sh", os.X_OK)
    assert git(folder, "status", "--porcelain") == ""
    assert (await clone.diff(clone.base_commit)).files == ()

    git(folder, "apply", "--binary", input=patch)
    assert content(folder) == changed
    assert os.access(folder / "script.sh", os.X_OK)


async def test_restoring_an_older_commit_leaves_the_branch(root: Path, session: Path) -> None:
    clone = await open_clone(root, session)
    (clone.folder / "new").write_text("x\n")
    made = await clone.checkpoint("Work", key="1")
    (clone.folder / "junk").write_text("x\n")

    await clone.restore(clone.base_commit)

    assert content(clone.folder).keys() == {"README.md", "src/app.py"}
    assert await clone.head() == made.commit
    assert git(clone.folder, "status", "--porcelain") == " D new"


async def test_changes_outside_the_scope_are_listed(root: Path, session: Path) -> None:
    clone = await open_clone(root, session)
    (clone.folder / "src" / "app.py").write_text("x\n")
    (clone.folder / "README.md").write_text("x\n")
    (clone.folder / "new").write_text("x\n")

    assert await clone.changed_outside(["src/**"], clone.base_commit) == ("README.md", "new")
    assert await clone.changed_outside([], clone.base_commit) == ()
    assert await clone.changed_outside(["**"], clone.base_commit) == ()


async def test_files_and_their_contents_are_read_as_they_are_now(root: Path, session: Path) -> None:
    clone = await open_clone(root, session)
    (clone.folder / "new.txt").write_text("fresh\n")
    (clone.folder / "picture").write_bytes(b"\x89PNG\0\0")
    (clone.folder / "secret").symlink_to("/etc/passwd")
    (clone.folder / "large.txt").write_text("x" * 3_000)

    assert await clone.files() == ("README.md", "large.txt", "new.txt", "picture", "secret", "src/app.py")
    text = await clone.contents(tokens=500)

    assert "=== new.txt\nfresh\n" in text
    assert "=== src/app.py\ndef answer():" in text
    assert "root:" not in text
    assert "not shown (large or binary): large.txt, picture" in text
    assert "x" * 3_000 in await clone.contents(tokens=5_000)
