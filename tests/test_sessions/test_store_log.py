"""The event log, as its one writer and its readers meet it."""

import asyncio
import sqlite3
import stat
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from sessions.store import log as log_module
from sessions.store.errors import (
    EventRefused,
    FolderUnusable,
    KeyConflict,
    LogClosed,
    LogUnavailable,
)
from sessions.store.log import Event, EventLog, Row
from sessions.store.writing import SIZE_LIMIT

STARTED: Event = ("turn_started", '{"role":"worker"}', None)


def counted(kind: str, count: int) -> list[Event]:
    return [(kind, f'{{"n":{n}}}', None) for n in range(count)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "session" / "session.db"


async def test_what_was_appended_is_there_after_reopening(path: Path) -> None:
    async with await EventLog.create(path, clock=lambda: 1_700_000_000.25) as log:
        first = await log.append([STARTED, ("text_added", '{"text":"été 漢字 🚢"}', "k1")])
        second = await log.append([("turn_ended", "{}", None)], at=1_700_000_001)
        assert log.last_seq == 3
    assert [row.seq for row in first + second] == [1, 2, 3]
    assert [row.at for row in first + second] == [1_700_000_000.25, 1_700_000_000.25, 1_700_000_001.0]
    async with await EventLog.open(path) as log:
        assert await log.rows() == first + second
        assert await log.rows(after=1) == [first[1], second[0]]
        assert await log.rows(after=3) == await log.rows(after=99) == []


async def test_a_reopened_log_goes_on_where_it_ended(path: Path) -> None:
    async with await EventLog.create(path) as log:
        before = await log.append(counted("a", 3))
    async with await EventLog.open(path) as log:
        later = await log.append(counted("b", 2))
        assert [row.seq for row in later] == [4, 5]
        assert await log.rows() == before + later


async def test_rows_come_in_chunks_whether_just_opened_or_read_anew(path: Path) -> None:
    async with await EventLog.create(path) as log:
        kept = await log.append(counted("a", 25))
    async with await EventLog.open(path) as log:
        just_opened = [chunk async for chunk in log.chunks(3, size=10)]
        read_anew = [chunk async for chunk in log.chunks(3, size=10)]
    assert just_opened == read_anew
    assert [len(chunk) for chunk in read_anew] == [10, 10, 2]
    assert [row for chunk in read_anew for row in chunk] == kept[3:]


async def test_the_files_are_private_from_the_start(path: Path) -> None:
    async with await EventLog.create(path) as log:
        await log.append([STARTED])
        modes = {entry.name: stat.S_IMODE(entry.stat().st_mode) for entry in path.parent.iterdir()}
    assert modes == {"session.db": 0o600, "session.db-wal": 0o600, "session.db-shm": 0o600, "ballast": 0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_log_is_never_made_over_something(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("mine")
    with pytest.raises(LogUnavailable, match="already"):
        asyncio.run(EventLog.create(path))
    assert path.read_text() == "mine"


async def test_a_log_that_cannot_be_made_leaves_nothing_behind(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: sqlite3.Connection) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr("sessions.store.schema.write_schema", broken)
    with pytest.raises(log_module.LogWriteFailed):
        await EventLog.create(path)
    assert list(path.parent.iterdir()) == []


async def test_a_log_below_a_file_says_where_and_what_next(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FolderUnusable) as told:
        await EventLog.create(tmp_path / "file" / "session" / "session.db")
    assert str(tmp_path) in told.value.where
    assert "QUARTERDECK_HOME" in told.value.next


@pytest.mark.parametrize("opener", [EventLog.open, EventLog.read_only])
async def test_a_log_that_is_not_there_is_not_made(path: Path, opener: Callable[[Path], Any], tmp_path: Path) -> None:
    with pytest.raises(LogUnavailable, match="no log here"):
        await opener(path)
    (tmp_path / "file").write_text("")
    with pytest.raises(LogUnavailable, match="cannot be looked at"):
        await opener(tmp_path / "file" / "session.db")
    assert not path.parent.exists()


class TestCallers:
    """Many callers, one transaction."""

    @pytest.fixture
    def groups(self, monkeypatch: pytest.MonkeyPatch) -> list[int]:
        """Record how many calls each transaction had."""
        sizes: list[int] = []
        commit = log_module.commit_group

        def recorded(*args: Any, requests: Any, **more: Any) -> Any:
            sizes.append(len(requests))
            return commit(*args, requests=requests, **more)

        monkeypatch.setattr(log_module, "commit_group", recorded)
        return sizes

    async def test_those_who_wait_together_are_committed_together(self, path: Path, groups: list[int]) -> None:
        async with await EventLog.create(path) as log:
            answers = await asyncio.gather(*(log.append(counted(f"caller{n}", 3)) for n in range(8)))
            assert groups == [8]
            assert [row for rows in answers for row in rows] == await log.rows()
        for n, rows in enumerate(answers):
            assert [row.kind for row in rows] == [f"caller{n}"] * 3
            assert [row.seq for row in rows] == [n * 3 + 1, n * 3 + 2, n * 3 + 3]

    async def test_one_refused_does_not_touch_the_others(self, path: Path, groups: list[int]) -> None:
        async with await EventLog.create(path) as log:
            await log.append([("a", "{}", "key")])
            groups.clear()
            answers = await asyncio.gather(
                log.append([("b", "{}", None)]),
                log.append([("b", "{}", None), ("other", "{}", "key")]),
                log.append([("b", '{"text":"\udc80"}', None), ("b", "{}", None)]),
                log.append([("b", "{}", None)]),
                return_exceptions=True,
            )
            assert groups == [4]
            assert isinstance(answers[1], KeyConflict)
            assert isinstance(answers[2], EventRefused)
            assert [(row.seq, row.kind) for row in await log.rows()] == [(1, "a"), (2, "b"), (3, "b")]

    async def test_a_cancelled_caller_breaks_no_transaction(self, path: Path, groups: list[int]) -> None:
        async with await EventLog.create(path) as log:
            gone = asyncio.create_task(log.append(counted("gone", 2)))
            stays = asyncio.create_task(log.append(counted("stays", 2)))
            await asyncio.sleep(0)
            gone.cancel()
            rows = await stays
            with pytest.raises(asyncio.CancelledError):
                await gone
            assert groups == [2]
            assert [row.kind for row in await log.rows()] == ["gone", "gone", "stays", "stays"]
            assert [row.seq for row in rows] == [3, 4]

    async def test_nothing_to_append_is_no_transaction(self, path: Path, groups: list[int]) -> None:
        async with await EventLog.create(path) as log:
            assert await log.append([]) == []
        assert groups == []

    async def test_closing_writes_what_waits(self, path: Path) -> None:
        log = await EventLog.create(path)
        waiting = asyncio.create_task(log.append([STARTED]))
        await asyncio.sleep(0)
        await log.close()
        assert [row.seq for row in await waiting] == [1]
        await log.close()

    async def test_closing_writes_what_came_during_a_commit(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        loop, began, may_end = asyncio.get_running_loop(), asyncio.Event(), threading.Event()
        commit = log_module.commit_group

        def held(*args: Any, **more: Any) -> Any:
            loop.call_soon_threadsafe(began.set)
            may_end.wait(30)
            return commit(*args, **more)

        monkeypatch.setattr(log_module, "commit_group", held)
        log = await EventLog.create(path)
        first = asyncio.create_task(log.append([STARTED]))
        await began.wait()
        later = asyncio.create_task(log.append([STARTED]))
        closing = asyncio.create_task(log.close())
        await asyncio.sleep(0)
        may_end.set()
        await closing
        assert [row.seq for row in await first + await later] == [1, 2]

    async def test_a_closed_log_takes_and_gives_nothing(self, path: Path) -> None:
        log = await EventLog.create(path)
        await log.close()
        with pytest.raises(LogClosed):
            await log.append([STARTED])
        with pytest.raises(LogClosed):
            await log.rows()

    def test_a_loop_that_ends_closes_what_nobody_closed(self, path: Path) -> None:
        async def careless() -> None:
            log = await EventLog.create(path)
            await log.append([STARTED])

        asyncio.run(careless())

        async def careful() -> list[Row]:
            async with await EventLog.open(path) as log:
                return await log.rows()

        assert len(asyncio.run(careful())) == 1


class TestKeys:
    """The same call twice counts once."""

    async def test_the_same_call_again_gives_the_rows_stored_then(self, path: Path) -> None:
        call: list[Event] = [("turn_ended", "{}", None), ("verdict", '{"pass":true}', "v1"), ("noted", "{}", None)]
        async with await EventLog.create(path) as log:
            await log.append([STARTED])
            first = await log.append(call, at=1.0)
            assert await log.append(call, at=2.0) == first
            assert log.last_seq == 4
        async with await EventLog.open(path) as log:
            assert await log.append(call, at=3.0) == first
            assert log.last_seq == 4

    async def test_the_same_call_twice_in_one_group_is_written_once(self, path: Path) -> None:
        async with await EventLog.create(path) as log:
            answers = await asyncio.gather(*(log.append([("a", "{}", "k")], at=float(n)) for n in range(3)))
            assert answers[0] == answers[1] == answers[2] == await log.rows()

    @pytest.mark.parametrize(
        "other",
        [
            [("verdict", '{"pass":false}', "v1")],
            [("decision", '{"pass":true}', "v1")],
            [("verdict", '{"pass":true}', "v1"), ("more", "{}", None)],
            [("before", "{}", None), ("verdict", '{"pass":true}', "v1")],
            [("verdict", '{"pass":true}', "v1"), ("verdict", '{"pass":true}', "v2")],
            [("new", "{}", "new"), ("verdict", '{"pass":true}', "v1")],
        ],
        ids=["body", "kind", "one more", "one before", "a new key after", "a new key before"],
    )
    async def test_a_used_key_with_other_content_is_a_conflict(self, path: Path, other: list[Event]) -> None:
        async with await EventLog.create(path) as log:
            await log.append([("verdict", '{"pass":true}', "v1")])
            with pytest.raises(KeyConflict) as told:
                await log.append(other)
            assert (told.value.key, told.value.seq) == ("v1", 1)
            assert log.last_seq == 1
            assert not log.failed

    async def test_a_key_twice_in_one_call_is_a_conflict(self, path: Path) -> None:
        async with await EventLog.create(path) as log:
            with pytest.raises(KeyConflict):
                await log.append([("a", "{}", "k"), ("a", "{}", "k")])


@pytest.mark.parametrize(
    ("event", "at"),
    [
        (("", "{}", None), 1.0),
        (("a", "x" * (SIZE_LIMIT), None), 1.0),
        (("a", "\ud800", None), 1.0),
        (("a", "{}", "\ud800"), 1.0),
        (("a", cast(str, {}), None), 1.0),
        (("a", "{}", None), float("nan")),
        (("a", "{}", None), float("inf")),
    ],
    ids=["no kind", "too big", "body", "key", "no text", "nan", "never"],
)
async def test_what_no_log_could_keep_is_refused_and_the_log_lives(path: Path, event: Event, at: float) -> None:
    async with await EventLog.create(path) as log:
        with pytest.raises(EventRefused):
            await log.append([event], at=at)
        assert [row.seq for row in await log.append([STARTED])] == [1]


async def test_odd_but_legal_values_survive(path: Path) -> None:
    odd: list[Event] = [("k\x00ind", '"\x00"', "key\x00"), ("a", "", ""), ("a", "\u2028\u202e", None)]
    async with await EventLog.create(path) as log:
        rows = await log.append(odd, at=-0.0)
    async with await EventLog.open(path) as log:
        assert await log.rows() == rows
        assert [(row.kind, row.body, row.key) for row in rows] == odd
