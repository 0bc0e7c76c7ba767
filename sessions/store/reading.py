"""Reading a log: each row is checked against the one before it, on the thread of the connection."""

import sqlite3
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from sessions.store import schema
from sessions.store.connection import LogConnection
from sessions.store.errors import LogDamaged, LogTooNew, LogUnavailable, StoreError, reading_failed
from sessions.store.rows import GENESIS, ChainBroken, Head, Row, check

CHUNK = 5000
"""Rows read at a time: some 15 ms, so that appends get their turn between."""

_AFTER = "SELECT seq, at, kind, body, key, hash FROM event WHERE seq > ? ORDER BY seq LIMIT ?"
_AT = "SELECT seq, hash FROM event WHERE seq = ?"


class LogReader:
    """A log open for reading, beside the host that writes it. Each row's chain is checked as it is read."""

    def __init__(self, path: Path, connection: LogConnection) -> None:
        self.path = path
        self._connection = connection

    @classmethod
    async def open(cls, path: Path) -> Self:
        """Open a log that may be in use.

        Raises:
            LogUnavailable: If it is not there, locked or forbidden.
            LogDamaged: If it is not a log of ours.
            LogTooNew: If a later Quarterdeck wrote it.
        """
        refuse_empty(path)
        connection = await LogConnection.open(path, writing=False)
        try:
            await connection.perform(partial(refuse_strange, path=path))
        except BaseException:
            await connection.close()
            raise
        return cls(path, connection)

    async def rows(self, after: int = 0) -> list[Row]:
        """Give the rows whose seq is greater than `after`, in order.

        Raises:
            LogDamaged: At the first row that is not whole.
        """
        return [row async for chunk in self.chunks(after) for row in chunk]

    def chunks(self, after: int = 0, *, size: int = CHUNK) -> AsyncIterator[list[Row]]:
        """Give the rows after `after` in lists of up to `size`, with those appended meanwhile.

        Raises:
            LogDamaged: At the first row that is not whole; the rows before it were given.
        """
        return chunks(self._connection, self.path, after, size)

    async def verified(self) -> list[Row]:
        """Check the database's structure and give all its rows.

        Raises:
            LogDamaged: If the structure or a row is not whole.
        """
        await self._connection.perform(partial(refuse_damaged, path=self.path))
        return await self.rows()

    async def close(self) -> None:
        """Close the file. Safe to repeat."""
        await self._connection.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


async def chunks(connection: LogConnection, path: Path, after: int, size: int) -> AsyncIterator[list[Row]]:
    """Give the rows after `after` through `connection`, checked, in lists of up to `size`.

    Raises:
        LogDamaged: At the first row that is not whole; the rows before it were given.
    """
    head = await connection.perform(partial(_head_at, path=path, seq=after))
    while head is not None:
        rows, fault = await connection.perform(partial(_chunk, path=path, head=head, size=size))
        if rows:
            yield rows
            head = Head(rows[-1].seq, rows[-1].hash)
        if fault is not None:
            raise fault
        if len(rows) < size:
            return


def refuse_empty(path: Path) -> None:
    """Refuse a file of no bytes before SQLite sees it: it would remove the write-ahead file with all the rows.

    Raises:
        LogUnavailable: If there is no file, or it cannot be looked at.
        LogDamaged: If it is empty.
    """
    # By its size alone: to open and close a database's file would drop the locks SQLite holds on it.
    try:
        size = path.stat().st_size
    except FileNotFoundError as error:
        raise LogUnavailable(
            "There is no log here",
            where=str(path),
            next="Run `quarterdeck sessions` to see the sessions there are.",
        ) from error
    except OSError as error:
        raise LogUnavailable(
            f"The session's log cannot be looked at: {error.strerror}",
            where=str(path),
            next="See that you may read its folder.",
        ) from error
    if size == 0:
        raise LogDamaged(path, "the file is empty", 0)


def refuse_strange(sql: sqlite3.Connection, *, path: Path) -> None:
    """Refuse a database that is not a log of a form we know.

    Raises:
        LogUnavailable: If it is locked or forbidden.
        LogDamaged: If it is not a log of ours.
        LogTooNew: If a later Quarterdeck wrote it.
    """
    try:
        ours = schema.number(sql, "application_id") == schema.APPLICATION_ID
        version = schema.number(sql, "user_version")
    except sqlite3.Error as error:
        raise reading_failed(path, error) from error
    if not ours:
        raise LogDamaged(path, "the file is not a Quarterdeck log")
    if version > schema.VERSION:
        raise LogTooNew(path, version, schema.VERSION)


def refuse_damaged(sql: sqlite3.Connection, *, path: Path) -> None:
    """Refuse a log whose pages, table or triggers are not whole. Its rows are not read.

    Raises:
        LogDamaged: With the last whole row, found by reading up to the fault.
    """
    try:
        fault = schema.fault_of(sql)
    except sqlite3.Error as error:
        refusal = reading_failed(path, error)
        if not isinstance(refusal, LogDamaged):
            raise refusal from error
        fault = refusal.fault
    if fault:
        rows, _ = _chunk(sql, path=path, head=GENESIS, size=-1)
        raise LogDamaged(path, fault, len(rows))


def _head_at(sql: sqlite3.Connection, *, path: Path, seq: int) -> Head | None:
    if seq <= 0:
        return GENESIS
    try:
        found = sql.execute(_AT, (seq,)).fetchone()
    except sqlite3.Error as error:
        raise reading_failed(path, error) from error
    return None if found is None else Head(*found)


def _chunk(sql: sqlite3.Connection, *, path: Path, head: Head, size: int) -> tuple[list[Row], StoreError | None]:
    rows: list[Row] = []
    try:
        # Read to its end or dropped at a fault, a cursor holds no snapshot open against the writer's checkpoints.
        check(sql.execute(_AFTER, (head.seq, size)), head, rows)
    except ChainBroken as broken:
        return rows, LogDamaged(path, str(broken), broken.last_good)
    except sqlite3.Error as error:
        return rows, reading_failed(path, error, head.seq + len(rows))
    return rows, None
