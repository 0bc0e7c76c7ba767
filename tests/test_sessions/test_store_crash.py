"""A host killed at any moment: every row it acknowledged is there, and the log goes on."""

import asyncio
import os
import random
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import sessions
from sessions.store.log import EventLog, Row

CODE = Path(sessions.__file__).parent.parent

# Four callers, so that groups form; a row's seq and hash are printed once it is acknowledged.
WRITER = """
    import asyncio, os, sys
    from pathlib import Path
    from sessions.store.log import EventLog

    async def caller(log, name):
        n = 0
        while True:
            n += 1
            keyed = (name, f'{{"n":{n},"text":"{"x" * (n * 37 % 900)}"}}', f"{os.getpid()}-{name}-{n}")
            rows = await log.append([keyed] + [(name, "{}", None)] * (n % 3))
            os.write(1, "".join(f"{row.seq} {row.hash.hex()}\\n" for row in rows).encode())

    async def main(path):
        log = await EventLog.open(path)
        await asyncio.gather(*(caller(log, name) for name in ("planner", "manager", "worker", "auditor")))

    asyncio.run(main(Path(sys.argv[1])))
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "session" / "session.db"


def test_a_killed_host_loses_no_acknowledged_row(path: Path) -> None:
    async def create() -> None:
        await (await EventLog.create(path)).close()

    async def read() -> list[Row]:
        async with await EventLog.open(path) as log:
            return await log.rows()

    asyncio.run(create())
    chance = random.Random(20261121)
    rows: list[Row] = []
    for _ in range(10):
        count = chance.randrange(1, 1500)
        acknowledged = killed_after(path, count)
        assert len(acknowledged) >= count
        before, rows = rows, asyncio.run(read())
        assert rows[: len(before)] == before
        assert [row.seq for row in rows] == list(range(1, len(rows) + 1))
        assert {(row.seq, row.hash.hex()) for row in rows[len(before) :]} >= acknowledged


def killed_after(path: Path, count: int) -> set[tuple[int, str]]:
    """Kill a writer once it has acknowledged `count` rows; give the seqs and hashes of all it acknowledged."""
    writer = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(WRITER), str(path)],
        env={**os.environ, "PYTHONPATH": str(CODE)},
        stdout=subprocess.PIPE,
    )
    assert writer.stdout is not None
    try:
        lines = [writer.stdout.readline() for _ in range(count)]
        writer.kill()
        lines += writer.stdout.readlines()
    finally:
        writer.kill()
        writer.stdout.close()
        writer.wait()
    assert writer.returncode == -9
    whole = [line.decode().split() for line in lines if line.endswith(b"\n")]
    return {(int(seq), digest) for seq, digest in whole}
