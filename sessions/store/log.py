"""The session's event log: rows that are only ever appended, each acknowledged once it is on disk.

One task owns the file. Appends that wait at the same time are committed together, so that many callers pay for
one sync.
"""

import asyncio
import contextlib
import math
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from sessions.store import ballast, schema
from sessions.store.connection import LogConnection
from sessions.store.errors import (
    EventRefused,
    KeyConflict,
    LogClosed,
    LogDamaged,
    LogTooNew,
    LogUnavailable,
    LogWriteFailed,
    StoreError,
    reading_failed,
    writing_failed,
)
from sessions.store.files import create_private_file, make_private_folder
from sessions.store.reading import CHUNK, LogReader, chunks
from sessions.store.rows import GENESIS, Head, Row
from sessions.store.salvage import SalvageResult, salvage
from sessions.store.writing import Event, Request, commit_group, refuse_malformed

__all__ = [
    "Event",
    "EventLog",
    "EventRefused",
    "KeyConflict",
    "LogClosed",
    "LogDamaged",
    "LogReader",
    "LogTooNew",
    "LogUnavailable",
    "LogWriteFailed",
    "Row",
    "SalvageResult",
    "salvage",
]


@dataclass(frozen=True, slots=True)
class _Call:
    request: Request
    answer: "asyncio.Future[list[Row]]"


class EventLog:
    """A log open for writing.

    Made by `create` and `open`. Whoever opens it holds the session's lock, and closes it.
    """

    def __init__(self, path: Path, connection: LogConnection, rows: list[Row], clock: Callable[[], float]) -> None:
        self.path = path
        self._connection = connection
        self._clock = clock
        self._head = Head(rows[-1].seq, rows[-1].hash) if rows else GENESIS
        self._opened: list[Row] | None = rows
        self._waiting: list[_Call] = []
        self._work = asyncio.Event()
        self._closing = False
        self._failure: Callable[[], LogWriteFailed] | None = None
        self._owner = asyncio.create_task(self._own(), name=f"event log {path}")

    @classmethod
    async def create(cls, path: Path, *, clock: Callable[[], float] = time.time) -> Self:
        """Make a new, empty log at `path`, in a folder that is made when missing, and open it.

        The file is private from its first byte. A ballast is laid beside it.

        Args:
            clock: Gives the wall time of appends, seconds since 1970.

        Raises:
            LogUnavailable: If something is at `path` already.
            FolderUnusable: If the folder or the file cannot be made.
        """
        await asyncio.to_thread(_create_files, path)
        try:
            connection = await LogConnection.open(path, writing=True)
            try:
                await connection.perform(schema.write_schema)
            except BaseException:
                await connection.close()
                raise
        except BaseException as error:
            await asyncio.to_thread(_remove_files, path)
            if isinstance(error, sqlite3.Error):
                raise writing_failed(path, error) from error
            raise
        return cls(path, connection, [], clock)

    @classmethod
    async def open(cls, path: Path, *, clock: Callable[[], float] = time.time) -> Self:
        """Open a log to go on with it, after its structure and every row were checked.

        The rows that were read for that are kept for the first call of `rows` or `chunks`, which then costs
        nothing. Nothing is written to a damaged log.

        Raises:
            LogUnavailable: If it is not there, locked or forbidden.
            LogDamaged: If it is not whole; `salvage` saves what is.
            LogTooNew: If a later Quarterdeck wrote it.
        """
        async with await LogReader.open(path) as reader:
            rows = await reader.verified()
            connection = await LogConnection.open(path, writing=True)
        try:
            await connection.perform(partial(_settle, path=path))
            await asyncio.to_thread(ballast.restore, path)
        except BaseException:
            await connection.close()
            raise
        return cls(path, connection, rows, clock)

    @staticmethod
    async def read_only(path: Path) -> LogReader:
        """Open a log for reading, also while a host writes it. Raises like `LogReader.open`."""
        return await LogReader.open(path)

    @property
    def last_seq(self) -> int:
        """Sequence number of the last committed row; 0 in an empty log."""
        return self._head.seq

    @property
    def failed(self) -> bool:
        """Whether a commit failed, after which the log takes no more events until it is opened again."""
        return self._failure is not None

    async def append(self, events: Sequence[Event], at: float | None = None) -> list[Row]:
        """Commit events next to each other and give their rows, once they are on disk.

        A call whose keys are in the log already writes nothing and gives the rows stored then, if it is the same
        call: the same kinds, bodies and keys in the same order. A cancelled call may still be written.

        Args:
            events: Kind, JSON text and idempotency key (or None) of each.
            at: Wall time in seconds since 1970; the clock's when left out.

        Raises:
            KeyConflict: If a key was used for other content. Nothing is written.
            EventRefused: If no log could keep these events. Nothing is written.
            LogWriteFailed: If this commit, or an earlier one, failed.
            LogClosed: If the log was closed before they were written.
        """
        stamp = self._clock() if at is None else at
        if not math.isfinite(stamp):
            raise EventRefused(f"An event cannot happen at {stamp}", where=str(self.path), next="Mend the clock.")
        wanted = tuple((kind, body, key) for kind, body, key in events)
        refuse_malformed(self.path, wanted)
        if self._failure is not None:
            raise self._failure()
        if self._closing or self._owner.done():
            raise LogClosed(self.path)
        if not wanted:
            return []
        # Adding zero makes 0.0 of -0.0, which SQLite does not keep and the hash would tell apart.
        call = _Call(Request(wanted, stamp + 0.0), asyncio.get_running_loop().create_future())
        self._waiting.append(call)
        self._work.set()
        return await asyncio.shield(call.answer)

    async def rows(self, after: int = 0) -> list[Row]:
        """Give the committed rows whose seq is greater than `after`, in order.

        Raises:
            LogDamaged: At the first row that is not whole.
            LogClosed: If the log is closed.
        """
        return [row async for chunk in self.chunks(after) for row in chunk]

    async def chunks(self, after: int = 0, *, size: int = CHUNK) -> AsyncIterator[list[Row]]:
        """Give the rows after `after` in lists of up to `size`, with those appended meanwhile.

        Raises:
            LogDamaged: At the first row that is not whole; the rows before it were given.
            LogClosed: If the log is closed.
        """
        opened, self._opened = self._opened or [], None
        for start in range(max(after, 0), len(opened), size):
            yield opened[start : start + size]
        async for chunk in chunks(self._connection, self.path, max(after, len(opened)), size):
            yield chunk

    async def release_ballast(self) -> bool:
        """Free the space kept for a last record on a full disk; whether there was any.

        After a failed write: release it, close the log, open it again, append the record.
        """
        return await asyncio.to_thread(ballast.release, self.path)

    async def close(self) -> None:
        """Write what waits, then close the file. Safe to repeat; if cancelled, the closing goes on."""
        self._closing = True
        self._work.set()
        await asyncio.wait([self._owner])
        if not self._owner.cancelled() and (error := self._owner.exception()) is not None:
            raise error

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _own(self) -> None:
        try:
            while self._waiting or not self._closing:
                await self._work.wait()
                self._work.clear()
                group, self._waiting = self._waiting, []
                if group:
                    await self._commit(group)
        finally:
            self._closing = True
            self._refuse(self._waiting, partial(LogClosed, self.path))
            # Also reached when the loop ends around a log nobody closed: its thread would hold the process.
            await self._connection.close()

    async def _commit(self, group: list[_Call]) -> None:
        requests = [call.request for call in group]
        work = partial(commit_group, path=self.path, head=self._head, requests=requests)
        try:
            answers, self._head = await self._connection.perform(work)
        except sqlite3.Error as error:
            self._failure = partial(_failure, self.path, error)
            self._refuse(group + self._waiting, self._failure)
            self._waiting = []
        except BaseException:
            self._refuse(group, partial(LogClosed, self.path))
            raise
        else:
            for call, answer in zip(group, answers, strict=True):
                if isinstance(answer, StoreError):
                    call.answer.set_exception(answer)
                else:
                    call.answer.set_result(answer)

    def _refuse(self, calls: list[_Call], error: Callable[[], StoreError]) -> None:
        for call in calls:
            if not call.answer.done():
                call.answer.set_exception(error())


