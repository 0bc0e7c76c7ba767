"""Real programs in a pane, through a real PTY: what they draw is what the pane shows, what is pressed reaches them."""

import asyncio
import shutil
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from terminal_app import PaneApp, settle
from textual import on
from textual.pilot import Pilot

from panes.terminal import TerminalPane
from sessions.processes.environment import clean_environment
from sessions.terminal.emulator import Emulator
from sessions.terminal.feed import Output, Snapshot
from sessions.terminal.pane_thread import PaneThread
from sessions.terminal.pty import PtyProcess


class ProgramApp(PaneApp):
    """Connects the pane with a program, as the host and the bridge do."""

    def __init__(self, process: PtyProcess) -> None:
        super().__init__()
        self.process = process
        self._pump: asyncio.Task[None] | None = None

    def on_mount(self) -> None:
        super().on_mount()
        self._pump = asyncio.create_task(self.pump())

    async def on_unmount(self) -> None:
        if self._pump is not None:
            self._pump.cancel()
            await asyncio.wait({self._pump})

    async def pump(self) -> None:
        with self.process.watch() as feed:
            async for part in feed:
                if isinstance(part, Snapshot):
                    self.pane.load_snapshot(part.data, part.cols, part.rows)
                elif isinstance(part, Output):
                    self.pane.feed(part.data)

    @on(TerminalPane.Input)
    def type_it(self, message: TerminalPane.Input) -> None:
        assert self.process.write(message.data)

    @on(TerminalPane.Resized)
    def pass_size_on(self, message: TerminalPane.Resized) -> None:
        self.process.resize(message.cols, message.rows)


class Programs:
    """Runs programs, each in an app of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.thread = PaneThread()
        self.started: list[PtyProcess] = []

    async def app(self, *argv: str) -> ProgramApp:
        process = await PtyProcess.start(
            argv,
            cwd=self.folder,
            environment=clean_environment(set={"PS1": "$ ", "LESS": "", "LC_ALL": "C.UTF-8"}),
            thread=self.thread,
            emulator=Emulator(80, 24),
        )
        self.started.append(process)
        return ProgramApp(process)

    async def close(self) -> None:
        for process in self.started:
            await process.stop(grace=0.0)
        self.thread.close()


@pytest.fixture
async def programs(tmp_path: Path) -> AsyncIterator[Programs]:
    programs = Programs(tmp_path)
    yield programs
    await programs.close()


async def shows(pilot: Pilot[None], app: ProgramApp, seen: Callable[[str], bool]) -> None:
    await settle(pilot, lambda: seen("\n".join(app.pane.lines())))


def needs(program: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"{program} is not installed")


async def test_a_shell(programs: Programs) -> None:
    app = await programs.app("sh")
    async with app.run_test(size=(60, 10)) as pilot:
        await pilot.press(*"echo $((6*7)) ", "enter")
        await shows(pilot, app, lambda text: "\n42 " in text)
        await pilot.press(*"stty size", "enter")
        await shows(pilot, app, lambda text: "\n10 60" in text)
        await pilot.resize_terminal(50, 12)
        await settle(pilot, lambda: app.process.emulator.cols == 50)
        await pilot.press(*"stty size", "enter")
        await shows(pilot, app, lambda text: "\n12 50" in text)


async def test_python(programs: Programs) -> None:
    app = await programs.app(sys.executable, "-q", "-i", "-c", "")
    async with app.run_test(size=(60, 10)) as pilot:
        await shows(pilot, app, lambda text: ">>>" in text)
        await pilot.press(*"'中' * 3", "enter")
        await shows(pilot, app, lambda text: "'中中中'" in text)


@needs("tput")
async def test_tput_draws_where_it_says(programs: Programs) -> None:
    script = "tput clear; tput cup 3 7; tput setaf 2; tput bold; printf here; tput sgr0; tput civis; read line"
    app = await programs.app("sh", "-c", script)
    async with app.run_test(size=(60, 10)) as pilot:
        await shows(pilot, app, lambda text: "here" in text)

        assert app.pane.lines()[3].rstrip() == " " * 7 + "here"
        run = app.pane.emulator.screen()[3].runs[1]
        assert (run.text, run.style.foreground, run.style.bold) == ("here", 2, True)


@needs("less")
async def test_less(programs: Programs) -> None:
    (programs.folder / "long.txt").write_text("".join(f"line {number}\n" for number in range(1000)))
    app = await programs.app("less", "long.txt")
    async with app.run_test(size=(60, 10)) as pilot:
        await shows(pilot, app, lambda text: text.startswith("line 0 "))
        await pilot.press("G")
        await shows(pilot, app, lambda text: "line 999" in text)
        assert app.pane.emulator.modes().alternate_screen
        await pilot.press("q")
        await settle(pilot, lambda: app.process.exit is not None)


@needs("vim")
async def test_vim(programs: Programs) -> None:
    app = await programs.app("vim", "-u", "NONE", "-N", "-i", "NONE", "note.txt")
    async with app.run_test(size=(60, 10)) as pilot:
        await shows(pilot, app, lambda text: "\n~" in text)
        await pilot.press("i", *"hello", "left", "left", *"YZ", "escape")
        await shows(pilot, app, lambda text: text.startswith("helYZlo"))
        await pilot.press("colon", "w", "q", "enter")
        await settle(pilot, lambda: app.process.exit is not None)

    assert (programs.folder / "note.txt").read_text() == "helYZlo\n"


async def test_the_pane_shows_what_the_hosts_emulator_holds(programs: Programs) -> None:
    row = r"printf '\033[3%dmrow %d \344\270\255\033[0m\n' $((i%8)) $i"
    script = f"i=0; while [ $i -lt 300 ]; do {row}; i=$((i+1)); done; read x"
    app = await programs.app("sh", "-c", script)
    async with app.run_test(size=(60, 10)) as pilot:
        await shows(pilot, app, lambda text: "row 299" in text)

        assert app.pane.emulator.screen() == app.process.emulator.screen()
        assert [line.rstrip() for line in app.pane.lines()] == [
            row.text.rstrip() for row in app.process.emulator.screen()
        ]
