"""Programs in PTYs: they start as they should, what they write is shown, and what is typed reaches them."""

import asyncio
import gc
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest
from terminal_stage import Stage, come_true, ended, until

from sessions.errors import AgentError
from sessions.processes.environment import clean_environment
from sessions.processes.leftovers import ProcessMark, find_leftovers
from sessions.processes.supervision import new_marker
from sessions.terminal.notices import Bell, Notice, TitleChanged
from sessions.terminal.outbox import LARGEST_OUTBOX
from sessions.terminal.recording import Recording


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    stage = Stage(tmp_path)
    yield stage
    await stage.close()


class TestTalking:
    async def test_what_is_typed_is_echoed_and_read(self, stage: Stage) -> None:
        process = await stage.start("cat")
        assert process.write("héllo 中\r".encode())

        assert await until(process, lambda text: text.count("héllo 中") == 2)

    async def test_erasing_in_a_line_takes_a_whole_character(self, stage: Stage) -> None:
        process = await stage.start("sh", "-c", 'read line; echo "[$line]"')
        process.write("aé中\x7f\x7fb\r".encode())
        await ended(process)

        assert "[ab]" in process.emulator.text()

    async def test_the_program_gets_the_given_environment_and_our_terminal(self, stage: Stage) -> None:
        foreign = {"TMUX": "x", "TERM_PROGRAM": "y", "COLUMNS": "1", "LINES": "1", "KEPT": "yes"}
        process = await stage.start("env", environment=clean_environment(set=foreign), marker="m" * 32)
        await ended(process)
        lines = set(process.emulator.text().splitlines())

        assert {"TERM=xterm-256color", "COLORTERM=truecolor", "KEPT=yes", f"QUARTERDECK_PROCESS={'m' * 32}"} <= lines
        assert not [line for line in lines if line.startswith(("TMUX", "TERM_PROGRAM", "COLUMNS", "LINES"))]

    async def test_questions_of_the_program_are_answered(self, stage: Stage) -> None:
        process = await stage.run_python(
            r"""
            import os, tty
            tty.setraw(0)
            os.write(1, b"\x1b[c\x1b]7501;?\x07")
            told = b""
            while b"\x07" not in told:
                told += os.read(0, 100)
            print("told", told)
            """
        )
        await ended(process)

        assert r"told b'\x1b[?62;22c\x1b]7501;?\x07'" in process.emulator.text()

    async def test_a_paste_of_100_kb_arrives_whole(self, stage: Stage) -> None:
        text = "".join(f"line {number} of a long paste\n" for number in range(4000))
        process = await stage.run_python(
            r"""
            import hashlib, os, tty
            tty.setraw(0)
            print("\x1b[?2004hready", flush=True)
            data = b""
            while not data.endswith(b"\x1b[201~"):
                data += os.read(0, 65536)
            print(len(data), hashlib.sha256(data).hexdigest())
            """
        )
        await until(process, lambda text: "ready" in text)
        data = process.emulator.encode_paste(text)
        assert len(data) > 100_000
        assert process.write(data)
        await ended(process)

        assert f"{len(data)} {hashlib.sha256(data).hexdigest()}" in process.emulator.text()

    async def test_a_program_that_never_reads_gets_no_more_than_fits(self, stage: Stage) -> None:
        process = await stage.run_python("import time, tty; tty.setraw(0); print('ready'); time.sleep(1000)")
        await until(process, lambda text: "ready" in text)

        piece = b"x" * 1_000_000
        taken = 0
        while process.write(piece):
            taken += len(piece)
            assert taken <= 2 * LARGEST_OUTBOX
        assert not process.write(piece)

    async def test_the_program_sees_a_new_size(self, stage: Stage) -> None:
        process = await stage.start("sh", "-c", "stty size; read line; stty size")
        await until(process, lambda text: "24 80" in text)
        process.resize(100, 30)
        process.write(b"\r")
        await ended(process)

        assert "30 100" in process.emulator.text()
        assert (process.emulator.cols, process.emulator.rows) == (100, 30)

    async def test_a_size_that_cannot_be_is_refused(self, stage: Stage) -> None:
        process = await stage.start("cat")
        with pytest.raises(AgentError):
            process.resize(0, 10)

    async def test_the_foreground_program_is_interrupted(self, stage: Stage) -> None:
        process = await stage.run_python(
            """
            import time
            try:
                print("running", flush=True)
                time.sleep(1000)
            except KeyboardInterrupt:
                print("interrupted")
            """
        )
        await until(process, lambda text: "running" in text)
        process.interrupt()
        await ended(process)

        assert "interrupted" in process.emulator.text()

    async def test_notices_are_told_and_a_bad_listener_harms_nobody(self, stage: Stage) -> None:
        told: list[Notice] = []

        def listen(notices: tuple[Notice, ...]) -> None:
            told.extend(notices)
            raise RuntimeError("a listener at fault")

        process = await stage.start(
            "sh", "-c", r"printf '\a'; read line; printf '\033]0;two\a'; read line", on_notices=listen
        )
        process.write(b"\r\r")
        assert (await ended(process)).status == 0
        assert told == [Bell(), TitleChanged("two")]


class TestStarting:
    @pytest.mark.parametrize(
        ("argv", "said"),
        [(["/no/such/program"], "There is no program"), (["/etc/passwd"], "may not be run"), ([""], "empty")],
    )
    async def test_what_cannot_be_run_is_told(self, stage: Stage, argv: list[str], said: str) -> None:
        with pytest.raises(AgentError) as caught:
            await stage.start(*argv)
        assert said in caught.value.what

    async def test_a_folder_that_is_gone_is_told(self, stage: Stage) -> None:
        with pytest.raises(AgentError) as caught:
            await stage.start("true", cwd=stage.folder / "gone")
        assert "folder" in caught.value.what

    async def test_a_start_that_is_given_up_leaves_nothing_behind(self, stage: Stage) -> None:
        marker = new_marker()
        starting = asyncio.ensure_future(stage.start("cat", marker=marker))
        await asyncio.sleep(0)
        starting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await starting

        mark = ProcessMark(0, 0.0, marker)
        # Once the executor has nothing left to do, the program was started.
        await asyncio.get_running_loop().shutdown_default_executor()
        await come_true(lambda: not find_leftovers([mark]))

    async def test_no_descriptor_is_left_open(self, stage: Stage, tmp_path: Path) -> None:
        await ended(await stage.start("true"))
        gc.collect()  # what other tests left is not ours
        before = psutil.Process().num_fds()
        for number in range(5):
            await ended(await stage.start("true"))
            with pytest.raises(AgentError):
                await stage.start("/no/such/program", recording=Recording(tmp_path / f"{number}.cast", 80, 24))

        assert psutil.Process().num_fds() <= before
