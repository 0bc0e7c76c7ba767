"""What can go wrong in the store, each with what, where and what next.

StoreError
├── LogUnavailable     the log is not there, is in use, or may not be opened
├── LogDamaged         the log's file or its chain of hashes is broken
├── LogTooNew          a later Quarterdeck wrote the log
├── LogWriteFailed     a commit failed; the log takes no more events until opened again
├── LogClosed          the log was closed before the events were written
├── EventRefused       events that no log could keep
├── KeyConflict        a key was used before for something else
├── ArtefactMissing    no artefact has this id
├── ArtefactDamaged    an artefact's bytes are not those its id names
├── FolderUnusable     a folder cannot be made, written or trusted
├── SessionNotFound    no session has this id
├── SessionAmbiguous   several sessions have ids that begin so
└── SessionBusy        another process holds the session
"""

import sqlite3
from collections.abc import Sequence
from pathlib import Path

from sessions.errors import StoreError

# Primary result codes (https://www.sqlite.org/rescode.html); the extended code's low byte.
_FULL = 13
_BUSY_OR_LOCKED = (5, 6)
_FORBIDDEN = (3, 8, 23)
_CANNOT_OPEN = 14
_NO_MEMORY = 7
_IO = 10
# Of the input/output errors, those that say that the file itself is short or unreadable.
_UNREADABLE = (266, 522, 8458)


class LogUnavailable(StoreError):
    """The log is not there, is in use, or may not be opened. Nothing is known to be wrong with it."""


class LogDamaged(StoreError):
    """The log's file is not a whole database of ours, or its chain of hashes is broken.

    Args:
        path: The log's file; its folder's name is the session's id.
        fault: What was found, as the end of a sentence.
        last_good: Sequence number of the last row known to be whole; None when not known.
    """

    def __init__(self, path: Path, fault: str, last_good: int | None = None) -> None:
        kept = "" if last_good is None else f" Events up to {last_good} are whole."
        super().__init__(
            f"The session's log is damaged: {fault}.{kept}",
            where=str(path),
            next=f"Run `quarterdeck recover {path.parent.name}` to save what is whole into a new session.",
        )
        self.fault = fault
        self.last_good = last_good


class LogTooNew(StoreError):
    """A later Quarterdeck wrote the log, in a form that this one cannot read.

    Args:
        version: The form of the log, as its `user_version` says.
        known: The newest form that this Quarterdeck reads.
    """

    def __init__(self, path: Path, version: int, known: int) -> None:
        super().__init__(
            f"A newer Quarterdeck wrote the session's log: its form is {version}, and this one reads up to {known}",
            where=str(path),
            next="Open the session with the newer Quarterdeck, or update this one.",
        )
        self.version = version


class LogWriteFailed(StoreError):
    """Events could not be committed: none was acknowledged, and the log takes no more until opened again.

    Whether the events of the failed commit are in the log is known only once it is open again.
    """

    def __init__(self, path: Path, cause: str, *, remedy: str, disk_full: bool = False) -> None:
        super().__init__(
            f"An event could not be written: {cause}. Everything acknowledged before is kept",
            where=str(path),
            next=f"{remedy}, then start the session again; it goes on from the log.",
        )
        self.cause = cause
        self.disk_full = disk_full


class LogClosed(StoreError):
    """The log was closed before the events were written, or while they were."""

    def __init__(self, path: Path) -> None:
        super().__init__("The session's log is closed", where=str(path), next="Open the session again.")


class EventRefused(StoreError):
    """Events that no log could keep: without a kind, with text that is not Unicode, or too big."""


class KeyConflict(StoreError):
    """An idempotency key was used before for other events; nothing was written.

    Args:
        seq: Sequence number of the row that holds the key; None when the key is twice in one call.
    """

    def __init__(self, path: Path, key: str, seq: int | None) -> None:
        found = "twice in one call" if seq is None else f"before, for other content, in event {seq}"
        super().__init__(f"The key {key!a} was used {found}", where=str(path), next="Use a new key for new content.")
        self.key = key
        self.seq = seq


class ArtefactMissing(StoreError):
    """No artefact has this id."""


class ArtefactDamaged(StoreError):
    """An artefact's bytes are not those that its id names."""


class FolderUnusable(StoreError):
    """A folder or file of the store cannot be made, written or trusted."""


class SessionNotFound(StoreError):
    """No session has an id that begins so."""


class SessionAmbiguous(StoreError):
    """Several sessions have ids that begin so.

    Args:
        candidates: The ids that match, each as a line for the person.
    """

    def __init__(self, prefix: str, where: Path, candidates: Sequence[str]) -> None:
        shown = ", ".join(candidates[:5]) + (", ..." if len(candidates) > 5 else "")
        super().__init__(
            f"{len(candidates)} sessions match {prefix!r}: {shown}",
            where=str(where),
            next="Give more of the id.",
        )
        self.candidates = tuple(candidates)


class SessionBusy(StoreError):
    """Another process holds the session.

    Args:
        pid: Process id of the holder; None when it has not said.
    """

    def __init__(self, path: Path, pid: int | None) -> None:
        holder = "another process" if pid is None else f"process {pid}"
        super().__init__(
            f"The session is already open in {holder}",
            where=str(path),
            next=f"Run `quarterdeck attach {path.parent.name}` to watch it.",
        )
        self.pid = pid


def reading_failed(path: Path, error: sqlite3.Error, last_good: int | None = None) -> StoreError:
    """Give the error of ours for one SQLite raised while a log was opened or read.

    What points at the file's content is damage; a lock, a permission, a full disk or a lack of memory is not.
    """
    if isinstance(error, sqlite3.ProgrammingError):
        return LogClosed(path)
    code = result_code(error)
    primary = None if code is None else code & 0xFF
    if primary in _BUSY_OR_LOCKED:
        return LogUnavailable(
            "The session's log is locked by another program",
            where=str(path),
            next="Close it, then try again.",
        )
    if primary in _FORBIDDEN or primary == _CANNOT_OPEN:
        return LogUnavailable(
            f"The session's log cannot be used: {error}",
            where=str(path),
            next="See that the file is there and that you may read and write it and its folder.",
        )
    if primary in (_FULL, _NO_MEMORY) or (primary == _IO and code not in _UNREADABLE):
        return LogUnavailable(
            f"The session's log cannot be used: {error}",
            where=str(path),
            next="Free some space on that disk and some memory, then try again.",
        )
    return LogDamaged(path, str(error), last_good)


def writing_failed(path: Path, error: sqlite3.Error) -> LogWriteFailed:
    """Give the error of ours for one SQLite raised while events were committed."""
    code = result_code(error)
    if code is not None and code & 0xFF == _FULL:
        return LogWriteFailed(path, "the disk is full", remedy="Free some space on that disk", disk_full=True)
    if code is not None and code & 0xFF in _BUSY_OR_LOCKED:
        return LogWriteFailed(path, "another program keeps the log locked", remedy="Close it")
    if isinstance(error, sqlite3.IntegrityError):
        return LogWriteFailed(path, f"another program has written to the log ({error})", remedy="Close it")
    return LogWriteFailed(path, str(error), remedy="See to the disk")


def result_code(error: sqlite3.Error) -> int | None:
    """Give SQLite's extended result code; None for an error that Python's module raised by itself."""
    code: object = getattr(error, "sqlite_errorcode", None)
    return code if isinstance(code, int) else None
