"""What changed between two trees: files, counted lines, and the patch as text. Pure; git's answers come in as bytes."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

ChangeStatus = Literal["added", "changed", "deleted", "renamed", "type changed"]

_STATUS: dict[str, ChangeStatus] = {
    "A": "added",
    "M": "changed",
    "D": "deleted",
    "R": "renamed",
    "C": "added",
    "T": "type changed",
}


@dataclass(frozen=True, slots=True)
class FileChange:
    """One changed path. Bytes that are no UTF-8 stand in it as lone surrogates (`os.fsencode` gives them back)."""

    path: str
    added: int
    """Lines; 0 in a binary file."""
    removed: int
    status: ChangeStatus
    binary: bool
    old_path: str | None = None
    """Where a renamed file was before."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A path whose content is not part of a diff or commit, and why. The Auditor should know."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Diff:
    """A difference between a commit and the files as they are now."""

    text: str
    """The patch for reading; what is no UTF-8 is shown as replacement characters."""
    files: tuple[FileChange, ...]
    added: int
    removed: int
    truncated: bool
    """`text` ends early, at a line's end; `files` and the counts are complete."""
    left_out: tuple[LeftOut, ...] = ()


def make_diff(patch: bytes, cut: bool, files: tuple[FileChange, ...], left_out: tuple[LeftOut, ...]) -> Diff:
    """A diff of a patch that may have been cut at any byte."""
    if cut:
        patch = patch[: patch.rfind(b"\n") + 1]
    text = patch.decode("utf-8", "replace")
    return Diff(text, files, sum(one.added for one in files), sum(one.removed for one in files), cut, left_out=left_out)


def read_changes(listing: bytes) -> tuple[FileChange, ...]:
    """Read `git diff-tree -r -z --raw --numstat`: first every path with its status, then every path with its lines."""
    fields = iter(listing.split(b"\0"))
    statuses: dict[bytes, tuple[ChangeStatus, bytes | None]] = {}
    found: list[FileChange] = []
    for field in fields:
        if field.startswith(b":"):
            letter = field.rsplit(b" ", 1)[1][:1].decode("ascii")
            first = next(fields)
            renamed = letter in "RC"
            path, old = (next(fields), first) if renamed else (first, None)
            statuses[path] = (_STATUS.get(letter, "changed"), old if letter == "R" else None)
        elif field:
            found.append(_counted(field, fields, statuses))
    return tuple(found)


def _counted(
    field: bytes, fields: Iterator[bytes], statuses: dict[bytes, tuple[ChangeStatus, bytes | None]]
) -> FileChange:
    added, removed, path = field.split(b"\t", 2)
    if not path:
        next(fields)  # the old name of a rename
        path = next(fields)
    status, old = statuses[path]
    binary = added == b"-"
    return FileChange(
        os.fsdecode(path),
        0 if binary else int(added),
        0 if binary else int(removed),
        status,
        binary,
        None if old is None else os.fsdecode(old),
    )
