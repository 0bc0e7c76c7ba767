"""What the person's repository is, whether work can start in it, and what they should know first. Never writes."""

import os
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from sessions.errors import ProjectError
from sessions.project.git import Git, GitFailed, require_git, safe_text

_UNFINISHED = (
    ("MERGE_HEAD", "a merge"),
    ("rebase-merge", "a rebase"),
    ("rebase-apply", "a rebase"),
    ("CHERRY_PICK_HEAD", "a cherry-pick"),
    ("REVERT_HEAD", "a revert"),
    ("BISECT_LOG", "a bisect"),
)
_START = "git commit --allow-empty -m start"


@dataclass(frozen=True, slots=True)
class Repository:
    """A git repository as it was when it was looked at."""

    root: Path
    """The work tree's top; the repository itself when it is bare."""
    name: str
    """The root folder's name. Foreign text."""
    git_dir: Path
    """Of this work tree; a linked worktree has one of its own inside `common_dir`."""
    common_dir: Path
    head_commit: str
    """The commit work would start from; empty when there is none yet."""
    branch: str | None
    """The checked-out branch, also when it has no commit yet; None when HEAD is detached. Foreign text."""
    dirty: tuple[str, ...]
    """Paths with uncommitted changes, untracked ones included (a new folder counts once). Foreign text."""
    detached: bool
    bare: bool
    shallow: bool
    linked_worktree: bool
    submodules: tuple[str, ...]
    """Paths of submodules in the last commit. Foreign text."""
    unfinished: str | None
    """What git is in the middle of, such as `a merge`."""
    uses_lfs: bool
    object_format: str
    """`sha1` or `sha256`."""

    @property
    def notices(self) -> tuple[str, ...]:
        """Sentences to show before work starts. None of them stops it."""
        start = f"the last commit, {self.head_commit[:9]}"
        found: list[str] = []
        if self.dirty:
            files = "1 file" if len(self.dirty) == 1 else f"{len(self.dirty)} files"
            found.append(
                f"Work starts from {start}. Your uncommitted changes in {files} are not part of it and are not touched."
            )
        if self.detached:
            found.append(f"HEAD is detached. Work starts from {start}.")
        if self.unfinished:
            found.append(
                f"The repository is in the middle of {self.unfinished}. It is not touched; work starts from {start}."
            )
        if self.shallow:
            found.append("The repository is a shallow clone: agents see only the part of its history that is here.")
        if self.submodules:
            found.append(
                f"Submodules stay empty in the session's clone, and work in them is not kept: "
                f"{safe_text(', '.join(self.submodules))}"
            )
        if self.uses_lfs:
            found.append("Files kept by Git LFS are pointers in the session's clone, not their content.")
        return tuple(found)


async def inspect_repository(path: Path) -> Repository:
    """Look at the repository that a folder lies in; a subfolder and a linked worktree are fine.

    Raises:
        ProjectError: If there is no git, no such folder, no repository, or git refuses it as somebody else's.
    """
    await require_git()
    where = Path(os.path.abspath(path))  # noqa: ASYNC240, PTH100  a symlink in the path stays what the person typed
    _require_folder(where)
    git = Git(where)
    git_dir, common_dir, facts = await _locate(git, where)
    bare, shallow, object_format = facts[0] == "true", facts[1] == "true", facts[2]
    root = git_dir if bare else Path(await git.line("rev-parse", "--show-toplevel"))
    git = Git(root)
    head = await git.ask("rev-parse", "--verify", "--quiet", "HEAD^{commit}")
    commit = head.output.decode("ascii").strip() if head.exit_code == 0 else ""
    reference = await git.ask("symbolic-ref", "--quiet", "HEAD")
    branch = os.fsdecode(reference.output).rstrip("\n").removeprefix("refs/heads/") if not reference.exit_code else None
    submodules, uses_lfs = await _special_content(git, commit)
    return Repository(
        root=root,
        name=root.name.removesuffix(".git") or root.name or "project",
        git_dir=git_dir,
        common_dir=common_dir,
        head_commit=commit,
        branch=branch,
        dirty=() if bare else await _dirty(git),
        detached=branch is None,
        bare=bare,
        shallow=shallow,
        linked_worktree=git_dir != common_dir,
        submodules=submodules,
        unfinished=next((what for name, what in _UNFINISHED if (git_dir / name).exists()), None),
        uses_lfs=uses_lfs,
        object_format=object_format,
    )


