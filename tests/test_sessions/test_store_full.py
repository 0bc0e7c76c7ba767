"""A full disk: nothing is acknowledged that is not kept, nothing kept is lost, and a last record finds room."""

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
from pathlib import Path
from typing import Any

import pytest

import sessions
from sessions.store import ballast, schema
from sessions.store import log as log_module
from sessions.store.log import EventLog, LogWriteFailed, Row

CODE = Path(sessions.__file__).parent.parent
BODY = '{"text":"' + "x" * 2000 + '"}'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "session" / "session.db"


@pytest.fixture
def small_disk(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Let SQLite find the disk full once the log has 40 pages."""
    connect = schema.connect_writer

    def connect_small(path: Path) -> sqlite3.Connection:
        sql = connect(path)
        sql.execute("PRAGMA max_page_count = 40").fetchall()
        return sql

    monkeypatch.setattr(schema, "connect_writer", connect_small)
    return monkeypatch


async def filled(log: EventLog) -> list[Row]:
    """Append until the disk is full; give the acknowledged rows."""
    acknowledged: list[Row] = []
    while not log.failed:
        try:
            acknowledged += await log.append([("told", BODY, None)])
        except LogWriteFailed:
            break
    return acknowledged


async def test_a_full_disk_stops_the_log_and_loses_nothing(path: Path, small_disk: pytest.MonkeyPatch) -> None:
    async with await EventLog.create(path) as log:
        acknowledged = await filled(log)
        assert len(acknowledged) > 10
        assert log.failed
        with pytest.raises(LogWriteFailed) as told:
            await log.append([("small", "{}", None)])
        assert told.value.disk_full
        assert "the disk is full" in told.value.what
        assert "Free some space" in told.value.next
        assert await log.rows() == acknowledged
    small_disk.undo()
    async with await EventLog.open(path) as log:
        assert not log.failed
        assert await log.rows() == acknowledged
        (row,) = await log.append([("halted", "{}", None)])
        assert row.seq == len(acknowledged) + 1


async def test_all_who_wait_for_the_failed_commit_are_told(path: Path, small_disk: pytest.MonkeyPatch) -> None:
    async with await EventLog.create(path) as log:
        acknowledged = await log.append([("told", "{}", None)])
        answers = await asyncio.gather(
            log.append([("small", "{}", None)]),
            *(log.append([("told", BODY, None)] * 30) for _ in range(3)),
            return_exceptions=True,
        )
        assert [type(answer) for answer in answers] == [LogWriteFailed] * 4
        assert len({id(answer) for answer in answers}) == 4
        assert await log.rows() == acknowledged


async def test_those_who_came_during_the_failed_commit_are_told(path: Path, small_disk: pytest.MonkeyPatch) -> None:
    loop, began, may_fail = asyncio.get_running_loop(), asyncio.Event(), threading.Event()
    commit = log_module.commit_group
    groups: list[int] = []

    def held(*args: Any, requests: Any, **more: Any) -> Any:
        groups.append(len(requests))
        loop.call_soon_threadsafe(began.set)
        may_fail.wait(30)
        return commit(*args, requests=requests, **more)

    small_disk.setattr(log_module, "commit_group", held)
    async with await EventLog.create(path) as log:
        first = asyncio.create_task(log.append([("told", BODY, None)] * 100))
        await began.wait()
        later = asyncio.create_task(log.append([("small", "{}", None)]))
        await asyncio.sleep(0)
        may_fail.set()
        answers = await asyncio.gather(first, later, return_exceptions=True)
        assert [type(answer) for answer in answers] == [LogWriteFailed] * 2
        assert groups == [1]


class TestBallast:
    """Space kept back for the record of the halt."""

    async def test_it_is_laid_released_once_and_laid_again_when_there_is_room(self, path: Path) -> None:
        laid = path.with_name("ballast")
        async with await EventLog.create(path) as log:
            assert laid.stat().st_size == ballast.SIZE
            assert await log.release_ballast() is True
            assert await log.release_ballast() is False
            assert not laid.exists()
        async with await EventLog.open(path):
            assert laid.stat().st_size == ballast.SIZE

    async def test_it_is_not_taken_back_while_space_is_short(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        async with await EventLog.create(path) as log:
            await log.release_ballast()
        monkeypatch.setattr(ballast, "_PLENTY", 1 << 62)
        async with await EventLog.open(path) as log:
            assert not path.with_name("ballast").exists()
            await log.append([("halted", "{}", None)])

    async def test_a_log_needs_none(self, path: Path) -> None:
        (path.parent / "ballast").mkdir(parents=True)
        async with await EventLog.create(path) as log:
            assert await log.release_ballast() is False
            await log.append([("told", "{}", None)])


# A limit on the size of files stands in for a disk that takes no more: the system refuses the write itself.
LIMITED = """
    import asyncio, json, resource, sys
    from pathlib import Path
    from sessions.store.log import EventLog, LogWriteFailed

    LIMIT = 600 * 1024
    BODY = '{"text":"' + "x" * 2000 + '"}'

    def limit(size):
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    async def main(path):
        log = await EventLog.create(path)
        limit(LIMIT)
        acknowledged = []
        try:
            while len(acknowledged) < 5000:
                acknowledged += await log.append([("told", BODY, None)])
            outcome = "never full"
        except LogWriteFailed as error:
            outcome = error.what
        again = "taken"
        try:
            await log.append([("small", "{}", None)])
        except LogWriteFailed:
            again = "refused"
        readable = await log.rows() == acknowledged
        await log.close()
        limit(resource.RLIM_INFINITY)
        async with await EventLog.open(path) as log:
            rows = await log.rows()
            halted = await log.append([("halted", "{}", None)])
        print(json.dumps({
            "outcome": outcome, "again": again, "readable": readable, "acknowledged": len(acknowledged),
            "kept": rows[:len(acknowledged)] == acknowledged, "more": len(rows) - len(acknowledged),
            "halted": halted[0].seq - len(rows),
        }))

    asyncio.run(main(Path(sys.argv[1])))
"""


def test_a_write_the_system_refuses_stops_the_log_and_loses_nothing(path: Path) -> None:
    told = run(LIMITED, path)
    assert "could not be written" in told["outcome"]
    assert told["acknowledged"] > 20
    assert told == {
        "outcome": told["outcome"],
        "again": "refused",
        "readable": True,
        "acknowledged": told["acknowledged"],
        "kept": True,
        "more": 0,
        "halted": 1,
    }


def test_a_log_cannot_be_made_where_nothing_can_be_written(path: Path) -> None:
    told = run(
        """
        import asyncio, json, resource, sys
        from pathlib import Path
        from sessions.errors import StoreError
        from sessions.store.log import EventLog

        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
        try:
            asyncio.run(EventLog.create(Path(sys.argv[1])))
            told = "made"
        except StoreError as error:
            told = [error.what, error.where, error.next]
        print(json.dumps({"told": told, "left": [one.name for one in Path(sys.argv[1]).parent.iterdir()]}))
        """,
        path,
    )
    what, where, next_step = told["told"]
    assert "disk I/O error" in what
    assert (where, told["left"]) == (str(path), [])
    assert "space" in next_step or "disk" in next_step


def run(code: str, path: Path) -> dict[str, Any]:
    """Run `code` in a Python of its own and give what it printed, as JSON."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(code), str(path)],
        env={**os.environ, "PYTHONPATH": str(CODE)},
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, (signal.Signals(-done.returncode) if done.returncode < 0 else "", done.stderr.decode())
    return json.loads(done.stdout)
