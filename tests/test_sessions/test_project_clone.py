"""A session's clone: made once, compared, committed, set aside, and brought into the person's repository."""

import os
from pathlib import Path

import pytest
from project_repositories import BRANCH, commit_all, content, git, make_repository, open_clone, repository_state

from sessions.errors import ProjectError
from sessions.project import clone as clone_module
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


async def test_a_clone_has_the_last_commit_on_its_own_branch(root: Path, session: Path) -> None:
    (root / "README.md").write_text("uncommitted\n")
    git(root, "tag", "v1", "HEAD~1")
    before = repository_state(root)

    clone = await open_clone(root, session)

    assert content(clone.folder) == {"README.md": b"sample\n\nmore\n", "src/app.py": b"def answer():\n    return 41\n"}
    assert await clone.head() == clone.base_commit == git(root, "rev-parse", "HEAD")
    assert git(clone.folder, "status", "--porcelain", "--branch") == f"## {BRANCH}"
    assert git(clone.folder, "log", "--format=%s") == "Say more\nStart"
    assert git(clone.folder, "rev-parse", "main") == clone.base_commit
    assert git(clone.folder, "describe", "--tags").startswith("v1-1-g")
    assert git(clone.folder, "remote") == ""
    assert git(clone.folder, "config", "user.name") == "Quarterdeck"
    assert repository_state(root) == before


async def test_nothing_is_shared_with_the_persons_objects(root: Path, session: Path) -> None:
    clone = await open_clone(root, session)

    for folder in (clone.folder / ".git", clone.record_folder):
        assert not (folder / "objects" / "info" / "alternates").exists()
        assert all(path.stat().st_nlink == 1 for path in (folder / "objects").rglob("*") if path.is_file())


async def test_opening_again_gives_the_same_clone(root: Path, session: Path) -> None:
    clone = await open_clone(root, session)
    (clone.folder / "new").write_text("work in progress\n")
    first = await clone.checkpoint("Work", key="1")
    (clone.folder / "new").write_text("more work\n")
    await clone.close()
    git(root, "commit", "--quiet", "--allow-empty", "--message", "The person goes on")

    repository = await require_workable(root)
    again = await SessionClone.open_or_create(repository, session, branch=BRANCH, base_commit=clone.base_commit)

    assert await again.head() == first.commit
    assert (clone.folder / "new").read_text() == "more work\n"


async def test_a_session_is_not_created_twice(root: Path, session: Path) -> None:
    clone = await open_clone(root, session)
    await clone.close()
    repository = await require_workable(root)

    with pytest.raises(ProjectError, match="has a clone already"):
        await SessionClone.create(repository, session, branch=BRANCH, base_commit=clone.base_commit)
    with pytest.raises(ProjectError, match="another commit"):
        await SessionClone.open_or_create(
            repository, session, branch=BRANCH, base_commit=git(root, "rev-parse", "HEAD~1")
        )


async def test_a_half_made_clone_is_made_anew(root: Path, session: Path) -> None:
    for partial in ("record.partial", "clone.partial"):
        (session / partial / "objects").mkdir(parents=True)
        (session / partial / "HEAD").write_text("half")

    clone = await open_clone(root, session)

    assert content(clone.folder).keys() == {"README.md", "src/app.py"}
    assert sorted(os.listdir(session)) == ["clone", "record.git", "record.lock"]  # noqa: PTH208


async def test_a_deleted_clone_comes_back_at_its_last_commit(root: Path, session: Path) -> None:
    clone = await open_clone(root, session)
    (clone.folder / "new").write_text("kept\n")
    made = await clone.checkpoint("Work", key="1")
    await clone.close()
    (session / "clone").rename(session.parent / "thrown away")

    again = await open_clone(root, session)

    assert content(again.folder)["new"] == b"kept\n"
    assert git(again.folder, "rev-parse", "HEAD") == made.commit
    assert git(again.folder, "status", "--porcelain") == ""


async def test_a_clone_that_vanishes_while_open_is_told(root: Path, session: Path) -> None:
    clone = await open_clone(root, session)
    clone.folder.rename(session / "elsewhere")

    with pytest.raises(ProjectError, match="clone is gone") as caught:
        await clone.diff(clone.base_commit)

    assert "made anew" in caught.value.next


