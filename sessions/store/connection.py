"""A log's database behind one thread of its own.

A transaction is one function, run whole in that thread: statements awaited one by one could be cut by a
cancelled task, which leaves a transaction open, or mixed with those of another.
"""

import sqlite3
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Self, TypeVar, cast

import aiosqlite

from sessions.store import schema
from sessions.store.errors import LogClosed, reading_failed

T = TypeVar("T")

# aiosqlite's own row buffer, unused: rows are fetched inside the functions that run in the thread.
_UNUSED_CHUNK = 64


class LogConnection(aiosqlite.Connection):
    """One SQLite connection and its thread. Must be closed, or the thread keeps the process from ending."""

    def __init__(self, path: Path, *, writing: bool) -> None:
        connect = schema.connect_writer if writing else schema.connect_reader
        super().__init__(partial(connect, path), _UNUSED_CHUNK)
        self.path = path

    @classmethod
    async def open(cls, path: Path, *, writing: bool) -> Self:
        """Open a log's file, which must be there.

        Raises:
            LogUnavailable: If it is not there, locked or forbidden.
            LogDamaged: If it is not a database.
        """
        connection = cls(path, writing=writing)
        try:
            await connection
        except sqlite3.Error as error:
            raise reading_failed(path, error) from error
        return connection

    async def perform(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` in the thread and give what it returns.

        A cancelled caller stops waiting; the work itself always runs to its end.

        Raises:
            LogClosed: If the connection is closed.
        """
        if self._connection is None or not self._running:
            raise LogClosed(self.path)
        # The one way aiosqlite has to run a whole function; it leaves it untyped.
        execute = cast("Callable[[Callable[[], T]], Awaitable[T]]", self._execute)  # pyright: ignore[reportUnknownMemberType]
        return await execute(partial(work, self._connection))
