"""The `.git` inside the clone: a Worker's to use and to spoil. The host makes it and keeps it up to date.

Objects go in through the host's own repository with only the object folder swapped; branch, HEAD and index are written
as files. No configuration from here is ever read. What does not fit any more is simply made anew.
"""

import asyncio
import os
import secrets
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path

from sessions.project.git import Git, GitFailed
from sessions.project.identity import Identity


@dataclass(frozen=True, slots=True)
class WorkerRepository:
    """The repository a Worker sees in its clone."""

    record: Path
    branch: str
    identity: Identity
    lock: int

    async def make(self, clone: Path) -> None:
        """Make a fresh repository in a clone's folder, in place of whatever is called `.git` there.

        It has the session branch checked out, the branch the session started from, and no remote.
        """
        partial = clone.parent / f".worker-{secrets.token_hex(4)}.partial"
        try:
            await self._build(partial)
            await asyncio.to_thread(_take_place, partial / ".git", clone / ".git")
        finally:
            await asyncio.to_thread(shutil.rmtree, partial, ignore_errors=True)
        await self._write_index(clone, f"refs/heads/{self.branch}")

    async def _build(self, folder: Path) -> None:
        git = Git(folder.parent, isolated=True, lock=self.lock)
        kind = await self._git().line("rev-parse", "--show-object-format")
        await git("init", "--quiet", "--template=", "--initial-branch=unborn", f"--object-format={kind}", str(folder))
        git = Git(folder, isolated=True, lock=self.lock)
        await git(
            "fetch",
            "--quiet",
            "--no-write-fetch-head",
            "--update-shallow",
            "--",
            str(self.record),
            "refs/heads/*:refs/heads/*",
            settings=("protocol.file.allow=always",),
        )
        await git("symbolic-ref", "HEAD", f"refs/heads/{self.branch}")
        for name, value in (
            ("user.name", self.identity.name),
            ("user.email", self.identity.email),
            ("commit.gpgSign", "false"),
            ("gc.auto", "0"),
            ("push.default", "nothing"),
        ):
            await git("config", name, value)
        await asyncio.to_thread(_copy_excludes, self.record / "info", folder / ".git" / "info")

    async def bring_up_to_date(self, clone: Path, commit: str, known: str) -> None:
        """Let the Worker's git see a commit as its HEAD, with an index that fits it.

        Args:
            known: An earlier commit whose objects the Worker's repository has already.
        """
        try:
            if commit != known:
                await self._bring_objects(clone, commit, known)
            await asyncio.to_thread(self._point_at, clone, commit)
            await self._write_index(clone, commit)
        except (OSError, GitFailed):
            # The Worker may have done anything to it.
            await self.make(clone)

    async def _bring_objects(self, clone: Path, commit: str, known: str) -> None:
        objects = clone / ".git" / "objects"
        for folder in (clone / ".git", objects):
            _require_real_folder(folder)
        git = self._git()
        wanted = f"{commit}\n^{known}\n".encode("ascii")
        pack = await git("pack-objects", "--quiet", "--revs", "--stdout", input=wanted)
        await git("unpack-objects", "-q", input=pack, environment={"GIT_OBJECT_DIRECTORY": str(objects)})

    def _point_at(self, clone: Path, commit: str) -> None:
        folder = clone / ".git"
        for name in ("refs", "heads", *self.branch.split("/")[:-1]):
            folder /= name
            if not folder.exists():
                folder.mkdir()
            _require_real_folder(folder)
        _replace(folder / self.branch.split("/")[-1], f"{commit}\n".encode("ascii"))
        _replace(clone / ".git" / "HEAD", f"ref: refs/heads/{self.branch}\n".encode())

    async def _write_index(self, clone: Path, commit: str) -> None:
        """Give the Worker an index of just this commit, with what the host's index knows of the files on disk.

        The host's own index will not do: it names uncommitted content, which the Worker's repository does not have.
        """
        scratch = self.record / "worker-index"
        await asyncio.to_thread(shutil.copyfile, self.record / "index", scratch)
        await self._git()("read-tree", "--reset", commit, environment={"GIT_INDEX_FILE": str(scratch)})
        _require_real_folder(clone / ".git")
        await asyncio.to_thread(lambda: _replace(clone / ".git" / "index", scratch.read_bytes()))

    def _git(self) -> Git:
        return Git(self.record, git_dir=self.record, isolated=True, lock=self.lock)


def remove_locks(git_dir: Path) -> None:
    """Remove every lock file of a repository. Only when it is sure that no git works in it."""
    for lock in (*git_dir.glob("*.lock"), *(git_dir / "refs").rglob("*.lock")):
        if not lock.is_dir():
            lock.unlink(missing_ok=True)


def _take_place(new: Path, old: Path) -> None:
    """Put a folder where another, a file, a link or nothing was."""
    if old.is_symlink() or old.is_file():
        old.unlink()
    elif old.exists():
        away = new.parent / "old.git"
        old.rename(away)
        shutil.rmtree(away, ignore_errors=True)
    new.rename(old)


def _copy_excludes(record: Path, worker: Path) -> None:
    """Let the Worker's git ignore what the host's does."""
    worker.mkdir(exist_ok=True)
    shutil.copyfile(record / "exclude", worker / "exclude")


def _require_real_folder(path: Path) -> None:
    """Refuse a symbolic link, which would make the host write elsewhere."""
    if not stat.S_ISDIR(path.lstat().st_mode):
        raise NotADirectoryError(str(path))


def _replace(path: Path, content: bytes) -> None:
    """Write a file in one step, never through a link that is already there."""
    temporary = path.with_name(f".{secrets.token_hex(4)}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644)
    try:
        with open(descriptor, "wb") as file:  # noqa: PTH123  a descriptor
            file.write(content)
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