def _failure(path: Path, error: sqlite3.Error) -> LogWriteFailed:
    # A new error for each caller: one shared by many would collect all their tracebacks.
    failure = writing_failed(path, error)
    failure.__cause__ = error
    return failure


def _settle(sql: sqlite3.Connection, *, path: Path) -> None:
    """Find out now whether the log can be written, and make durable what a crash left in the write-ahead file."""
    try:
        sql.execute("BEGIN IMMEDIATE")
        sql.execute("ROLLBACK")
    except sqlite3.Error as error:
        raise reading_failed(path, error) from error
    # A sync that failed before the crash may have been forgotten by the system; moving the rows syncs them anew.
    # On a full disk it cannot be done, and need not: the rows stay where they are, and if that is no good the next
    # commit says so.
    with contextlib.suppress(sqlite3.OperationalError):
        sql.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()


def _create_files(path: Path) -> None:
    make_private_folder(path.parent)
    try:
        create_private_file(path)
    except FileExistsError as error:
        raise LogUnavailable(
            "There is a log here already", where=str(path), next="Open that session, or start a new one."
        ) from error
    ballast.restore(path)


def _remove_files(path: Path) -> None:
    for ending in ("", "-wal", "-shm", "-journal"):
        path.with_name(path.name + ending).unlink(missing_ok=True)
    ballast.release(path)
