"""A session's clone: the folder its agents work in, and the host's record of what was done there.

In the session's folder lie `clone/`, with a `.git` for the Worker's own use, and `record.git`, which only the host
uses. Diffs, commits and exports come from the record reading the clone's files; see `record` for why.
"""

import asyncio
import contextlib
import fcntl
import os
import re
import shutil
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sessions.errors import ProjectError
from sessions.project.changes import Diff, FileChange, LeftOut
from sessions.project.contents import list_files, read_contents
from sessions.project.git import Git, GitFailed
from sessions.project.identity import QUARTERDECK, Identity
from sessions.project.inspection import Repository
from sessions.project.message import commit_message
from sessions.project.record import Record, make_record
from sessions.project.scope import outside_scope
from sessions.project.worker_repository import WorkerRepository, remove_locks

DIFF_LIMIT = 2_000_000
"""Bytes of patch text that `SessionClone.diff` gives unless told otherwise."""

_EXPORTS = "refs/quarterdeck/"
_BRANCH = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]|[./](?=[A-Za-z0-9_]))*(?<!\.lock)")
_LOCK_LIMIT = 30.0
"""Seconds to wait for gits that a crashed host left; each ends by itself."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What committing came to."""

    commit: str | None
    """The commit that has the key; None when nothing had changed, so that none was made."""
    made: bool
    """False when the commit was there already, or there is none."""
    left_out: tuple[LeftOut, ...] = ()


