"""One host per session: a lock that the kernel drops when its holder dies."""

import contextlib
import errno
import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from sessions.store.errors import SessionBusy
from sessions.store.files import told_as_unusable

_TAKEN = (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES)


class SessionLock:
    """The right to write one session, held from `acquire` to `release` or to the end of the process.

    The file stays when the lock is released: were it removed, two could each lock a file of that name. The
    descriptor is closed on exec, for a program that inherited it would keep the lock after our death.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    @property
    def held(self) -> bool:
        """Whether this object holds the lock."""
        return self._descriptor is not None

    def acquire(self) -> Self:
        """Take the lock at once, and write this process's id into its file.

        Raises:
            SessionBusy: If another holds it, in this process or another.
            FolderUnusable: If the file cannot be made or locked.
        """
        if self._descriptor is not None:
            raise SessionBusy(self.path, os.getpid())
        with told_as_unusable(self.path):
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            try:
                self._lock(descriptor)
                os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
            except BaseException:
                os.close(descriptor)
                raise
        self._descriptor = descriptor
        return self

    def release(self) -> None:
        """Give the lock up. Safe to repeat."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is None:
            return
        try:
            with contextlib.suppress(OSError):
                os.ftruncate(descriptor, 0)
            # Closing alone would leave the lock with a forked child that has not come to its exec yet.
            fcntl.flock(descriptor, fcntl.LOCK_UN)
        finally:
            os.close(descriptor)

    def __enter__(self) -> Self:
        return self if self.held else self.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def _lock(self, descriptor: int) -> None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in _TAKEN:
                raise
            raise SessionBusy(self.path, _holder(descriptor)) from error


def _holder(descriptor: int) -> int | None:
    # Empty between the holder's taking the lock and writing its id.
    text = os.pread(descriptor, 32, 0).strip()
    return int(text) if text.isdigit() else None
