"""A session's clone: made once, compared, committed, set aside, and brought into the person's repository."""

import asyncio
import os
import sys
from pathlib import Path

import pytest
from project_repositories import BRANCH, content, git, make_repository, open_clone, repository_state

from sessions.errors import ProjectError
from sessions.project import clone as clone_module
from sessions.project.clone import SessionClone
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
    assert git(again.folder, "status", "--porcelain") == " M new"
    assert (await again.checkpoint("Work", key="1")).commit == made.commit


HOST = """
import asyncio, os, signal, sys
from pathlib import Path
from sessions.project.clone import SessionClone
from sessions.project.git import Git
from sessions.project.inspection import require_workable

root, home, left = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
start = Git._start

async def counted(self, *arguments):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return await start(self, *arguments)

async def work():
    repository = await require_workable(root)
    Git._start = counted
    clone = await SessionClone.open_or_create(
        repository, home, branch="quarterdeck/s1", base_commit=repository.head_commit
    )
    (clone.folder / "new").write_text("x")
    await clone.checkpoint("Work", key="1")
    await clone.export_to(root, "refs/quarterdeck/s1")

asyncio.run(work())
"""


async def test_a_host_killed_at_any_step_goes_on_where_it_was(root: Path, tmp_path: Path) -> None:
    killed, finished = 0, False
    for step in range(1, 100, 4):
        home = tmp_path / f"session {step}"
        home.mkdir()
        program = [sys.executable, "-c", HOST, str(root), str(home), str(step)]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        host = await asyncio.create_subprocess_exec(*program, env=environment)
        finished = await host.wait() == 0
        if finished:
            break
        killed += 1

        clone = await open_clone(root, home)
        (clone.folder / "new").write_text("x")
        made = await clone.checkpoint("Work", key="1")

        assert made.commit == await clone.head()
        assert git(clone.record_folder, "rev-list", "--count", f"{clone.base_commit}..{made.commit}") == "1"
        assert git(clone.folder, "status", "--porcelain", "--branch") == f"## {BRANCH}"
        assert git(clone.folder, "rev-parse", "HEAD") == made.commit
        assert git(clone.record_folder, "fsck", "--no-dangling") == ""
        await clone.close()
    assert killed > 5
    assert finished


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


async def test_the_persons_excludes_hold_in_the_clone(root: Path, session: Path, home: Path) -> None:
    (home / ".gitconfig").write_text("[core]\n\texcludesFile = ~/ignored\n")
    (home / "ignored").write_text("*.swp\n")
    (root / ".git" / "info").mkdir(exist_ok=True)
    (root / ".git" / "info" / "exclude").write_text("notes.txt\n")
    clone = await open_clone(root, session)
    for name in ("x.swp", "notes.txt", "kept.txt"):
        (clone.folder / name).write_text("x\n")

    assert [change.path for change in await clone.status()] == ["kept.txt"]
