"""A folder whose files can be reached, and nothing outside it.

A path is resolved first, and then walked from the folder down without following any link, so a link that is put in
place in between is refused, not followed. Standard library only: the search's child process imports it too.
"""

import contextlib
import os
import secrets
import stat
import unicodedata
from collections.abc import Generator
from pathlib import Path
from typing import BinaryIO

from sessions.agents.toolbox.result import ToolFault

_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFLNK: "a link that cannot be followed",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFBLK: "a device",
    stat.S_IFCHR: "a device",
}
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class ConfinedFolder:
    """Access to the regular files under `root`, by paths relative to it."""

    def __init__(self, root: Path) -> None:
        """Take an existing folder.

        Raises:
            ToolFault: If it is none.
        """
        self.root = Path(os.path.realpath(root))
        if not self.root.is_dir():
            raise ToolFault("The folder to work in is gone", where=str(root))

    def resolve(self, path: str) -> tuple[str, ...]:
        """Return the names that lead from the root to where `path` really points; the file need not exist.

        Raises:
            ToolFault: If it points outside, or is no path.
        """
        if not path.strip() or "\0" in path:
            raise ToolFault("the path is empty" if not path.strip() else "the path holds a zero byte")
        try:
            real = os.path.realpath(self.root / path)
            os.fsencode(real)
        except (OSError, ValueError) as error:
            raise ToolFault(f"{_shown(path)} is not a path: {_reason(error)}") from error
        if real != str(self.root) and not real.startswith(f"{self.root}{os.sep}"):
            raise ToolFault(f"{_shown(path)} leads outside the folder you work in; use paths inside it")
        return Path(real).relative_to(self.root).parts

    def is_folder(self, path: str) -> bool:
        """Tell whether a path leads to a folder inside; false also where there is nothing.

        Raises:
            ToolFault: If it points outside, or is no path.
        """
        return self.root.joinpath(*self.resolve(path)).is_dir()

    def open_file(self, path: str) -> BinaryIO:
        """Open a regular file for reading. Pipes, sockets and devices are not even opened.

        Raises:
            ToolFault: If there is no such file inside, or it cannot be read.
        """
        parts = self.resolve(path)
        with _told(path), self._folder_of(parts) as (folder, name):
            _regular(path, os.stat(name, dir_fd=folder, follow_symlinks=False))
            file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
            try:
                _regular(path, os.fstat(file))
                return os.fdopen(file, "rb")
            except BaseException:
                os.close(file)
                raise

    def replace_file(self, path: str, content: bytes) -> bool:
        """Write a file whole, making its folders, and return whether it is new.

        A reader sees the old content or the new, never a mix. The name is given to a new file, so that a hard link to
        a file elsewhere is cut, not written through.

        Raises:
            ToolFault: If the path leads outside or into git's own folder, is no regular file, or cannot be written.
        """
        parts = self.resolve(path)
        if any(_is_git(part) for part in parts):
            raise ToolFault(f"{_shown(path)} is git's own; only git may write there")
        with _told(path), self._folder_of(parts, make=True) as (folder, name):
            mode = _mode(path, name, folder)
            draft = f".{secrets.token_hex(8)}.draft"
            file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666, dir_fd=folder)
            try:
                with os.fdopen(file, "wb") as out:
                    out.write(content)
                    if mode is not None:
                        os.fchmod(out.fileno(), mode)
                os.replace(draft, name, src_dir_fd=folder, dst_dir_fd=folder)
            except BaseException:
                with contextlib.suppress(OSError):
                    os.unlink(draft, dir_fd=folder)
                raise
            return mode is None

    @contextlib.contextmanager
    def _folder_of(self, parts: tuple[str, ...], *, make: bool = False) -> Generator[tuple[int, str]]:
        """Give a descriptor of the folder that holds the last of `parts`, and that last name."""
        if not parts:
            raise IsADirectoryError
        folder = os.open(self.root, _FOLDER)
        try:
            for part in parts[:-1]:
                if make:
                    with contextlib.suppress(FileExistsError):
                        os.mkdir(part, dir_fd=folder)
                inner = os.open(part, _FOLDER, dir_fd=folder)
                os.close(folder)
                folder = inner
                if make:
                    self._refuse_git(folder)
            yield folder, parts[-1]
        finally:
            os.close(folder)

    def _refuse_git(self, folder: int) -> None:
        """Refuse git's folder under any other name a file system may have for it, such as one in capital letters."""
        try:
            git = (self.root / ".git").stat()
        except OSError:
            return
        if os.path.samestat(git, os.fstat(folder)):
            raise ToolFault("this is git's own folder; only git may write there")


def _mode(path: str, name: str, folder: int) -> int | None:
    """Return the permissions of the file to be replaced, None when there is none."""
    try:
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None
    _regular(path, found)
    return stat.S_IMODE(found.st_mode)


def _regular(path: str, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise ToolFault(f"{_shown(path)} is {_KINDS.get(stat.S_IFMT(found.st_mode), 'no regular file')}, not a file")


def _is_git(name: str) -> bool:
    """Tell whether a name is `.git` to any file system: they may ignore case, and letters that cannot be seen."""
    seen = "".join(letter for letter in name if unicodedata.category(letter) != "Cf")
    return unicodedata.normalize("NFKC", seen).casefold() == ".git"


@contextlib.contextmanager
def _told(path: str) -> Generator[None]:
    """Turn what the system says into a sentence for the model."""
    try:
        yield
    except FileNotFoundError as error:
        raise ToolFault(f"there is no file {_shown(path)}") from error
    except IsADirectoryError as error:
        raise ToolFault(f"{_shown(path)} is a folder, not a file") from error
    except OSError as error:
        raise ToolFault(f"{_shown(path)} cannot be used: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else "it cannot be encoded"


def _shown(path: str) -> str:
    shown = "".join(letter if letter.isprintable() else "�" for letter in path[:200])
    return f"{shown}…" if len(path) > 200 else shown
