"""The host's own repository of a session: what was committed when, out of reach of what a Worker configures.

A Worker's clone has a `.git` that the Worker writes: its configuration may name programs that git runs on `status`,
`add`, `diff`, `commit` or `log` (fsmonitor, filters, external diffs, text conversions, hooks, a signing program), under
names nobody can list beforehand. So the host never uses that `.git`. It keeps this bare repository beside the clone and
reads the clone's files as the work tree of its own: configuration, index, attributes and refs are the host's. The
work tree still brings `.gitattributes`, which can only *name* filters and drivers; `info/attributes`, which stands
above them, takes filters away and lets the content alone say what is binary.

A Worker's own commits are no evidence and are not looked at: the files count.
"""

import asyncio
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sessions.errors import ProjectError
from sessions.project.changes import Diff, FileChange, LeftOut, make_diff, read_changes
from sessions.project.git import Git, GitFailed, safe_text
from sessions.project.inspection import Repository
from sessions.project.message import KEY_TRAILER, one_line
from sessions.project.staging import Staging, find_blocking_file, sort_files, sort_submodules

BASE_REF = "refs/quarterdeck/base"
"""Where the session started."""

ATTRIBUTES = "* !filter !diff\n"

EXCLUDES = """\
# Written by Quarterdeck. What running the project's tests leaves behind is nobody's work.
__pycache__/
*.pyc
.pytest_cache/
.mypy_cache/
.ruff_cache/
.hypothesis/
.coverage
node_modules/
.venv/
.DS_Store
"""

_CONFIGURATION = """\
[core]
	fsync = committed,reference
	fsyncMethod = batch
	autocrlf = false
	protectHFS = true
	protectNTFS = true
	logAllRefUpdates = false
[gc]
	auto = 0
"""
_PLAIN = ("--no-ext-diff", "--no-textconv", "--no-color", "--src-prefix=a/", "--dst-prefix=b/")
_PATIENCE = 10.0
"""Seconds after which a snapshot's slowness is looked into."""
_REFUSALS = 200
"""How many paths git may refuse one by one before the whole is given up."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The files of the clone at one moment, as a tree."""

    tree: str
    left_out: tuple[LeftOut, ...]


async def make_record(path: Path, repository: Repository, branch: str, base: str, lock: int) -> None:
    """Make the record of a new session at `path` from a commit of the person's repository.

    The commit's history and the tags in it come along; other branches do not. Nothing is shared with the source.

    Raises:
        ProjectError: If the commit cannot be copied.
    """
    await Git(path.parent, isolated=True, lock=lock)(
        "init", "--quiet", "--bare", "--template=", f"--object-format={repository.object_format}", "--", str(path)
    )
    await _write_settings(path, repository)
    # Not isolated: whom the person trusts (safe.directory) stands in their own configuration.
    fetching = Git(path, git_dir=path, lock=lock)
    try:
        await fetching(
            "fetch",
            "--quiet",
            "--no-write-fetch-head",
            "--update-shallow",
            "--no-recurse-submodules",
            "--",
            str(repository.root),
            f"{base}:{BASE_REF}",
            settings=("protocol.file.allow=always",),
        )
    except GitFailed as error:
        raise _not_copied(error, repository, base) from error
    git = Git(path, git_dir=path, isolated=True, lock=lock)
    await git("update-ref", f"refs/heads/{branch}", base)
    theirs = repository.branch
    if theirs and base == repository.head_commit and not _same_place(theirs, branch):
        await git("update-ref", f"refs/heads/{theirs}", base)
    await git("symbolic-ref", "HEAD", f"refs/heads/{branch}")