class SessionClone:
    """The clone of one session. Its methods take turns; two hosts cannot have it open at once.

    Made by `create`, `open_or_create`; given back by `close`.
    """

    def __init__(self, home: Path, branch: str, base_commit: str, identity: Identity, lock: int) -> None:
        self.folder = home / "clone"
        """Where agents work and programs run."""
        self.record_folder = home / "record.git"
        """The host's repository. A person may look at it with `git --git-dir`."""
        self.branch = branch
        self.base_commit = base_commit
        self._home = home
        self._identity = identity
        self._lock = lock
        self._record = Record(self.record_folder, self.folder, branch, lock)
        self._worker = WorkerRepository(self.record_folder, branch, identity, lock)
        self._turn = asyncio.Lock()

    @classmethod
    async def create(
        cls,
        repository: Repository,
        folder: Path,
        *,
        branch: str,
        base_commit: str,
        identity: Identity = QUARTERDECK,
    ) -> "SessionClone":
        """Make a session's clone in its folder.

        Raises:
            ProjectError: If there is one already, or the commit cannot be copied.
        """
        for name in ("clone", "record.git"):
            if (folder / name).exists():
                raise ProjectError(
                    "The session has a clone already", where=str(folder / name), next="Take the session up instead"
                )
        return await cls.open_or_create(repository, folder, branch=branch, base_commit=base_commit, identity=identity)

    @classmethod
    async def open_or_create(
        cls,
        repository: Repository,
        folder: Path,
        *,
        branch: str,
        base_commit: str,
        identity: Identity = QUARTERDECK,
    ) -> "SessionClone":
        """Open a session's clone, making what is missing of it: all of it, what a crash left undone, a deleted folder.

        No agent or program of the session may run: locks that killed gits left behind are removed.

        Args:
            folder: The session's own folder.
            branch: The session branch, `quarterdeck/<session-id>`.
            base_commit: Where it starts; only used, and then compared, when the clone exists.

        Raises:
            ProjectError: If it cannot be made, belongs to another start, or another host has it open.
        """
        if not _BRANCH.fullmatch(branch):
            raise ProjectError(f"{branch!r} cannot be a session branch", next="Use letters, digits, - and /")
        lock = await _lock(folder / "record.lock")
        try:
            clone = cls(folder, branch, base_commit, identity, lock)
            await clone._complete(repository)
        except BaseException:
            os.close(lock)
            raise
        return clone

    async def _complete(self, repository: Repository) -> None:
        await asyncio.to_thread(self._clear_up)
        if not self.record_folder.exists():
            if self.folder.exists():
                raise ProjectError(
                    "The session's record is gone, but its clone is there",
                    where=str(self.record_folder),
                    next=f"Save what you need from {self.folder}, remove it, and start a new session",
                )
            partial = self._home / "record.partial"
            await make_record(partial, repository, self.branch, self.base_commit, self._lock)
            partial.rename(self.record_folder)
        if await self._record.base() != self.base_commit:
            raise ProjectError("The session's record starts from another commit", where=str(self.record_folder))
        head = await self._record.head()
        if not self.folder.exists():
            partial = self._home / "clone.partial"
            partial.mkdir(mode=0o700)
            await self._record.check_out(partial)
            await self._worker.make(partial)
            partial.rename(self.folder)
        else:
            # A crash may have come between a commit and the Worker's seeing it.
            await self._worker.bring_up_to_date(self.folder, head, self.base_commit)

    def _clear_up(self) -> None:
        for partial in self._home.glob("*.partial"):
            shutil.rmtree(partial)
        if self.record_folder.exists():
            remove_locks(self.record_folder)
        if (self.folder / ".git").is_dir():
            remove_locks(self.folder / ".git")

    async def close(self) -> None:
        """Let another host open it. Safe to repeat."""
        async with self._turn:
            if self._lock >= 0:
                os.close(self._lock)
                self._lock = -1

    async def head(self) -> str:
        """The session branch's newest commit."""
        async with self._using():
            return await self._record.head()

    async def diff(self, base: str, *, limit: int | None = DIFF_LIMIT) -> Diff:
        """Everything that differs from a commit now, uncommitted and untracked files included, ignored ones not.

        Args:
            limit: Bytes of patch text; None for all of it.
        """
        async with self._using():
            return await self._record.diff(base, await self._record.snapshot(), limit)

    async def status(self) -> tuple[FileChange, ...]:
        """The files that differ from the newest commit."""
        async with self._using():
            snapshot = await self._record.snapshot()
            return await self._record.changes(await self._record.head(), snapshot.tree)

    async def checkpoint(
        self, subject: str, body: str = "", trailers: Mapping[str, str] | None = None, *, key: str
    ) -> Checkpoint:
        """Commit everything that changed, once for each key.

        After a crash the same call gives the commit it made, whatever has changed since.

        Raises:
            ValueError: If a trailer's name is malformed.
        """
        message = commit_message(subject, body, trailers or {}, key)
        async with self._using():
            head = await self._record.head()
            if (done := await self._record.find(key)) is not None:
                if done == head:
                    # The call that made it may have ended before the Worker's repository followed.
                    await self._worker.bring_up_to_date(self.folder, head, self.base_commit)
                return Checkpoint(done, made=False)
            snapshot = await self._record.snapshot()
            if snapshot.tree == await self._record.tree_of(head):
                return Checkpoint(None, made=False, left_out=snapshot.left_out)
            commit = await self._record.commit(snapshot.tree, head, message, self._identity.variables())
            await self._worker.bring_up_to_date(self.folder, commit, head)
            return Checkpoint(commit, made=True, left_out=snapshot.left_out)

    async def find_checkpoint(self, key: str) -> str | None:
        """The commit that was made for a key, if one was."""
        async with self._using():
            return await self._record.find(key)

    async def changed_outside(self, scope: Sequence[str], base: str) -> tuple[str, ...]:
        """The paths that differ from a commit and that no pattern of the scope allows; see `scope` for patterns."""
        async with self._using():
            snapshot = await self._record.snapshot()
            return outside_scope(await self._record.changed_paths(base, snapshot.tree), scope)

    async def patch(self, base: str) -> bytes:
        """Everything that differs from a commit now, as a patch that `git apply` takes. Changes nothing."""
        async with self._using():
            snapshot = await self._record.snapshot()
            return await self._record.patch(base, snapshot.tree)

    async def set_aside(self, base: str) -> bytes:
        """Take everything that differs from a commit away, and return it as a patch that `git apply` takes."""
        async with self._using():
            snapshot = await self._record.snapshot()
            patch = await self._record.patch(base, snapshot.tree)
            await self._restore(base)
            return patch

    async def restore(self, base: str) -> None:
        """Bring the files back to a commit's content. Ignored files stay; the session branch stays where it is."""
        async with self._using():
            await self._record.snapshot()
            await self._restore(base)

    async def _restore(self, base: str) -> None:
        await self._record.restore(base)
        head = await self._record.head()
        await self._worker.bring_up_to_date(self.folder, head, head)

    async def files(self) -> tuple[str, ...]:
        """Every path of the project as it is now, sorted."""
        async with self._using():
            snapshot = await self._record.snapshot()
            return tuple(one.path for one in await list_files(self._record.git, snapshot.tree))

    async def contents(self, *, tokens: int) -> str:
        """The project's text files as they are now, the smallest until the budget is used up; then what is missing."""
        async with self._using():
            snapshot = await self._record.snapshot()
            return await read_contents(self._record.git, snapshot.tree, tokens)

    async def export_to(self, repository_root: Path, ref: str) -> str:
        """Bring the session branch into the person's repository as a hidden ref, and return its commit.

        Their checkout, index and branches are not touched, no hook runs, and every new object is checked.

        Args:
            ref: `refs/quarterdeck/<session-id>`.

        Raises:
            ProjectError: If the repository cannot be written, or refuses an object.
        """
        if not ref.startswith(_EXPORTS) or not _BRANCH.fullmatch(ref.removeprefix(_EXPORTS)):
            raise ProjectError(f"{ref!r} is no ref of ours", next=f"Use {_EXPORTS}<session-id>")
        async with self._using():
            try:
                await Git(repository_root, lock=self._lock)(
                    "fetch",
                    "--quiet",
                    "--no-tags",
                    "--no-write-fetch-head",
                    "--no-recurse-submodules",
                    "--",
                    str(self.record_folder),
                    f"+refs/heads/{self.branch}:{ref}",
                    settings=("protocol.file.allow=always", "fetch.fsckObjects=true", "fetch.writeCommitGraph=false"),
                )
            except GitFailed as error:
                raise _not_exported(error, repository_root) from error
            return await self._record.head()

    @contextlib.asynccontextmanager
    async def _using(self) -> AsyncGenerator[None]:
        async with self._turn:
            if self._lock < 0:
                raise ProjectError("The session's clone is closed", where=str(self.folder))
            if not self.folder.is_dir():
                raise ProjectError(
                    "The session's clone is gone",
                    where=str(self.folder),
                    next="Stop the session's host and start it again: the clone is made anew from its last commit",
                )
            try:
                yield
            except BaseException:
                # A git of ours may have been killed; none runs any more, and none starts before we return.
                remove_locks(self.record_folder)
                raise


