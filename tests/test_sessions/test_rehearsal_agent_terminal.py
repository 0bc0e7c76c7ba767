"""How the rehearsal agent treats the terminal it runs in: sizes, keys, foreign bytes, and leaving."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from rehearsal_pane import AGENT, ROOT, Pane
from rehearsal_prompts import sample_task

CRASH = (
    "-P",
    "-c",
    "import sys; sys.argv[0] = 'agent'\n"
    "from sessions.agents.rehearsal_agent import __main__, turn\n"
    "async def fail(self, prompt): raise RuntimeError('the turn broke')\n"
    "turn.Turn.perform = fail\n"
    "sys.exit(__main__.main())",
)


def check_restored(pane: Pane) -> None:
    """Check that the terminal is as it was: modes, screen, cursor, and the last word of the status."""
    assert pane.settings() == pane.settings_before
    assert pane.states[-1] == "clear"
    for on, off in ((b"?1049h", b"?1049l"), (b"?2004h", b"?2004l"), (b"?25l", b"?25h"), (b"?2026h", b"?2026l")):
        assert pane.raw.rindex(off) > pane.raw.rindex(on)


class TestSizes:
    def test_a_storm_of_sizes_leaves_a_whole_screen(self, tmp_path: Path) -> None:
        with Pane(tmp_path, "--pace", "0.3") as pane:
            pane.until_state("idle")
            pane.submit(pane.order(sample_task(1)))
            for n in range(60):
                pane.resize(20 + (n * 37) % 140, 6 + (n * 11) % 50)
                pane.read(0.01)
            pane.resize(80, 24)
            pane.until_state("done")
            pane.until_shown("✓ done")
            lines = pane.screen.splitlines()
            assert lines[0].startswith("◆ rehearsal agent: scripted, no AI")
            assert lines[20].startswith("╭──")
            assert lines[22].startswith("╰──")
            assert sum("rehearsal agent: scripted, no AI" in line for line in lines) == 1

    @pytest.mark.parametrize(("columns", "rows"), [(20, 6), (1, 1), (200, 60)])
    def test_every_size_is_drawn(self, tmp_path: Path, columns: int, rows: int) -> None:
        with Pane(tmp_path, "--pace", "0", "--ask") as pane:
            pane.until_state("idle")
            pane.resize(columns, rows)
            pane.submit(pane.order(sample_task(1)))
            pane.until_state("blocked")
            pane.type("1")
            pane.until_state("done")
            if rows > 1:
                pane.until_shown("done")
                assert pane.screen.splitlines()[0].startswith("◆ rehearsal")


class TestKeys:
    def test_a_line_is_edited_before_it_is_sent(self, tmp_path: Path) -> None:
        with Pane(tmp_path, "--pace", "0") as pane:
            pane.until_state("idle")
            pane.type("nonsense\x15ello\x1b[Hh\x1b[Fx\x7f\x1b[D\x1b[D\x1b[C\x1b[C wörld 漢")
            pane.until_shown("> hello wörld 漢")
            pane.type("\r")
            pane.until_shown("I heard “hello wörld 漢”")

    def test_a_paste_of_many_lines_is_one_prompt(self, tmp_path: Path) -> None:
        with Pane(tmp_path, "--pace", "0") as pane:
            pane.until_state("idle")
            pane.paste("one\ntwo\r\nthree")
            pane.until_shown("one⏎two⏎three")
            assert pane.states == ["idle"]
            pane.type("\r")
            pane.until_shown("I heard “one two three”")

    def test_the_transcript_can_be_scrolled(self, tmp_path: Path) -> None:
        with Pane(tmp_path, "--pace", "0", rows=20) as pane:
            pane.until_state("idle")
            pane.submit(pane.order(sample_task(1)))
            pane.until_state("done")
            pane.type("\x1b[5~" * 40)
            pane.until_shown("A script that plays the Worker")
            pane.type("\x1b[6~" * 40)
            pane.until_shown("accepted")

    def test_idle_it_writes_nothing(self, tmp_path: Path) -> None:
        with Pane(tmp_path, "--pace", "0") as pane:
            pane.until_state("idle")
            pane.submit("hello")
            pane.until_state("done")
            pane.until_shown("✓ done")
            while pane.read(0.2):
                pass
            assert not pane.read(0.5)


class TestForeignBytes:
    def test_escapes_in_an_output_stay_harmless(self, tmp_path: Path) -> None:
        task = sample_task(1).model_copy(
            update={"test_command": r"printf '\033]2;evil\007\033[2J\033[?1049lshown\033]52;c;ZXZpbA==\007\n'"}
        )
        with Pane(tmp_path, "--pace", "0") as pane:
            pane.until_state("idle")
            pane.submit(pane.order(task))
            pane.until_state("done")
            pane.until_shown("│ shown")
            assert b"\x1b]2;evil" not in pane.raw
            assert b"\x1b]52" not in pane.raw
            assert b"\x1b[?1049l" not in pane.raw

    def test_escapes_in_a_prompt_stay_harmless(self, tmp_path: Path) -> None:
        with Pane(tmp_path, "--pace", "0") as pane:
            pane.until_state("idle")
            pane.paste("say \x1b]2;evil\x07 this")
            pane.type("\r")
            pane.until_state("done")
            assert b"\x1b]2;evil" not in pane.raw

    def test_a_terminal_that_does_not_read_cannot_hold_it(self, tmp_path: Path) -> None:
        task = sample_task(1).model_copy(update={"test_command": "touch ../begun; yes"})
        with Pane(tmp_path, "--pace", "0") as pane:
            pane.until_state("idle")
            pane.submit(pane.order(task))
            pane.wait(lambda: (tmp_path / "begun").exists())
            os.kill(pane.pid, signal.SIGTERM)
            pane.wait(lambda: not pane.alive())
            assert pane.exit_code() == 128 + signal.SIGTERM


class TestLeaving:
    @pytest.mark.parametrize("keys", ["\x04", "\x03\x03", "/quit\r", "/exit\r", "half a prompt\x15\x04"])
    def test_a_person_leaves(self, tmp_path: Path, keys: str) -> None:
        with Pane(tmp_path, "--pace", "0", "--resume", "a1b2c3") as pane:
            pane.until_state("idle")
            pane.until_shown("Resumed a1b2c3")
            pane.type(keys)
            assert pane.ended() == 0
            check_restored(pane)
            assert pane.raw.endswith(b"--resume a1b2c3\r\n")

    def test_ctrl_d_in_a_text_and_one_ctrl_c_do_not_leave(self, tmp_path: Path) -> None:
        with Pane(tmp_path, "--pace", "0") as pane:
            pane.until_state("idle")
            pane.type("text\x04\x03")
            pane.until_shown("ctrl-c again quits")
            pane.submit("hello")
            pane.until_shown("I heard “hello”")

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
    def test_a_signal_ends_it_in_the_middle_of_a_turn(self, tmp_path: Path, number: signal.Signals) -> None:
        task = sample_task(1).model_copy(update={"test_command": "echo under way; sleep 300"})
        with Pane(tmp_path, "--pace", "0") as pane:
            pane.until_state("idle")
            pane.submit(pane.order(task))
            pane.until_shown("under way")
            os.kill(pane.pid, number)
            assert pane.ended() == 128 + number
            check_restored(pane)

    def test_an_interrupt_signal_is_the_key(self, tmp_path: Path) -> None:
        task = sample_task(1).model_copy(update={"test_command": "echo under way; sleep 300"})
        with Pane(tmp_path, "--pace", "0") as pane:
            pane.until_state("idle")
            pane.submit(pane.order(task))
            pane.until_shown("under way")
            os.kill(pane.pid, signal.SIGINT)
            pane.until_shown("Interrupted")
            pane.until_state("idle")

    def test_a_fault_in_the_program_puts_the_terminal_back_first(self, tmp_path: Path) -> None:
        with Pane(tmp_path, "--pace", "0", program=CRASH) as pane:
            pane.until_state("idle")
            pane.submit("hello")
            assert pane.ended() == 1
            check_restored(pane)
            assert pane.raw.rindex(b"?1049l") < pane.raw.rindex(b"the turn broke")

    def test_without_a_terminal_it_says_so(self) -> None:
        ended = subprocess.run(
            [sys.executable, *AGENT], cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True
        )
        assert ended.returncode == 2
        assert ended.stderr == "The rehearsal agent needs a terminal for its input and output.\n"
