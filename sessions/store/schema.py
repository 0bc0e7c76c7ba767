"""The form of a log's database: its table, the triggers that keep it append-only, its connections' settings.

SQLite is told to make every commit survive a power cut: with `synchronous=NORMAL` acknowledged rows were lost in
simulated ones. Memory mapping stays off, so that a failing disk is an error and not a signal.
"""

import sqlite3
from pathlib import Path

APPLICATION_ID = 0x51444C47
"""Marks the file as a Quarterdeck log ("QDLG")."""

VERSION = 1
"""The form of the log that this code writes, kept as `user_version`."""

LOCK_WAIT = 10.0
"""Seconds a connection waits for another program's lock, in its own thread."""

# SQLite keeps these statements word by word, so that a log can be asked whether it still has them all.
STATEMENTS = (
    """CREATE TABLE event (
    seq INTEGER PRIMARY KEY CHECK (seq > 0),
    at REAL NOT NULL,
    kind TEXT NOT NULL,
    body TEXT NOT NULL,
    key TEXT,
    hash BLOB NOT NULL CHECK (length(hash) = 32)
) STRICT""",
    "CREATE UNIQUE INDEX event_key ON event (key) WHERE key IS NOT NULL",
    """CREATE TRIGGER event_never_changes BEFORE UPDATE ON event BEGIN
    SELECT raise(ABORT, 'an event never changes');
END""",
    """CREATE TRIGGER event_never_goes BEFORE DELETE ON event BEGIN
    SELECT raise(ABORT, 'an event never goes');
END""",
    # REPLACE deletes without the trigger above unless the connection asks for recursive triggers, so the way in is
    # shut as well.
    """CREATE TRIGGER event_goes_last BEFORE INSERT ON event
WHEN NEW.seq IS NOT (SELECT ifnull(max(seq), 0) + 1 FROM event) BEGIN
    SELECT raise(ABORT, 'an event goes after the last one');
END""",
    """CREATE TRIGGER event_key_once BEFORE INSERT ON event
WHEN NEW.key IS NOT NULL AND EXISTS (SELECT 1 FROM event WHERE key = NEW.key) BEGIN
    SELECT raise(ABORT, 'the key of an event is used once');
END""",
)

INSERT = "INSERT INTO event (seq, at, kind, body, key, hash) VALUES (?, ?, ?, ?, ?, ?)"


def connect_writer(path: Path) -> sqlite3.Connection:
    """Open a log's file, which must be there, for its one writer.

    Raises:
        sqlite3.Error: If it cannot be opened or is not a database.
    """
    sql = _connect(path, "rw")
    try:
        for pragma in (
            "journal_mode = WAL",
            "synchronous = FULL",
            "foreign_keys = ON",
            "recursive_triggers = ON",
            "trusted_schema = OFF",
            "mmap_size = 0",
            # Where the system has two kinds of sync (macOS), the one that reaches the disk.
            "fullfsync = ON",
            "checkpoint_fullfsync = ON",
        ):
            sql.execute(f"PRAGMA {pragma}").fetchall()
    except BaseException:
        sql.close()
        raise
    return sql


def connect_reader(path: Path) -> sqlite3.Connection:
    """Open a log's file for reading only. It neither changes rows nor moves pages from the write-ahead file.

    Raises:
        sqlite3.Error: If it cannot be opened.
    """
    sql = _connect(path, "ro")
    try:
        for pragma in ("query_only = ON", "wal_autocheckpoint = 0", "trusted_schema = OFF", "mmap_size = 0"):
            sql.execute(f"PRAGMA {pragma}").fetchall()
    except BaseException:
        sql.close()
        raise
    return sql


def connect_damaged(path: Path) -> sqlite3.Connection:
    """Open a copy of a damaged log so that SQLite reads as much of it as it can.

    Raises:
        sqlite3.Error: If it cannot be opened.
    """
    sql = _connect(path, "rw")
    # Has SQLite read a file that is shorter than its own header says.
    sql.execute("PRAGMA writable_schema = ON").fetchall()
    return sql


def write_schema(sql: sqlite3.Connection) -> None:
    """Give an empty database the form of a log, in one transaction."""
    sql.execute("BEGIN IMMEDIATE")
    for statement in STATEMENTS:
        sql.execute(statement)
    sql.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    sql.execute(f"PRAGMA user_version = {VERSION}")
    sql.execute("COMMIT")


def fault_of(sql: sqlite3.Connection) -> str:
    """Say what is wrong with the form of a log of our version; empty when nothing is."""
    if number(sql, "application_id") != APPLICATION_ID:
        return "the file is not a Quarterdeck log"
    if number(sql, "user_version") < VERSION:
        return "the file was never finished"
    found = {statement for (statement,) in sql.execute("SELECT sql FROM sqlite_schema").fetchall()}
    if not found.issuperset(STATEMENTS):
        return "its table or the triggers that protect it were changed"
    (verdict,) = sql.execute("PRAGMA quick_check(1)").fetchone()
    return "" if verdict == "ok" else str(verdict)


def number(sql: sqlite3.Connection, pragma: str) -> int:
    """Give the value of a pragma that is a number."""
    (value,) = sql.execute(f"PRAGMA {pragma}").fetchone()
    return int(value)


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    return sqlite3.connect(uri, uri=True, isolation_level=None, timeout=LOCK_WAIT)
