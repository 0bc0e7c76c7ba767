"""Watchers of a terminal get all of it, or a fresh snapshot; a slow one slows and costs nobody."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest
from terminal_stage import PATIENCE, Stage, ended, recorded_output, until

from sessions.terminal.emulator import Emulator
from sessions.terminal.feed import Ended, Output, Snapshot
from sessions.terminal.recording import Recording


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    stage = Stage(tmp_path)
    yield stage
    await stage.close()


class TestFlood:
    async def test_five_megabytes_arrive_whole(self, stage: Stage, tmp_path: Path) -> None:
        recording = Recording(tmp_path / "1.cast", 80, 24)
        process = await stage.run_python(
            """
            import sys, tty
            tty.setraw(1)
            sys.stdout.write("".join(f"{number:07d}\\r\\n" for number in range(560_000)))
            """,
            recording=recording,
        )
        await ended(process)
        expected = "".join(f"{number:07d}\r\n" for number in range(560_000))

        assert len(expected) > 5_000_000
        assert recorded_output(tmp_path / "1.cast") == expected
        assert process.emulator.text().splitlines()[-1] == "0559999"

    async def test_a_watcher_that_takes_nothing_costs_its_limit_at_most(self, stage: Stage) -> None:
        process = await stage.start("sh", "-c", "read line; yes 0123456789 | head -c 20000000; echo; echo done")
        with process.watch(limit=100_000) as slow:
            assert isinstance(await anext(slow), Snapshot)
            before = psutil.Process().memory_info().rss
            process.write(b"\r")
            await ended(process)
            grown = psutil.Process().memory_info().rss - before
            parts = [part async for part in slow]

        assert grown < 60_000_000  # of 20 MB written three times, by the program, the emulator and the watcher
        assert [type(part) for part in parts] == [Snapshot, Ended]
        assert isinstance(parts[0], Snapshot)
        copy = Emulator(1, 1)
        copy.restore(parts[0].data)
        assert copy.text().endswith("done")


class TestWatching:
    async def test_a_watcher_sees_what_was_there_and_then_every_byte(self, stage: Stage) -> None:
        process = await stage.start("sh", "-c", "echo before; read line; echo after; exit 4")
        await until(process, lambda text: "before" in text)
        copy = Emulator(80, 24)
        with process.watch() as feed:
            first = await anext(feed)
            assert isinstance(first, Snapshot)
            assert (first.cols, first.rows) == (80, 24)
            copy.restore(first.data)
            assert copy.text() == "before"

            process.write(b"\r")
            async with asyncio.timeout(PATIENCE):
                rest = [part async for part in feed]
        for part in rest[:-1]:
            assert isinstance(part, Output)
            copy.feed(part.data)
        assert rest[-1] == Ended(4)
        assert copy.screen() == process.emulator.screen()

    async def test_a_new_size_comes_as_a_snapshot(self, stage: Stage) -> None:
        process = await stage.start("cat")
        with process.watch() as feed:
            await anext(feed)
            process.resize(33, 11)
            async with asyncio.timeout(PATIENCE):
                part = await anext(feed)
                while isinstance(part, Output):
                    part = await anext(feed)
        assert isinstance(part, Snapshot)
        assert (part.cols, part.rows) == (33, 11)

    async def test_a_watcher_may_come_after_the_end(self, stage: Stage) -> None:
        process = await stage.start("sh", "-c", "echo was here; exit 2")
        await ended(process)
        with process.watch() as feed:
            parts = [part async for part in feed]

        assert [type(part) for part in parts] == [Snapshot, Ended]
        assert parts[1] == Ended(2)
