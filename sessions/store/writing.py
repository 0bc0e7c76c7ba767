"""One group of appends as one transaction. Runs whole in the connection's thread and knows no event loop."""

import contextlib
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sessions.store import schema
from sessions.store.errors import EventRefused, KeyConflict, StoreError
from sessions.store.rows import Head, Row, linked

Event = tuple[str, str, str | None]
"""Kind, JSON body, and idempotency key or None."""

SIZE_LIMIT = 16 * 1024 * 1024
"""Characters an event may have; what is bigger belongs among the artefacts."""

_STORED = "SELECT seq, at, kind, body, key, hash FROM event WHERE seq BETWEEN ? AND ? ORDER BY seq"


@dataclass(frozen=True, slots=True)
class Request:
    """What one caller wants appended: all of it, next to each other, or nothing."""

    events: tuple[Event, ...]
    at: float
    """Wall time of all its rows, seconds since 1970."""


def commit_group(
    sql: sqlite3.Connection, path: Path, head: Head, requests: Sequence[Request]
) -> tuple[list[list[Row] | StoreError], Head]:
    """Commit the requests together; give for each its rows or why it was refused, and the new head.

    A refused request leaves no trace and does not touch the others.

    Raises:
        sqlite3.Error: If the transaction failed; then nothing was committed that anyone may rely on.
    """
    answers: list[list[Row] | StoreError] = []
    sql.execute("BEGIN IMMEDIATE")
    try:
        for request in requests:
            try:
                rows, head = _admit(sql, path, head, request)
            except (KeyConflict, EventRefused) as refusal:
                answers.append(refusal)
            else:
                answers.append(rows)
        sql.execute("COMMIT")
    except BaseException:
        # After a full disk SQLite may have rolled back by itself, and a second failure would hide the first.
        with contextlib.suppress(sqlite3.Error):
            if sql.in_transaction:
                sql.execute("ROLLBACK")
        raise
    return answers, head


def _admit(sql: sqlite3.Connection, path: Path, head: Head, request: Request) -> tuple[list[Row], Head]:
    rows: list[Row] = []
    end = head
    for kind, body, key in request.events:
        try:
            row = linked(end, request.at, kind, body, key)
        except (TypeError, UnicodeEncodeError) as error:
            raise EventRefused(
                f"An event of kind {kind!a} holds what is not Unicode text",
                where=str(path),
                next="Make foreign text safe before it enters an event.",
            ) from error
        rows.append(row)
        end = Head(row.seq, row.hash)
    repeated = _repeated(sql, path, request)
    if repeated is not None:
        return repeated, head
    # Every check is behind us, so a request is inserted whole or, with its group, not at all.
    sql.executemany(schema.INSERT, [(row.seq, row.at, row.kind, row.body, row.key, row.hash) for row in rows])
    return rows, end


def _repeated(sql: sqlite3.Connection, path: Path, request: Request) -> list[Row] | None:
    """Give the rows of the same request made before; None when none of its keys was used.

    A request's rows stand next to each other, so one known key tells where all of them are.
    """
    keyed = [(place, key) for place, (_, _, key) in enumerate(request.events) if key is not None]
    for place, key in keyed:
        found = sql.execute("SELECT seq FROM event WHERE key = ?", (key,)).fetchone()
        if found is None:
            continue
        seq = int(found[0])
        first = seq - place
        stored = sql.execute(_STORED, (first, first + len(request.events) - 1)).fetchall()
        rows = [Row(*values) for values in stored]
        if tuple((row.kind, row.body, row.key) for row in rows) != request.events:
            raise KeyConflict(path, key, seq)
        return rows
    return None


def refuse_malformed(path: Path, events: Sequence[Event]) -> None:
    """Refuse events that no log could keep, before they reach one.

    Raises:
        EventRefused: For an event without a kind, or one above `SIZE_LIMIT`.
        KeyConflict: For a key that is twice among them.
    """
    keys: set[str] = set()
    for kind, body, key in events:
        if not kind:
            raise EventRefused("An event has no kind", where=str(path), next="Name what happened.")
        size = len(kind) + len(body) + len(key or "")
        if size > SIZE_LIMIT:
            raise EventRefused(
                f"An event of kind {kind[:80]!a} has {size} characters",
                where=str(path),
                next="Keep the text as an artefact and name that in the event.",
            )
        if key is None:
            continue
        if key in keys:
            raise KeyConflict(path, key, None)
        keys.add(key)