async def test_a_lost_record_does_not_cost_the_files(root: Path, session: Path) -> None:
    clone = await open_clone(root, session)
    (clone.folder / "new").write_text("precious\n")
    await clone.close()
    clone.record_folder.rename(session.parent / "gone")

    with pytest.raises(ProjectError, match="record is gone"):
        await open_clone(root, session)

    assert (clone.folder / "new").read_text() == "precious\n"


async def test_two_hosts_cannot_open_it(root: Path, session: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clone = await open_clone(root, session)
    monkeypatch.setattr(clone_module, "_LOCK_LIMIT", 0.1)

    with pytest.raises(ProjectError, match="Another host"):
        await open_clone(root, session)

    await clone.close()
    await clone.close()
    with pytest.raises(ProjectError, match="closed"):
        await clone.head()
    await (await open_clone(root, session)).close()


@pytest.mark.parametrize(
    "branch", ["", "-x", "a..b", "a b", "a\nb", "/a", "a/", "a//b", "a.lock", "a/.b", "a;b", "ä", "a@{b"]
)
async def test_a_branch_name_that_is_not_generated_is_refused(branch: str, root: Path, session: Path) -> None:
    repository = await require_workable(root)

    with pytest.raises(ProjectError, match="cannot be a session branch"):
        await SessionClone.create(repository, session, branch=branch, base_commit=repository.head_commit)


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


async def test_a_crash_after_the_commit_is_made_good_on_opening(root: Path, session: Path) -> None:
    clone = await open_clone(root, session)
    (clone.folder / "new").write_text("x\n")
    git_dir = clone.folder / ".git"
    before = {name: (git_dir / name).read_bytes() for name in ("index", "HEAD", f"refs/heads/{BRANCH}")}
    made = await clone.checkpoint("Work", key="1")
    await clone.close()
    for name, old in before.items():
        (git_dir / name).write_bytes(old)  # as if the host had died between the commit and the Worker's seeing it
    (clone.folder / "new").write_text("begun\n")

    again = await open_clone(root, session)

    assert git(again.folder, "rev-parse", "HEAD") == made.commit
    assert git(again.folder, "status", "--porcelain") == "M new"
    assert (await again.checkpoint("Work", key="1")).commit == made.commit


async def test_stale_locks_of_a_crash_are_removed(root: Path, session: Path) -> None:
    clone = await open_clone(root, session)
    await clone.close()
    locks = [
        clone.record_folder / "index.lock",
        clone.record_folder / "HEAD.lock",
        clone.record_folder / "refs" / "heads" / f"{BRANCH}.lock",
        clone.folder / ".git" / "index.lock",
    ]
    for lock in locks:
        lock.touch()

    again = await open_clone(root, session)
    (again.folder / "new").write_text("x\n")

    assert (await again.checkpoint("Work", key="1")).made
    assert not any(lock.exists() for lock in locks)


async def test_a_lock_is_not_removed_while_a_git_of_a_crashed_host_runs(
    root: Path, session: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clone = await open_clone(root, session)
    os.mkfifo(clone.folder / "src" / ".gitignore")
    lock = clone.record_folder / "index.lock"
    lock.touch()
    # What a dead host leaves: its descriptor is closed, a git that inherited it still runs.
    git_of_the_dead = await clone._record.git._start(("ls-files", "-o", "--exclude-standard"), {}, ())
    await clone.close()
    monkeypatch.setattr(clone_module, "_LOCK_LIMIT", 0.1)

    with pytest.raises(ProjectError, match="Another host"):
        await open_clone(root, session)
    assert lock.exists()

    git_of_the_dead.terminate()
    await git_of_the_dead.communicate()
    (clone.folder / "src" / ".gitignore").unlink()
    await open_clone(root, session)
    assert not lock.exists()


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
    assert git(clone.folder, "status", "--porcelain") == "D new"


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


async def test_the_persons_excludes_hold_in_the_clone(root: Path, session: Path, home: Path) -> None:
    (home / ".gitconfig").write_text("[core]\n\texcludesFile = ~/ignored\n")
    (home / "ignored").write_text("*.swp\n")
    (root / ".git" / "info").mkdir(exist_ok=True)
    (root / ".git" / "info" / "exclude").write_text("notes.txt\n")
    clone = await open_clone(root, session)
    for name in ("x.swp", "notes.txt", "kept.txt"):
        (clone.folder / name).write_text("x\n")

    assert [change.path for change in await clone.status()] == ["kept.txt"]
