"""A stage for programs in PTYs, and ways to wait for what they do."""

import asyncio
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sessions.processes.environment import clean_environment
from sessions.terminal.emulator import Emulator
from sessions.terminal.pane_thread import PaneThread
from sessions.terminal.pty import PtyExit, PtyProcess
from sessions.terminal.recording import read_recording

PATIENCE = 60.0
"""Seconds any wait may take on a machine under heavy load."""


class Stage:
    """Starts programs in PTYs and stops what a test leaves."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.thread = PaneThread()
        self.started: list[PtyProcess] = []

    async def start(self, *argv: str, **options: Any) -> PtyProcess:
        options = {"cwd": self.folder, "emulator": Emulator(80, 24), "environment": clean_environment()} | options
        process = await PtyProcess.start(argv, thread=self.thread, **options)
        self.started.append(process)
        return process

    async def run_python(self, code: str, **options: Any) -> PtyProcess:
        return await self.start(sys.executable, "-c", textwrap.dedent(code), **options)

    async def close(self) -> None:
        for process in self.started:
            await process.stop(grace=0.0)
        self.thread.close()


async def until(process: PtyProcess, seen: Callable[[str], bool]) -> str:
    """Wait until the program's screen shows what is asked for, and give its text."""
    with process.watch() as feed:
        async with asyncio.timeout(PATIENCE):
            async for _ in feed:
                if seen(text := process.emulator.text()):
                    return text
    raise AssertionError(f"the program ended, and shows {process.emulator.text()!r}")


async def ended(process: PtyProcess) -> PtyExit:
    async with asyncio.timeout(PATIENCE):
        return await process.wait()


def recorded_output(path: Path) -> str:
    return "".join(event.data for event in read_recording(path)[1] if event.code == "o")


async def come_true(condition: Callable[[], object]) -> None:
    """Look again and again until a condition holds that nothing tells about."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110  nothing tells
            await asyncio.sleep(0.01)
