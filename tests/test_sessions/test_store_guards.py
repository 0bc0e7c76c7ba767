"""What the log refuses, what its readers may see, and how a fault of the file is told from one around it."""

import sqlite3
from functools import partial
from pathlib import Path

import pytest

from sessions.store import schema
from sessions.store.errors import LogClosed, LogUnavailable, reading_failed, writing_failed
from sessions.store.log import Event, EventLog, LogWriteFailed

STARTED: Event = ("turn_started", '{"role":"worker"}', None)


def counted(kind: str, count: int) -> list[Event]:
    return [(kind, f'{{"n":{n}}}', None) for n in range(count)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "session" / "session.db"


class TestAppendOnly:
    """The table itself refuses, whatever a program's settings are."""

    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE event SET body = '[]' WHERE seq = 1",
            "DELETE FROM event",
            "DELETE FROM event WHERE seq = 2",
            "INSERT OR REPLACE INTO event VALUES (1, 0, 'a', '{}', NULL, zeroblob(32))",
            "REPLACE INTO event VALUES (3, 0, 'a', '{}', 'k', zeroblob(32))",
            "INSERT INTO event VALUES (2, 0, 'a', '{}', NULL, zeroblob(32)) ON CONFLICT DO UPDATE SET body = ''",
            "INSERT INTO event VALUES (4, 0, 'a', '{}', NULL, zeroblob(32))",
            "INSERT INTO event VALUES (NULL, 0, 'a', '{}', NULL, zeroblob(32))",
            "INSERT INTO event VALUES (3, 0, 'a', '{}', 'k', zeroblob(32))",
            "INSERT INTO event VALUES (3, 0, 'a', '{}', NULL, 'short')",
        ],
    )
    async def test_no_statement_changes_the_past(self, path: Path, statement: str) -> None:
        async with await EventLog.create(path) as log:
            kept = await log.append([("a", "{}", None), ("a", "{}", "k")])
        with sqlite3.connect(path) as other, pytest.raises(sqlite3.IntegrityError):
            other.execute(statement)
        other.close()
        async with await EventLog.open(path) as log:
            assert await log.rows() == kept

    async def test_rows_of_another_writer_stop_this_one(self, path: Path) -> None:
        async with await EventLog.create(path) as log:
            await log.append([STARTED])
            with sqlite3.connect(path) as other:
                other.execute("INSERT INTO event VALUES (2, 0, 'a', '{}', NULL, zeroblob(32))")
            other.close()
            with pytest.raises(LogWriteFailed, match="another program"):
                await log.append([STARTED])
            assert log.failed


class TestReaders:
    """Others may look on while the host writes."""

    async def test_a_reader_follows_a_writer(self, path: Path) -> None:
        async with await EventLog.create(path) as log, await EventLog.read_only(path) as reader:
            assert await reader.rows() == []
            first = await log.append(counted("a", 3))
            assert await reader.rows() == first
            second = await log.append(counted("b", 2))
            assert await reader.rows(after=3) == second
        await reader.close()

    async def test_a_reader_cannot_write(self, path: Path) -> None:
        async with await EventLog.create(path) as log:
            await log.append([STARTED])
        async with await EventLog.read_only(path) as reader:
            for statement in ("DELETE FROM event", "DROP TABLE event", "PRAGMA user_version = 9"):
                with pytest.raises(sqlite3.OperationalError, match="readonly"):
                    await reader._connection.perform(lambda sql, s=statement: sql.execute(s).fetchall())
            for pragma, value in (("query_only", 1), ("wal_autocheckpoint", 0), ("mmap_size", 0)):
                assert await reader._connection.perform(partial(schema.number, pragma=pragma)) == value

    async def test_a_closed_reader_says_so(self, path: Path) -> None:
        async with await EventLog.create(path):
            reader = await EventLog.read_only(path)
            await reader.close()
            with pytest.raises(LogClosed):
                await reader.rows()

    async def test_a_log_locked_by_another_program_is_busy_not_damaged(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("sessions.store.schema.LOCK_WAIT", 0.0)
        async with await EventLog.create(path) as log:
            await log.append([STARTED])
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        try:
            with pytest.raises(LogUnavailable, match="locked by another"):
                await EventLog.open(path)
        finally:
            other.close()
        async with await EventLog.open(path) as log:
            assert log.last_seq == 1


@pytest.mark.parametrize(
    ("code", "unavailable"),
    [
        (sqlite3.SQLITE_BUSY, True),
        (sqlite3.SQLITE_CANTOPEN, True),
        (sqlite3.SQLITE_READONLY, True),
        (sqlite3.SQLITE_FULL, True),
        (sqlite3.SQLITE_IOERR_SHMSIZE, True),
        (sqlite3.SQLITE_IOERR_SHORT_READ, False),
        (sqlite3.SQLITE_IOERR_READ, False),
        (sqlite3.SQLITE_IOERR_CORRUPTFS, False),
        (sqlite3.SQLITE_CORRUPT, False),
        (sqlite3.SQLITE_NOTADB, False),
        (None, False),
    ],
)
def test_only_what_the_file_holds_is_damage(path: Path, code: int | None, unavailable: bool) -> None:
    error = sqlite3.OperationalError("it broke")
    if code is not None:
        error.sqlite_errorcode = code
    assert isinstance(reading_failed(path, error), LogUnavailable) is unavailable


def test_a_file_closed_meanwhile_is_closed_not_damaged(path: Path) -> None:
    assert isinstance(reading_failed(path, sqlite3.ProgrammingError("Cannot operate on a closed database.")), LogClosed)


def test_a_log_that_another_program_keeps_locked_is_not_the_disk_s_fault(path: Path) -> None:
    error = sqlite3.OperationalError("database is locked")
    error.sqlite_errorcode = sqlite3.SQLITE_BUSY
    told = writing_failed(path, error)
    assert "another program keeps the log locked" in told.what
    assert not told.disk_full


async def test_the_database_is_set_up_to_survive_a_power_cut(path: Path) -> None:
    def settings(sql: sqlite3.Connection) -> dict[str, int | str]:
        names = ("journal_mode", "synchronous", "foreign_keys", "recursive_triggers", "mmap_size", "user_version")
        return {name: sql.execute(f"PRAGMA {name}").fetchone()[0] for name in names}

    async with await EventLog.create(path) as log:
        assert await log._connection.perform(settings) == {
            "journal_mode": "wal",
            "synchronous": 2,
            "foreign_keys": 1,
            "recursive_triggers": 1,
            "mmap_size": 0,
            "user_version": 1,
        }
