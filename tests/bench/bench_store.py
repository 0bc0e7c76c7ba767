"""How fast the event log takes and gives rows, beside plain SQLite on the same disk in the same run.

Run it by hand: `python tests/bench/bench_store.py [--json] [--rows N]`. The peer commits one row at a time with the
same durability (write-ahead log, `synchronous=FULL`) and has neither triggers, keys nor hashes.
"""

import argparse
import asyncio
import json
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from sessions.store.log import Event, EventLog

BODY = '{"type":"turn_started","role":"worker","task":"t-12","attempt":1,"text":"' + "x" * 50 + '"}'
PRODUCERS = 8
REPEATS = 3


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured rate."""

    name: str
    rate: float
    """Rows per second, the median of `REPEATS` runs."""
    ratio: float
    """Against the peer in the same run; above 1 is faster."""
    peer: str
    note: str = ""


def events(count: int, start: int = 0) -> list[Event]:
    """Give events of which every fourth has a key, as in a session."""
    return [("turn_started", BODY, f"key-{n}" if n % 4 == 0 else None) for n in range(start, start + count)]


def append_figures(rows: int) -> list[Figure]:
    """Measure appending, in `rows` rows for the batches and a tenth of it where each row is awaited."""
    few = max(rows // 10, PRODUCERS)
    peer = _median(lambda folder: _plain_appends(folder, few))
    single = _median(lambda folder: asyncio.run(_singly(folder, few)))
    grouped = _median(lambda folder: asyncio.run(_grouped(folder, few)))
    by_100 = _median(lambda folder: asyncio.run(_batches(folder, rows, 100)))
    by_1000 = _median(lambda folder: asyncio.run(_batches(folder, rows, 1000)))
    name = "plain sqlite3, one commit a row"
    return [
        Figure(name, peer, 1.0, name),
        Figure("append, one awaited after the other", single, single / peer, name),
        Figure(f"append, {PRODUCERS} callers at once", grouped, grouped / peer, name),
        Figure("append, batches of 100", by_100, by_100 / peer, name, "goal: 10,000 rows/s"),
        Figure("append, batches of 1000", by_1000, by_1000 / peer, name),
    ]


def read_figures(rows: int) -> list[Figure]:
    """Measure opening and reading a log of `rows` rows; each row's hash is checked."""
    with tempfile.TemporaryDirectory(prefix="qd-bench-") as folder:
        path = Path(folder) / "session.db"
        asyncio.run(_filled(path, rows))
        peer = rows / statistics.median(_plain_read(path) for _ in range(REPEATS))
        opened = [asyncio.run(_opened(path)) for _ in range(REPEATS)]
    name = "plain sqlite3, fetchall"
    seconds = statistics.median(both for both, _ in opened)
    both, again = (rows / statistics.median(column) for column in zip(*opened, strict=True))
    return [
        Figure(name, peer, 1.0, name),
        Figure("open, check and read", both, both / peer, name, f"{seconds:.2f} s for {rows:,} rows"),
        Figure("read again, checked", again, again / peer, name),
    ]


def figures(rows: int = 100_000) -> list[Figure]:
    """Measure everything this page is about, with logs of `rows` rows."""
    return [*append_figures(rows), *read_figures(rows)]


def _median(run: Callable[[Path], float]) -> float:
    rates: list[float] = []
    for _ in range(REPEATS):
        with tempfile.TemporaryDirectory(prefix="qd-bench-") as folder:
            rates.append(run(Path(folder)))
    return statistics.median(rates)


def _plain_appends(folder: Path, rows: int) -> float:
    sql = sqlite3.connect(folder / "plain.db", isolation_level=None)
    sql.execute("PRAGMA journal_mode = WAL").fetchall()
    sql.execute("PRAGMA synchronous = FULL")
    sql.execute("CREATE TABLE event (seq INTEGER PRIMARY KEY, at REAL, kind TEXT, body TEXT, key TEXT)")
    wanted = events(rows)
    began = time.perf_counter()
    for kind, body, key in wanted:
        sql.execute("INSERT INTO event (at, kind, body, key) VALUES (?, ?, ?, ?)", (time.time(), kind, body, key))
    took = time.perf_counter() - began
    sql.close()
    return rows / took


async def _timed(folder: Path, rows: int, work: Callable[[EventLog], Awaitable[object]]) -> float:
    async with await EventLog.create(folder / "session.db") as log:
        began = time.perf_counter()
        await work(log)
        took = time.perf_counter() - began
        if log.last_seq != rows:
            raise RuntimeError(f"{log.last_seq} rows were written, not {rows}")
    return rows / took


async def _singly(folder: Path, rows: int) -> float:
    async def work(log: EventLog) -> None:
        for event in events(rows):
            await log.append([event])

    return await _timed(folder, rows, work)


async def _grouped(folder: Path, rows: int) -> float:
    each = rows // PRODUCERS

    async def caller(log: EventLog, number: int) -> None:
        for event in events(each, number * each):
            await log.append([event])

    async def work(log: EventLog) -> None:
        await asyncio.gather(*(caller(log, number) for number in range(PRODUCERS)))

    return await _timed(folder, each * PRODUCERS, work)


async def _batches(folder: Path, rows: int, size: int) -> float:
    async def work(log: EventLog) -> None:
        for start in range(0, rows, size):
            await log.append(events(min(size, rows - start), start))

    return await _timed(folder, rows, work)


async def _filled(path: Path, rows: int) -> None:
    async with await EventLog.create(path) as log:
        for start in range(0, rows, 1000):
            await log.append(events(min(1000, rows - start), start))


async def _opened(path: Path) -> tuple[float, float]:
    """Give the seconds to open and read a log, and those to read it once more."""
    began = time.perf_counter()
    async with await EventLog.open(path) as log:
        rows = await log.rows()
        opened = time.perf_counter()
        if await log.rows() != rows:
            raise RuntimeError("the log reads differently the second time")
        return opened - began, time.perf_counter() - opened


def _plain_read(path: Path) -> float:
    sql = sqlite3.connect(path)
    began = time.perf_counter()
    sql.execute("SELECT seq, at, kind, body, key, hash FROM event ORDER BY seq").fetchall()
    took = time.perf_counter() - began
    sql.close()
    return took


def main(arguments: list[str]) -> None:
    """Measure and print, as a table or as one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    parser.add_argument("--rows", type=int, default=100_000, help="rows of the logs that are measured")
    chosen = parser.parse_args(arguments)
    measured = figures(chosen.rows)
    if chosen.json:
        print(json.dumps({"bench": "store", "rows": chosen.rows, "figures": [asdict(figure) for figure in measured]}))
        return
    for figure in measured:
        print(f"{figure.name:40} {figure.rate:>12,.0f} rows/s {figure.ratio:>8.2f}x  {figure.note}".rstrip())


if __name__ == "__main__":
    main(sys.argv[1:])
