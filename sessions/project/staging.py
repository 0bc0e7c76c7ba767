"""Sorting the paths of a work tree into what goes into a commit and what stays out. Looks at names and kinds only.

Nothing here opens a file: a FIFO would block, and a symbolic link may lead anywhere.
"""

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sessions.project.changes import LeftOut

LARGEST_FILE = 100 * 1024 * 1024
"""Bytes. A larger file stays out of commits: usual servers refuse it, and a build's core dump is no work."""

_KINDS = {
    stat.S_IFIFO: "a named pipe cannot be committed",
    stat.S_IFSOCK: "a socket cannot be committed",
    stat.S_IFCHR: "a device cannot be committed",
    stat.S_IFBLK: "a device cannot be committed",
}


@dataclass(slots=True)
class Staging:
    """What to do with the index, in git's bytes."""

    add: list[bytes] = field(default_factory=list[bytes])
    remove: list[bytes] = field(default_factory=list[bytes])
    left_out: list[LeftOut] = field(default_factory=list[LeftOut])

    def leave_out(self, path: bytes, reason: str) -> None:
        """Note a path that stays out."""
        self.left_out.append(LeftOut(os.fsdecode(path), reason))


def sort_submodules(root: Path, links: Sequence[bytes]) -> Staging:
    """Sort the submodules of the index: one keeps its commit whatever its folder holds, unless the folder is gone."""
    staging = Staging()
    for link in links:
        _sort_link(staging, os.fsencode(root) + b"/" + link, link)
    return staging


def sort_files(root: Path, changed: Sequence[tuple[str, bytes]], untracked: Sequence[bytes]) -> Staging:
    """Sort what git found changed.

    Args:
        changed: Status letter and path of each tracked file that differs from the index.
        untracked: Paths that git does not know; one with a slash at its end is a repository of its own.
    """
    staging = Staging()
    top = os.fsencode(root) + b"/"
    for status, path in changed:
        if status == "D":
            staging.remove.append(path)
        else:
            _sort_file(staging, top + path, path, tracked=True)
    for path in untracked:
        if path.endswith(b"/"):
            staging.leave_out(path, "a git repository inside the project is not part of it")
        else:
            _sort_file(staging, top + path, path, tracked=False)
    return staging


def _sort_link(staging: Staging, full: bytes, path: bytes) -> None:
    try:
        if not stat.S_ISDIR(os.lstat(full).st_mode):
            staging.remove.append(path)
        elif _holds_anything(full):
            staging.leave_out(path, "the content of a submodule is not part of the project")
    except FileNotFoundError:
        staging.remove.append(path)
    except OSError as error:
        staging.leave_out(path, f"it cannot be read: {error.strerror}")


def _holds_anything(folder: bytes) -> bool:
    with os.scandir(folder) as entries:
        return next(entries, None) is not None


def _sort_file(staging: Staging, full: bytes, path: bytes, *, tracked: bool) -> None:
    try:
        found = os.lstat(full)
    except OSError:
        if tracked:
            staging.remove.append(path)
        return
    kind = stat.S_IFMT(found.st_mode)
    if kind not in (stat.S_IFREG, stat.S_IFLNK):
        if tracked:
            staging.remove.append(path)
        staging.leave_out(path, _KINDS.get(kind, "it is neither a file nor a link"))
    elif found.st_size > LARGEST_FILE:
        staging.leave_out(path, f"it is larger than {LARGEST_FILE // 1024**2} MB")
    else:
        staging.add.append(path)


def find_blocking_file(root: Path) -> str | None:
    """A pipe, socket or device in the place of a file that git itself reads, which it would wait for for ever."""
    for folder, _, names in os.walk(root):
        for name in names:
            if name in (".gitignore", ".gitattributes") and not _is_plain(Path(folder) / name):
                return os.path.relpath(Path(folder) / name, root)
    return None


def _is_plain(path: Path) -> bool:
    try:
        return stat.S_IFMT(path.lstat().st_mode) in (stat.S_IFREG, stat.S_IFLNK)
    except OSError:
        return True
