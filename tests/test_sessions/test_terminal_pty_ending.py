"""Programs in PTYs end, or are ended, with everything they started; and it is proven."""

import asyncio
import os
import signal
import sys
import textwrap
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest
from terminal_stage import Stage, come_true, ended, recorded_output, until

from sessions.processes.leftovers import ProcessMark, find_leftovers
from sessions.processes.supervision import new_marker
from sessions.terminal.pty import PtyExit
from sessions.terminal.recording import Recording, read_recording


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    stage = Stage(tmp_path)
    yield stage
    await stage.close()


class TestEnding:
    @pytest.mark.parametrize(("script", "status"), [("exit 0", 0), ("exit 3", 3), ("kill -9 $$", 137)])
    async def test_the_exit_status_is_told(self, stage: Stage, script: str, status: int) -> None:
        process = await stage.start("sh", "-c", script)

        assert await ended(process) == PtyExit(status, cleared=True)
        assert process.exit == PtyExit(status, cleared=True)
        assert not process.write(b"x")

    async def test_the_last_words_are_shown_and_recorded(self, stage: Stage, tmp_path: Path) -> None:
        recording = Recording(tmp_path / "1.cast", 80, 24)
        process = await stage.start("sh", "-c", "seq 1 5000; printf last words; exit 6", recording=recording)
        await ended(process)

        assert process.emulator.text().endswith("last")
        *_, event = read_recording(tmp_path / "1.cast")[1]
        assert (event.code, event.data) == ("x", "6")
        assert recorded_output(tmp_path / "1.cast").endswith("5000\r\nlast")

    async def test_a_program_that_listens_is_stopped_by_asking(self, stage: Stage) -> None:
        process = await stage.start("cat")
        proof = await process.stop()

        assert (proof.step, proof.left) == ("term", ())
        assert not psutil.pid_exists(process.pid)

    async def test_a_program_that_has_ended_is_gone(self, stage: Stage) -> None:
        process = await stage.start("true")
        await ended(process)

        assert (await process.stop()).step == "gone"

    async def test_deaf_programs_and_their_daemons_are_killed(self, stage: Stage) -> None:
        process = await stage.run_python(
            """
            import os, signal, time
            for deaf in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT):
                signal.signal(deaf, signal.SIG_IGN)
            if os.fork() == 0:
                os.setsid()
                if os.fork():
                    os._exit(0)
            print("pid", os.getpid(), flush=True)
            time.sleep(1000)
            """
        )
        text = await until(process, lambda text: text.count("pid") == 2)
        pids = [int(word) for word in text.split() if word.isdigit()]
        proof = await process.stop(grace=0.3)

        assert (proof.step, proof.left, proof.status) == ("kill", (), 137)
        assert process.exit == PtyExit(137, cleared=True)
        assert len(pids) == 2
        assert not [pid for pid in pids if psutil.pid_exists(pid)]

    async def test_stopping_twice_at_once_is_stopping_once(self, stage: Stage) -> None:
        process = await stage.start("cat")
        proofs = await asyncio.gather(process.stop(), process.stop())

        assert [proof.left for proof in proofs] == [(), ()]

    @pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a child with its parent")
    async def test_when_the_supervisor_is_killed_what_is_left_is_swept(self, stage: Stage) -> None:
        process = await stage.run_python(
            """
            import os, time
            if os.fork() == 0:
                os.setsid()
                print("ready", flush=True)
            time.sleep(1000)
            """
        )
        await until(process, lambda text: "ready" in text)
        os.kill(process.pid, signal.SIGKILL)
        assert await ended(process) == PtyExit(137, cleared=False)
        proof = await process.stop()

        assert (proof.step, proof.left) == ("sweep", ())
        assert not find_leftovers([process.mark])

    async def test_the_death_of_the_host_ends_the_program(self, stage: Stage, tmp_path: Path) -> None:
        script = tmp_path / "host.py"
        script.write_text(textwrap.dedent(_HOST))
        marker = new_marker()
        host = await asyncio.create_subprocess_exec(
            sys.executable,
            str(script),
            marker,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            stdout=asyncio.subprocess.PIPE,
        )
        assert host.stdout is not None
        assert await host.stdout.readline() == b"running\n"
        mark = ProcessMark(0, 0.0, marker)
        assert find_leftovers([mark])
        host.kill()
        await host.wait()

        await come_true(lambda: not find_leftovers([mark]))


_HOST = """
    import asyncio, sys, time
    from pathlib import Path
    from sessions.processes.environment import clean_environment
    from sessions.terminal.emulator import Emulator
    from sessions.terminal.pane_thread import PaneThread
    from sessions.terminal.pty import PtyProcess

    async def main():
        await PtyProcess.start(
            ["cat"], cwd=Path.cwd(), environment=clean_environment(), thread=PaneThread(),
            emulator=Emulator(80, 24), marker=sys.argv[1],
        )
        print("running", flush=True)
        time.sleep(1000)

    asyncio.run(main())
"""
