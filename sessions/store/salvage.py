"""Saving what is whole of a damaged log: the rows from the first up to the first that is not.

The damaged file is only ever copied. Opening it could change it, for SQLite tidies up as it opens and closes a
database.
"""

import asyncio
import os
import shutil
import sqlite3
import tempfile
from dataclasses import dataclass
from pathlib import Path

from sessions.store import schema
from sessions.store.errors import LogTooNew, LogUnavailable, writing_failed
from sessions.store.files import create_private_file, make_private_folder, sync_folder, told_as_unusable
from sessions.store.rows import GENESIS, ChainBroken, Row, check

# The write-ahead file holds rows that were acknowledged; the index beside it is made anew from it.
_PARTS = ("", "-wal", "-journal")
_PAGE = 4096
_ALL = "SELECT seq, at, kind, body, key, hash FROM event NOT INDEXED ORDER BY seq"


@dataclass(frozen=True, slots=True)
class SalvageResult:
    """What was saved of a damaged log."""

    kept: int
    """Rows in the new log; they have the seqs, keys and hashes they had."""
    lost_from_seq: int | None
    """The first seq that could not be saved; None when nothing is known to be lost."""
    reason: str
    """What ended the reading; empty when every row could be read."""


async def salvage(damaged_path: Path, new_path: Path) -> SalvageResult:
    """Copy the whole rows from the start of a damaged log into a new log at `new_path`.

    The damaged file is left as it is. No connection to it may be open in this process, and no host may hold its
    session: the caller holds its lock. Room for two copies is needed beside `new_path` for a while.

    Raises:
        LogUnavailable: If there is nothing to read, or something is at `new_path` already.
        LogTooNew: If the log is not damaged but of a later form, as far as can be told.
        LogWriteFailed: If the new log cannot be written.
        FolderUnusable: If a file cannot be copied or made.
    """
    return await asyncio.to_thread(_salvage, damaged_path, new_path)


def _salvage(damaged: Path, new: Path) -> SalvageResult:
    if not damaged.exists():
        raise LogUnavailable("There is no log here", where=str(damaged), next="See that the path is right.")
    make_private_folder(new.parent)
    with (
        told_as_unusable(new.parent),
        tempfile.TemporaryDirectory(dir=new.parent, prefix=".salvage-") as name,
    ):
        scratch = Path(name)
        rows, reason = _whole_rows(_copy(damaged, scratch), damaged)
        fresh = scratch / "fresh.db"
        _write(fresh, rows)
        try:
            create_private_file(new)
        except FileExistsError as error:
            raise LogUnavailable(
                "There is a log here already", where=str(new), next="Save the rows to another place."
            ) from error
        fresh.replace(new)
        sync_folder(new.parent)
    return SalvageResult(len(rows), len(rows) + 1 if reason else None, reason)


def _copy(damaged: Path, scratch: Path) -> Path:
    copy = scratch / "copy.db"
    for part in _PARTS:
        source = damaged.with_name(damaged.name + part)
        if source.exists():
            shutil.copyfile(source, scratch / (copy.name + part))
    if copy.stat().st_size == 0:
        # SQLite throws away the write-ahead file of an empty database; that of one unwritten page it reads.
        os.truncate(copy, _PAGE)
    return copy


def _whole_rows(copy: Path, damaged: Path) -> tuple[list[Row], str]:
    rows: list[Row] = []
    try:
        sql = schema.connect_damaged(copy)
    except sqlite3.Error as error:
        return rows, str(error)
    try:
        version = schema.number(sql, "user_version")
        if schema.number(sql, "application_id") == schema.APPLICATION_ID and version > schema.VERSION:
            raise LogTooNew(damaged, version, schema.VERSION)
        check(sql.execute(_ALL), GENESIS, rows)
    except (sqlite3.Error, ChainBroken) as fault:
        return rows, str(fault)
    finally:
        sql.close()
    return rows, ""


def _write(fresh: Path, rows: list[Row]) -> None:
    create_private_file(fresh)
    try:
        sql = schema.connect_writer(fresh)
        try:
            schema.write_schema(sql)
            sql.execute("BEGIN IMMEDIATE")
            values = ((row.seq, row.at, row.kind, row.body, row.key, row.hash) for row in rows)
            sql.executemany(schema.INSERT, values)
            sql.execute("COMMIT")
            # Moves all into the one file that is then renamed.
            sql.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        finally:
            sql.close()
    except sqlite3.Error as error:
        raise writing_failed(fresh, error) from error