async def _lock(path: Path) -> int:
    """Open and lock a file. Every git of ours inherits it: it stays locked while one of a crashed host still runs."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise ProjectError(
            f"The session's folder cannot be used: {error.strerror}",
            where=str(path.parent),
            next="Check its permissions",
        ) from error
    waited = 0.0
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return descriptor
        except BlockingIOError:
            if waited >= _LOCK_LIMIT:
                os.close(descriptor)
                raise ProjectError(
                    "Another host has the session's clone open",
                    where=str(path.parent),
                    next="Attach to that session, or end its host first",
                ) from None
        except BaseException:
            os.close(descriptor)
            raise
        waited += 0.05
        await asyncio.sleep(0.05)


def _not_exported(error: GitFailed, root: Path) -> ProjectError:
    message = error.message
    if re.search(r"Permission denied|Read-only file system|insufficient permission|Operation not permitted", message):
        return ProjectError(
            "The repository cannot be written, so the session's branch could not be brought into it",
            where=str(root),
            next="Nothing is lost: make it writable, then ask for the branch again",
        )
    if "fsck" in message:
        first = next((line for line in message.splitlines() if "error" in line), "")
        return ProjectError(
            f"The repository refuses what the session committed: {first}",
            where=str(root),
            next="Have the named file changed in the session, then ask for the branch again",
        )
    return error