async def require_workable(path: Path) -> Repository:
    """Look at a folder's repository and make sure that a session can start from its last commit.

    Raises:
        ProjectError: As `inspect_repository`, and for a bare repository and one without any commit.
    """
    repository = await inspect_repository(path)
    if repository.bare:
        raise ProjectError(
            "This is a bare repository, which has no files to work on",
            where=str(repository.root),
            next="Clone it, and start in the clone: git clone <this folder> <new folder>",
        )
    if not repository.head_commit:
        on = f" on branch {safe_text(repository.branch)}" if repository.branch else ""
        raise ProjectError(
            f"The repository has no commit yet{on}, so there is nothing to start from",
            where=str(repository.root),
            next=f"Make one: {_START}",
        )
    return repository


def _require_folder(path: Path) -> None:
    try:
        os.listdir(path)  # noqa: PTH208  all that is needed is whether it may be read
    except FileNotFoundError:
        raise ProjectError("There is no such folder", where=str(path), next="Start in the project's folder") from None
    except NotADirectoryError:
        raise ProjectError("This is a file, not a folder", where=str(path), next="Name the project's folder") from None
    except OSError as error:
        raise ProjectError(
            f"The folder cannot be read: {error.strerror}", where=str(path), next="Check its owner and permissions"
        ) from error


async def _locate(git: Git, where: Path) -> tuple[Path, Path, list[str]]:
    """The git folder, the common folder, and bare, shallow and object format as git words them."""
    try:
        git_dir = await git.line("rev-parse", "--absolute-git-dir")
        common_dir = await git.line("rev-parse", "--path-format=absolute", "--git-common-dir")
        facts = await git.line("rev-parse", "--is-bare-repository", "--is-shallow-repository", "--show-object-format")
    except GitFailed as error:
        raise _no_repository(error, where) from error
    return Path(git_dir), Path(common_dir), facts.split("\n")


def _no_repository(error: GitFailed, where: Path) -> ProjectError:
    message = error.message
    if "dubious ownership" in message:
        named = re.search(r"in repository at '(.+)'", message)
        folder = named[1] if named else str(where)
        return ProjectError(
            "The repository belongs to another user, so git refuses to work in it",
            where=folder,
            next=f"If you trust it: git config --global --add safe.directory {shlex.quote(folder)}",
        )
    if "not a git repository" in message:
        return ProjectError(
            "This folder is not in a git repository", where=str(where), next=f"Make it one: git init && {_START}"
        )
    if "Permission denied" in message:
        return ProjectError("The repository cannot be read", where=str(where), next="Check its owner and permissions")
    return error


async def _dirty(git: Git) -> tuple[str, ...]:
    # Without a look into submodules, where git would run as their configuration says.
    status = await git("status", "--porcelain=v1", "-z", "--untracked-files=normal", "--ignore-submodules=dirty")
    paths: list[str] = []
    records = iter(status.split(b"\0"))
    for record in records:
        if record:
            paths.append(os.fsdecode(record[3:]))
            if b"R" in record[:2] or b"C" in record[:2]:
                next(records, None)  # the old name
    return tuple(paths)


async def _special_content(git: Git, commit: str) -> tuple[tuple[str, ...], bool]:
    """Submodules of a commit, and whether its attributes name Git LFS."""
    if not commit:
        return (), False
    lfs = await git.ask("grep", "-q", "-F", "filter=lfs", commit, "--", ":(glob)**/.gitattributes")
    modules = await git.ask("cat-file", "-e", f"{commit}:.gitmodules")
    if modules.exit_code:
        return (), lfs.exit_code == 0
    tree = await git("ls-tree", "-r", "-z", commit)
    links = (entry.partition(b"\t")[2] for entry in tree.split(b"\0") if entry.startswith(b"160000 "))
    return tuple(os.fsdecode(path) for path in links), lfs.exit_code == 0