class Record:
    """A session's record together with the clone's files."""

    def __init__(self, path: Path, clone: Path, branch: str, lock: int) -> None:
        self._path = path
        self._clone = clone
        self._ref = f"refs/heads/{branch}"
        self.git = Git(clone, git_dir=path, isolated=True, lock=lock)
        """Runs git with the record as repository and the clone's files as work tree."""
        self._alone = Git(path, git_dir=path, isolated=True, lock=lock)
        """The same without the clone's files, which need not be there yet."""

    async def head(self) -> str:
        """The newest commit of the session."""
        return await self._alone.line("rev-parse", "--verify", f"{self._ref}^{{commit}}")

    async def base(self) -> str:
        """The commit the session started from."""
        return await self._alone.line("rev-parse", "--verify", f"{BASE_REF}^{{commit}}")

    async def check_out(self, folder: Path) -> None:
        """Fill an empty folder with the files of the newest commit, with the index fitting it."""
        (self._path / "index").unlink(missing_ok=True)
        await Git(folder, git_dir=self._path, isolated=True, lock=self.git.lock)(
            "read-tree", "--reset", "-u", self._ref
        )

    async def snapshot(self) -> Snapshot:
        """Take the files as they are now, untracked ones that are not ignored included, into the host's index.

        Raises:
            ProjectError: If git reads from a pipe that a Worker put where it expects its own files.
        """
        taking = asyncio.create_task(self._take_snapshot(), name="snapshot")
        try:
            done, _ = await asyncio.wait({taking}, timeout=_PATIENCE)
            if not done and (pipe := await asyncio.to_thread(find_blocking_file, self._clone)):
                raise ProjectError(
                    f"{safe_text(pipe)} is not a file, and git waits for it for ever",
                    where=str(self._clone),
                    next="Remove it, then try again",
                )
            return await taking
        finally:
            if not taking.done():
                taking.cancel()
                await asyncio.wait({taking})

    async def _take_snapshot(self) -> Snapshot:
        git = self.git
        links = _submodules(await git("ls-files", "-z", "--stage"))
        submodules = await asyncio.to_thread(sort_submodules, self._clone, links)
        # First of all, so that a file in a submodule's place is found below.
        await self._remove(submodules.remove)
        # Git would ask each submodule for its status, with the submodule's own configuration.
        changed = await git("diff-files", "-z", "--name-status", "--no-renames", "--ignore-submodules=all")
        untracked = await git("ls-files", "-z", "--others", "--exclude-standard")
        others = [path for path in untracked.split(b"\0") if path]
        files = await asyncio.to_thread(sort_files, self._clone, _pairs(changed), others)
        await self._remove(files.remove)
        await self._add(files)
        return Snapshot(await git.line("write-tree"), (*submodules.left_out, *files.left_out))

    async def _remove(self, paths: Sequence[bytes]) -> None:
        if paths:
            await self.git("update-index", "-z", "--force-remove", "--stdin", input=_list(paths))

    async def _add(self, staging: Staging) -> None:
        """Add files to the index; one that git refuses (unreadable, badly named, gone again) is left out."""
        for _ in range(_REFUSALS):
            answer = await self.git.ask("update-index", "-z", "--add", "--stdin", input=_list(staging.add))
            if answer.exit_code == 0:
                return
            refused = _refused_path(answer.error, staging.add)
            if refused is None:
                raise GitFailed(("update-index",), str(self._clone), answer.exit_code, safe_text(answer.error))
            staging.add.remove(refused)
            reason = safe_text(answer.error.splitlines()[0].removeprefix(b"error: "), 200)
            staging.leave_out(refused, f"git refuses it: {reason}")
        raise ProjectError(
            "Git refuses too many files of the clone", where=str(self._clone), next="Look at the files' permissions"
        )

    async def diff(self, base: str, snapshot: Snapshot, limit: int | None) -> Diff:
        """The difference between a commit and a snapshot; the text is cut at `limit` bytes."""
        files = await self.changes(base, snapshot.tree)
        answer = await self.git.ask("diff-tree", "-r", "-p", "-M", *_PLAIN, base, snapshot.tree, limit=limit)
        if answer.exit_code:
            raise GitFailed(("diff-tree",), str(self._clone), answer.exit_code, safe_text(answer.error))
        return make_diff(answer.output, answer.cut, files, snapshot.left_out)

    async def changes(self, base: str, tree: str) -> tuple[FileChange, ...]:
        """The files that differ, with their lines counted."""
        return read_changes(await self.git("diff-tree", "-r", "-z", "-M", "--raw", "--numstat", *_PLAIN, base, tree))

    async def changed_paths(self, base: str, tree: str) -> tuple[str, ...]:
        """Every path that differs; a renamed file counts with both its names."""
        names = await self.git("diff-tree", "-r", "-z", "--no-renames", "--name-only", base, tree)
        return tuple(os.fsdecode(name) for name in names.split(b"\0") if name)

    async def patch(self, base: str, tree: str) -> bytes:
        """A whole patch that `git apply` takes, binary files included."""
        return await self.git("diff-tree", "-r", "-p", "--binary", "--full-index", *_PLAIN, base, tree)

    async def restore(self, commit: str) -> None:
        """Bring the files to a commit's content. A snapshot must have been taken, so that git knows all there is."""
        await self.git("read-tree", "--reset", "-u", commit)

    async def commit(self, tree: str, parent: str, message: bytes, identity: dict[str, str]) -> str:
        """Commit a tree onto the session branch. The branch moves in one step, and only if it is still at `parent`."""
        made = await self.git("commit-tree", tree, "-p", parent, input=message, environment=identity)
        commit = made.decode("ascii").strip()
        await self.git("update-ref", self._ref, commit, parent)
        return commit

    async def find(self, key: str) -> str | None:
        """The session's newest commit with this key."""
        shown = f"--format=%H%x09%(trailers:key={KEY_TRAILER},valueonly=true,separator=%x09)"
        log = await self.git("log", shown, f"{BASE_REF}..{self._ref}")
        for line in log.decode("utf-8", "replace").split("\n"):
            commit, *keys = line.split("\t")
            if one_line(key) in keys:
                return commit
        return None

    async def tree_of(self, commit: str) -> str:
        """The tree of a commit."""
        return await self.git.line("rev-parse", "--verify", f"{commit}^{{tree}}")


