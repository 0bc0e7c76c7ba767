"""A damaged log is told apart, left alone, and what is whole of it is saved."""

import asyncio
import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import astuple
from pathlib import Path

import pytest

from sessions.errors import StoreError
from sessions.store import schema
from sessions.store.log import EventLog, LogDamaged, LogTooNew, LogUnavailable, Row, SalvageResult, salvage
from sessions.store.rows import GENESIS, ChainBroken, check, linked

ROWS = 400
MARKED = 250


def body_of(seq: int) -> str:
    return f'{{"n":{seq},"text":"{"the quick brown fox " * 10}"}}'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Give a closed log of `ROWS` rows, some with keys."""
    path = tmp_path / "20261121-1432-ab3f" / "session.db"

    async def write() -> None:
        async with await EventLog.create(path, clock=lambda: 1e9) as log:
            for start in range(1, ROWS + 1, 50):
                await log.append(
                    [("told", body_of(seq), f"k{seq}" if seq % 3 == 0 else None) for seq in range(start, start + 50)]
                )

    asyncio.run(write())
    return path


def opened(path: Path) -> list[Row]:
    async def read() -> list[Row]:
        async with await EventLog.open(path) as log:
            return await log.rows()

    return asyncio.run(read())


def streamed(path: Path) -> list[Row]:
    async def read() -> list[Row]:
        async with await EventLog.read_only(path) as reader:
            return await reader.rows()

    return asyncio.run(read())


def contents(path: Path) -> dict[str, bytes]:
    """Give the bytes of the files beside the log that hold something.

    Looking at a database leaves an empty write-ahead file, and its index, which holds no rows.
    """
    files = {one.name: one.read_bytes() for one in path.parent.iterdir() if not one.name.endswith("-shm")}
    return {name: data for name, data in files.items() if data or name == path.name}


def tampered(path: Path, *statements: str) -> None:
    """Change the database as a program could that takes the triggers away first and puts them back."""
    with sqlite3.connect(path) as sql:
        for (name,) in sql.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
            sql.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            sql.execute(statement)
        for statement in schema.STATEMENTS:
            if statement.startswith("CREATE TRIGGER"):
                sql.execute(statement)
    sql.close()


def flip(path: Path, place: int) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 0x01
    path.write_bytes(data)


def flip_in_row(path: Path) -> None:
    flip(path, path.read_bytes().index(body_of(MARKED).encode()) + 30)


def flip_kind_of_row(path: Path) -> None:
    flip(path, path.read_bytes().index(b"told" + body_of(MARKED).encode()))


def zero_page_of_row(path: Path) -> None:
    data = bytearray(path.read_bytes())
    page = data.index(body_of(MARKED).encode()) // 4096
    data[page * 4096 : (page + 1) * 4096] = bytes(4096)
    path.write_bytes(data)


def cut_before_row(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: data.index(body_of(MARKED).encode()) // 4096 * 4096])


# Each takes something from the row at MARKED or after it, so some rows before are whole.
IN_THE_MIDDLE: dict[str, Callable[[Path], None]] = {
    "a bit of a body": flip_in_row,
    "a bit of a kind": flip_kind_of_row,
    "a page of zeros": zero_page_of_row,
    "the end cut off": cut_before_row,
    "a row gone": lambda path: tampered(path, f"DELETE FROM event WHERE seq = {MARKED}"),
    "a row changed": lambda path: tampered(path, f"UPDATE event SET body = '[]' WHERE seq = {MARKED}"),
    "a time changed": lambda path: tampered(path, f"UPDATE event SET at = at + 1 WHERE seq = {MARKED}"),
    "a key taken away": lambda path: tampered(path, f"UPDATE event SET key = NULL WHERE seq = {MARKED - 1}"),
    "two rows changed round": lambda path: tampered(
        path,
        f"UPDATE event SET seq = 9999 WHERE seq = {MARKED}",
        f"UPDATE event SET seq = {MARKED} WHERE seq = {MARKED + 1}",
        f"UPDATE event SET seq = {MARKED + 1} WHERE seq = 9999",
    ),
}

AS_A_WHOLE: dict[str, Callable[[Path], object]] = {
    "no bytes": lambda path: path.write_bytes(b""),
    "100 bytes": lambda path: path.write_bytes(path.read_bytes()[:100]),
    "another file": lambda path: path.write_bytes(b"%PDF-1.7 something else\n" * 400),
    "zeros": lambda path: path.write_bytes(bytes(8192)),
    "first page gone": lambda path: path.write_bytes(bytes(4096) + path.read_bytes()[4096:]),
}


@pytest.mark.parametrize("damage", IN_THE_MIDDLE.values(), ids=IN_THE_MIDDLE.keys())
def test_damage_in_the_middle_is_told_left_alone_and_what_is_before_is_saved(
    path: Path, damage: Callable[[Path], None], tmp_path: Path
) -> None:
    whole = opened(path)
    damage(path)
    before = contents(path)

    with pytest.raises(LogDamaged) as told:
        opened(path)
    assert "quarterdeck recover 20261121-1432-ab3f" in told.value.next
    assert contents(path) == before

    result = asyncio.run(salvage(path, tmp_path / "saved" / "session.db"))
    assert MARKED - 60 < result.kept < MARKED
    assert result.lost_from_seq == result.kept + 1
    assert result.reason
    assert opened(tmp_path / "saved" / "session.db") == whole[: result.kept]
    if damage is not cut_before_row:
        # Of a file that was cut, SQLite reads nothing until it is told to.
        assert told.value.last_good == result.kept
        assert f"Events up to {result.kept} are whole" in told.value.what
    assert contents(path) == before
    assert [one.name for one in (tmp_path / "saved").iterdir() if one.name.startswith(".")] == []


@pytest.mark.parametrize("damage", AS_A_WHOLE.values(), ids=AS_A_WHOLE.keys())
def test_a_file_that_is_no_log_is_told_and_left_alone(
    path: Path, damage: Callable[[Path], object], tmp_path: Path
) -> None:
    damage(path)
    before = contents(path)
    for reading in (opened, streamed):
        with pytest.raises(LogDamaged, match="quarterdeck recover"):
            reading(path)
    assert contents(path) == before
    result = asyncio.run(salvage(path, tmp_path / "saved.db"))
    assert (result.kept, result.lost_from_seq) == (0, 1)
    assert opened(tmp_path / "saved.db") == []


def test_a_reader_gives_the_rows_before_the_damage(path: Path) -> None:
    tampered(path, f"UPDATE event SET body = '[]' WHERE seq = {MARKED}")

    async def read() -> None:
        async with await EventLog.read_only(path) as reader:
            async for chunk in reader.chunks(size=40):
                rows.extend(chunk)

    rows: list[Row] = []
    with pytest.raises(LogDamaged) as told:
        asyncio.run(read())
    assert told.value.last_good == MARKED - 1
    assert [row.seq for row in rows] == list(range(1, MARKED))


@pytest.mark.parametrize("lost", [name for name in schema.STATEMENTS if "TRIGGER" in name])
def test_a_log_without_its_triggers_is_damaged_but_all_is_saved(path: Path, lost: str, tmp_path: Path) -> None:
    whole = opened(path)
    with sqlite3.connect(path) as sql:
        sql.execute(f"DROP TRIGGER {lost.split()[2]}")
    sql.close()
    with pytest.raises(LogDamaged) as told:
        opened(path)
    assert told.value.last_good == ROWS
    assert asyncio.run(salvage(path, tmp_path / "saved.db")) == SalvageResult(ROWS, None, "")
    assert opened(tmp_path / "saved.db") == whole


def test_a_broken_index_is_damage_but_all_is_saved(path: Path, tmp_path: Path) -> None:
    whole = opened(path)
    with sqlite3.connect(path) as sql:
        ((page,),) = sql.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'event_key'").fetchall()
    sql.close()
    data = bytearray(path.read_bytes())
    data[(page - 1) * 4096 : page * 4096] = bytes(4096)
    path.write_bytes(data)
    with pytest.raises(LogDamaged):
        opened(path)
    assert asyncio.run(salvage(path, tmp_path / "saved.db")).kept == ROWS
    assert opened(tmp_path / "saved.db") == whole


def test_a_database_of_another_program_is_not_ours(path: Path) -> None:
    path.unlink()
    with sqlite3.connect(path) as sql:
        sql.execute("CREATE TABLE bookmarks (url TEXT)")
    sql.close()
    for reading in (opened, streamed):
        with pytest.raises(LogDamaged, match="not a Quarterdeck log"):
            reading(path)


def test_a_log_that_was_never_finished_is_damaged(path: Path) -> None:
    path.unlink()
    with sqlite3.connect(path) as sql:
        sql.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
    sql.close()
    with pytest.raises(LogDamaged, match="never finished"):
        opened(path)


def test_a_log_of_a_newer_quarterdeck_is_not_called_damaged(path: Path, tmp_path: Path) -> None:
    with sqlite3.connect(path) as sql:
        sql.execute(f"PRAGMA user_version = {schema.VERSION + 1}")
    sql.close()
    for reading in (opened, streamed):
        with pytest.raises(LogTooNew, match="newer Quarterdeck"):
            reading(path)
    with pytest.raises(LogTooNew):
        asyncio.run(salvage(path, tmp_path / "saved.db"))
    assert not (tmp_path / "saved.db").exists()


def test_rows_still_in_the_write_ahead_file_are_saved(path: Path, tmp_path: Path) -> None:
    async def copy_while_open() -> list[Row]:
        async with await EventLog.open(path) as log:
            await log.append([("told", "{}", None)])
            rows = await log.rows()
            for part in ("session.db", "session.db-wal"):
                shutil.copy(path.with_name(part), tmp_path / part)
            return rows

    rows = asyncio.run(copy_while_open())
    with sqlite3.connect(tmp_path / "session.db") as sql:
        # A reader that holds the file open leaves the write-ahead file where it is.
        assert sql.execute("SELECT count(*) FROM event").fetchone() == (ROWS + 1,)
        result = asyncio.run(salvage(tmp_path / "session.db", tmp_path / "saved.db"))
    sql.close()
    assert result == SalvageResult(ROWS + 1, None, "")
    assert opened(tmp_path / "saved.db") == rows


def test_a_database_cut_to_nothing_is_saved_from_its_write_ahead_file(tmp_path: Path) -> None:
    path = tmp_path / "session" / "session.db"

    async def copy_while_open() -> list[Row]:
        async with await EventLog.create(path) as log:
            rows = await log.append([("told", body_of(n), None) for n in range(50)])
            shutil.copy(path.with_name("session.db-wal"), tmp_path / "session.db-wal")
            return rows

    rows = asyncio.run(copy_while_open())
    (tmp_path / "session.db").touch()
    before = (tmp_path / "session.db-wal").read_bytes()
    with pytest.raises(LogDamaged, match="empty"):
        opened(tmp_path / "session.db")
    assert (tmp_path / "session.db-wal").read_bytes() == before
    assert asyncio.run(salvage(tmp_path / "session.db", tmp_path / "saved.db")) == SalvageResult(50, None, "")
    assert opened(tmp_path / "saved.db") == rows


def test_a_last_row_that_was_moved_is_damage(path: Path) -> None:
    tampered(path, f"UPDATE event SET seq = {ROWS + 7} WHERE seq = {ROWS}")
    with pytest.raises(LogDamaged) as told:
        opened(path)
    assert told.value.last_good == ROWS - 1


@pytest.mark.parametrize(
    "values",
    [
        (2, "noon", "told", "{}", None),
        (2, 1.0, b"told", "{}", None),
        (2, 1.0, "told", None, None),
        (2, 1.0, "told", "{}", 5),
    ],
)
def test_a_record_whose_types_changed_breaks_the_chain(values: tuple[object, ...]) -> None:
    first = linked(GENESIS, 1.0, "told", "{}", None)
    rows: list[Row] = []
    with pytest.raises(ChainBroken) as told:
        check([astuple(first), (*values, bytes(32))], GENESIS, rows)
    assert told.value.last_good == 1
    assert rows == [first]


def test_salvage_writes_over_nothing_and_needs_something(path: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(LogUnavailable, match="already"):
        asyncio.run(salvage(path, tmp_path / "mine"))
    assert (tmp_path / "mine").read_text() == "mine"
    with pytest.raises(LogUnavailable):
        asyncio.run(salvage(tmp_path / "nothing.db", tmp_path / "saved.db"))
    with pytest.raises(StoreError):
        asyncio.run(salvage(path, tmp_path / "mine" / "saved.db"))
    assert sorted(one.name for one in tmp_path.iterdir()) == ["20261121-1432-ab3f", "mine"]


def test_flipped_bits_anywhere_lose_no_row_silently(path: Path) -> None:
    """Either the damage is told, or every row is as it was (the bit was in space that holds nothing)."""
    whole, pristine = opened(path), path.read_bytes()
    told = 0
    for step in range(40):
        flip(path, (step * 7919 + 500) % len(pristine))
        try:
            assert opened(path) == whole
        except LogDamaged:
            told += 1
        path.write_bytes(pristine)
        for side in ("-wal", "-shm"):
            path.with_name(path.name + side).unlink(missing_ok=True)
    assert told > 20
