"""Files and folders that only their owner may read, and that are still there after a power cut.

Every failure of the system is told as `FolderUnusable`, with what the person can do about it.
"""

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Generator
from pathlib import Path

from sessions.store.errors import FolderUnusable

_PRIVATE_FILE = 0o600
_PRIVATE_FOLDER = 0o700
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)
_IN_THE_WAY = (errno.ENOTDIR, errno.EISDIR, errno.ELOOP)
# A folder that some file system cannot sync, or that may be written but not read, gives one of these.
_NO_FOLDER_SYNC = (errno.EINVAL, errno.ENOTSUP, errno.EBADF, errno.EACCES)


def unusable(path: Path, error: OSError) -> FolderUnusable:
    """Give the error for the person when the system refused to make, read or write `path`."""
    reason = os.strerror(error.errno) if error.errno else str(error)
    elsewhere = "set QUARTERDECK_HOME to a folder that you can write to."
    if error.errno in _NO_SPACE:
        reason, remedy = f"No space for Quarterdeck's files ({reason})", f"Free some space, or {elsewhere}"
    elif error.errno in _FORBIDDEN:
        reason, remedy = (
            f"Quarterdeck may not write here ({reason})",
            f"Change the permissions, or {elsewhere}",
        )
    elif error.errno in _IN_THE_WAY:
        reason, remedy = f"A file is where a folder should be ({reason})", f"Move it away, or {elsewhere}"
    else:
        reason, remedy = (
            f"Quarterdeck's files cannot be used ({reason})",
            f"See to the folder, or {elsewhere}",
        )
    return FolderUnusable(reason, where=str(path), next=remedy)


@contextlib.contextmanager
def told_as_unusable(path: Path) -> Generator[None]:
    """Raise `FolderUnusable` for `path` in place of any `OSError` of the block."""
    try:
        yield
    except OSError as error:
        raise unusable(path, error) from error


def make_private_folder(path: Path) -> None:
    """Make a folder of mode 0700, with its parents; one that is there is left as it is.

    Raises:
        FolderUnusable: If it cannot be made.
    """
    with told_as_unusable(path):
        missing = [folder for folder in (path, *path.parents) if not folder.exists()]
        for folder in reversed(missing):
            with contextlib.suppress(FileExistsError):
                folder.mkdir(mode=_PRIVATE_FOLDER)
                sync_folder(folder.parent)
        if not path.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))


def check_private_folder(path: Path) -> None:
    """Refuse a folder which others could have made or could write to: sockets and secrets go there.

    Raises:
        FolderUnusable: If `path` is a link, not a folder, not ours, or open to others.
    """
    with told_as_unusable(path):
        seen = path.lstat()
    fault = ""
    if not stat.S_ISDIR(seen.st_mode):
        fault = "is not a folder"
    elif seen.st_uid != os.geteuid():
        fault = f"belongs to user {seen.st_uid}"
    elif stat.S_IMODE(seen.st_mode) & 0o077:
        fault = f"is open to other users (mode {stat.S_IMODE(seen.st_mode):04o})"
    if fault:
        raise FolderUnusable(
            f"The folder for private files {fault}",
            where=str(path),
            next="Remove it, or set QUARTERDECK_HOME to a short path of your own.",
        )


def create_private_file(path: Path, data: bytes = b"") -> None:
    """Create a file of mode 0600 that was not there, holding `data`, on disk when this returns.

    Raises:
        FileExistsError: If something is there already.
        FolderUnusable: If it cannot be made or written.
    """
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC, _PRIVATE_FILE)
    except FileExistsError:
        raise
    except OSError as error:
        raise unusable(path, error) from error
    try:
        with told_as_unusable(path), os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        with told_as_unusable(path):
            sync_folder(path.parent)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def replace_private_file(path: Path, data: bytes) -> None:
    """Write a file of mode 0600 so that others see the old content or the new, never a part.

    Raises:
        FolderUnusable: If it cannot be written.
    """
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    create_private_file(beside, data)
    try:
        with told_as_unusable(path):
            beside.replace(path)
            sync_folder(path.parent)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def sync_folder(path: Path) -> None:
    """Put the names in a folder on disk, where the file system can.

    Raises:
        OSError: If the disk failed.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno not in _NO_FOLDER_SYNC:
            raise