async def _write_settings(path: Path, repository: Repository) -> None:
    """Put the host's configuration, attributes and excludes into a new record."""
    person = Git(repository.root)
    configured = await person.ask("config", "--type=path", "--get", "core.excludesFile")

    def write() -> None:
        excludes = EXCLUDES
        theirs = repository.common_dir / "info" / "exclude"
        if theirs.is_file():
            excludes += theirs.read_text("utf-8", "surrogateescape")
        (path / "info").mkdir(exist_ok=True)
        (path / "info" / "attributes").write_text(ATTRIBUTES)
        (path / "info" / "exclude").write_text(excludes, "utf-8", "surrogateescape")
        with (path / "config").open("a") as config:
            config.write(_CONFIGURATION)

    await asyncio.to_thread(write)
    if configured.exit_code == 0:
        named = os.fsdecode(configured.output).removesuffix("\n")
        await Git(path, git_dir=path, isolated=True)("config", "core.excludesFile", named)


def _not_copied(error: GitFailed, repository: Repository, base: str) -> ProjectError:
    if re.search(r"promisor|lazy fetching|missing (blob|tree|object)|not our ref|bad object", error.message):
        return ProjectError(
            f"Commit {base[:9]} is not complete in the repository (a partial clone, or damage)",
            where=str(repository.root),
            next="Get the rest, for instance with: git fetch --refetch --no-filter; then try again",
        )
    return error


def _same_place(one: str, other: str) -> bool:
    """Two branch names that cannot both exist: equal, or one a folder of the other (case may not count)."""
    one, other = one.casefold(), other.casefold()
    return one == other or one.startswith(f"{other}/") or other.startswith(f"{one}/")


def _submodules(listing: bytes) -> list[bytes]:
    if b"160000 " not in listing:
        return []
    return [entry.partition(b"\t")[2] for entry in listing.split(b"\0") if entry.startswith(b"160000 ")]


def _pairs(listing: bytes) -> list[tuple[str, bytes]]:
    fields = listing.split(b"\0")
    return [(status.decode("ascii"), path) for status, path in zip(fields[::2], fields[1::2], strict=False) if status]


def _refused_path(error: bytes, paths: Sequence[bytes]) -> bytes | None:
    """Which of the paths git's message is about."""
    named = error.rpartition(b"Unable to process path ")[2].removesuffix(b"\n")
    quoted = (path for path in paths if b"'" + path + b"'" in error)
    return named if named in paths else next(quoted, None)


def _list(paths: Sequence[bytes]) -> bytes:
    return b"".join(path + b"\0" for path in paths)
