"""A small file beside the log, there to be removed: on a full disk its space is enough for a last record."""

import contextlib
import os
from pathlib import Path

from sessions.store.errors import FolderUnusable
from sessions.store.files import create_private_file

SIZE = 256 * 1024
"""Bytes: room for SQLite's index of the write-ahead file and for some dozens of events."""

_PLENTY = 64 * 1024 * 1024


def restore(log: Path) -> bool:
    """Lay the ballast beside `log` if it is missing and the disk has plenty of room; whether it is there.

    Not when space is short: the ballast may just have been released for a record that must be written.
    """
    path = _beside(log)
    with contextlib.suppress(FolderUnusable, OSError):
        room = os.statvfs(path.parent)
        if not path.exists() and room.f_bavail * room.f_frsize >= _PLENTY:
            # Random bytes, because a file system that compresses would keep nothing free for zeros.
            create_private_file(path, os.urandom(SIZE))
    return path.exists()


def release(log: Path) -> bool:
    """Remove the ballast beside `log`; whether there was one."""
    try:
        _beside(log).unlink()
    except OSError:
        # It is gone, or the disk refuses even that: either way there is no space to be had here.
        return False
    return True


def _beside(log: Path) -> Path:
    return log.with_name("ballast")
