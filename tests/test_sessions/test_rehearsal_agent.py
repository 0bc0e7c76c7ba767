"""The rehearsal agent at work in a real terminal."""

import base64
import json
import re
from pathlib import Path

import psutil
import pytest
from rehearsal_pane import Pane
from rehearsal_prompts import card, sample_task

from sessions.plan import Task


def slow_task(command: str) -> Task:
    return sample_task(1).model_copy(update={"test_command": command})


def gone(file: Path) -> bool:
    """Say whether the process whose id a file holds has ended."""
    try:
        return psutil.Process(int(file.read_text())).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_a_typed_order_builds_a_task_and_reports_it(tmp_path: Path) -> None:
    said = tmp_path / "said"
    with Pane(tmp_path, "--pace", "0", environment={"QUARTERDECK_TRANSCRIPT": str(said)}) as pane:
        pane.until_state("idle")
        assert "rehearsal agent: scripted, no AI" in pane.screen
        pane.submit(pane.order(sample_task(1)))
        pane.until_state("done")
        pane.until_shown("✓ done")
        assert "6 passed" in pane.screen
        assert "accepted" in pane.screen
        (report,) = pane.reports
        assert "My test run: 6 passed." in json.loads(report)["summary"]
        assert (pane.project / "barchart/table.py").exists()
        pane.type("x")
        pane.until_state("idle")
        assert pane.states == ["idle", "working", "done", "idle"]
        titles = re.findall(r"\x1b\]2;rehearsal agent \(no AI\): (\w+)\x1b", pane.raw.decode())
        assert titles == ["idle", "working", "done", "idle"]
        whole = said.read_text()
        assert "Write tests/test_barchart_table.py" in whole
        assert "No module named 'barchart'" in whole
        assert whole.index("1 error in") < whole.index("6 passed")


def test_a_pasted_order_mends_what_the_verdict_names(tmp_path: Path) -> None:
    with Pane(tmp_path, "--pace", "0") as pane:
        pane.until_state("idle")
        pane.paste(pane.order(sample_task(2)))
        pane.type("\r")
        pane.until_state("done")
        assert "1 failed, 7 passed" in json.loads(pane.reports[0])["summary"]
        pane.paste(pane.order(sample_task(2), 2, verdict=card("fail", "retask", "parse_number gave None")))
        pane.type("\r")
        pane.until(lambda: len(pane.reports) == 2)
        pane.until_state("done")
        pane.until_shown("● Edit barchart/totals.py  +2 -2")
        assert '+         return float(cell.replace(",", ""))' in pane.screen
        assert "Keep tests/test_barchart_totals.py  as it is" in pane.screen
        assert "My test run: 8 passed." in json.loads(pane.reports[1])["summary"]


def test_prompts_sent_during_a_turn_wait_for_its_end(tmp_path: Path) -> None:
    with Pane(tmp_path, "--pace", "0", rows=60) as pane:
        pane.until_state("idle")
        pane.submit(pane.order(sample_task(1)))
        pane.submit("and how are you?")
        pane.until_state("done")
        pane.until_shown("I heard “and how are you?”")
        assert pane.states == ["idle", "working", "done"]
        assert len(pane.reports) == 1


@pytest.mark.parametrize(
    ("prompt", "answer"),
    [
        ("hello, who are you?", "I heard “hello, who are you?”"),
        (
            "Read /nowhere/at/all.md and do what it says.",
            "I cannot read /nowhere/at/all.md: No such file or directory.",
        ),
        ("Read . and do what it says.", "Is a directory."),
        ("Read ../other.md and do what it says.", "There is no task for a Worker in it"),
        ("/help", "One order is known"),
        ("/dance", "I heard “/dance”"),
    ],
)
def test_any_other_prompt_gets_a_friendly_answer(tmp_path: Path, prompt: str, answer: str) -> None:
    (tmp_path / "other.md").write_text("nothing for you")
    with Pane(tmp_path, "--pace", "0", columns=120) as pane:
        pane.until_state("idle")
        pane.submit(prompt)
        pane.until_shown(answer)
        pane.until_state("done", "idle")
        assert pane.reports == []


class TestInterrupt:
    def test_escape_ends_the_turn_and_the_whole_group_it_runs(self, tmp_path: Path) -> None:
        command = "sleep 300 & echo $! > ../child; echo $$ > ../leader; echo under way; wait"
        with Pane(tmp_path, "--pace", "0") as pane:
            pane.until_state("idle")
            pane.submit(pane.order(slow_task(command)))
            pane.until_shown("under way")
            pane.type("\x1b")
            pane.until_state("idle")
            pane.until_shown("Interrupted")
            assert pane.states == ["idle", "working", "idle"]
            pane.until(lambda: gone(tmp_path / "child") and gone(tmp_path / "leader"))
            assert pane.reports == []
            pane.submit("still there?")
            pane.until_shown("I heard “still there?”")

    @pytest.mark.parametrize("key", ["\x1b", "\x03"])
    def test_a_turn_that_is_talking_stops_at_once(self, tmp_path: Path, key: str) -> None:
        with Pane(tmp_path, "--pace", "3") as pane:
            pane.until_state("idle")
            pane.submit("tell me a story")
            pane.until_shown("I heard “tell")
            pane.type(key)
            pane.until_shown("Interrupted")
            pane.until_state("idle")

    def test_escape_and_the_next_prompt_in_one_write_are_both_understood(self, tmp_path: Path) -> None:
        with Pane(tmp_path, "--pace", "0") as pane:
            pane.until_state("idle")
            pane.submit(pane.order(slow_task("echo under way; sleep 300")))
            pane.until_shown("under way")
            pane.type("\x1bhello\r")
            pane.until_shown("I heard “hello”")
            assert "Interrupted" in pane.screen

    def test_what_waited_is_let_go(self, tmp_path: Path) -> None:
        with Pane(tmp_path, "--pace", "0") as pane:
            pane.until_state("idle")
            pane.submit(pane.order(slow_task("echo under way; sleep 300")))
            pane.until_shown("under way")
            pane.submit("later")
            pane.until_shown("1 more to do")
            pane.type("\x1b")
            pane.until_shown("Interrupted, and 1 waiting let go")
            pane.until_state("idle")
            assert "I heard" not in pane.screen


class TestPermission:
    def asked(self, pane: Pane) -> None:
        pane.until_state("idle", "done")
        pane.submit(pane.order(sample_task(1)))
        pane.until_state("blocked")
        pane.until_shown("1 Allow once")

    def test_the_question_is_told_to_the_terminal(self, tmp_path: Path) -> None:
        with Pane(tmp_path, "--pace", "0", "--ask") as pane:
            self.asked(pane)
            assert "Allow: python -B -m pytest" in pane.screen
            found = re.search(rb"state=blocked:app=quarterdeck-rehearsal:kind=permission:msg=([^\x1b]+)\x1b", pane.raw)
            assert found
            assert base64.b64decode(found[1]).decode().startswith("Allow: python -B -m pytest")

    @pytest.mark.parametrize("keys", ["1", "\r", "\x1b[B\x1b[A\r"])
    def test_allowed_once_it_runs_the_tests_and_asks_again_in_the_next_turn(self, tmp_path: Path, keys: str) -> None:
        with Pane(tmp_path, "--pace", "0", "--ask") as pane:
            self.asked(pane)
            pane.type(keys)
            pane.until_state("done")
            assert "My test run: 6 passed." in json.loads(pane.reports[0])["summary"]
            assert pane.states == ["idle", "working", "blocked", "working", "done"]
            self.asked(pane)

    @pytest.mark.parametrize("keys", ["2", "\x1b[B\r"])
    def test_allowed_for_good_it_never_asks_again(self, tmp_path: Path, keys: str) -> None:
        with Pane(tmp_path, "--pace", "0", "--ask") as pane:
            self.asked(pane)
            pane.type(keys)
            pane.until_state("done")
            pane.submit(pane.order(sample_task(2)))
            pane.until(lambda: len(pane.reports) == 2)
            pane.until_state("done")
            assert pane.states.count("blocked") == 1

    @pytest.mark.parametrize("keys", ["3", "\x1b[A\r"])
    def test_refused_it_reports_without_having_run_the_tests(self, tmp_path: Path, keys: str) -> None:
        with Pane(tmp_path, "--pace", "0", "--ask") as pane:
            self.asked(pane)
            pane.type(keys)
            pane.until_state("done")
            assert "I did not run the tests." in json.loads(pane.reports[0])["summary"]
            assert "you said no" in pane.screen
            assert (pane.project / "barchart/table.py").exists()

    def test_escape_at_the_question_ends_the_turn(self, tmp_path: Path) -> None:
        with Pane(tmp_path, "--pace", "0", "--ask") as pane:
            self.asked(pane)
            pane.type("\x1b")
            pane.until_state("idle")
            pane.until_shown("Interrupted")
            assert "1 Allow once" not in pane.screen
            assert pane.reports == []


class TestReport:
    def test_a_refused_report_is_mended_once(self, tmp_path: Path) -> None:
        with Pane(tmp_path, "--pace", "0", refusals=1) as pane:
            pane.until_state("idle")
            pane.submit(pane.order(sample_task(3)))
            pane.until_state("done")
            long, short = (json.loads(one)["summary"] for one in pane.reports)
            assert long.startswith(short)
            assert len(short) < len(long)
            assert "summary: too long" in pane.screen

    def test_a_report_refused_twice_is_left_to_the_person(self, tmp_path: Path) -> None:
        with Pane(tmp_path, "--pace", "0", refusals=9) as pane:
            pane.until_state("idle")
            pane.submit(pane.order(sample_task(3)))
            pane.until_state("done")
            pane.until_shown("Refused again: this needs you.")
            assert len(pane.reports) == 2

    def test_the_tests_it_runs_do_not_learn_the_way_to_the_host(self, tmp_path: Path) -> None:
        secret = {"QUARTERDECK_TOKEN": "sesame", "QUARTERDECK_SOCKET": "/run/door"}
        with Pane(tmp_path, "--pace", "0", environment=secret) as pane:
            pane.until_state("idle")
            pane.submit(pane.order(slow_task("env | grep QUARTERDECK; echo looked")))
            pane.until_state("done")
            pane.until_shown("│ looked")
            assert "sesame" not in pane.screen

    def test_a_file_that_cannot_be_written_is_reported(self, tmp_path: Path) -> None:
        with Pane(tmp_path, "--pace", "0") as pane:
            (pane.project / "tests").write_text("in the way")
            pane.until_state("idle")
            pane.submit(pane.order(sample_task(3)))
            pane.until_state("done")
            assert "tests/test_barchart_chart.py could not be written" in json.loads(pane.reports[0])["summary"]

    def test_nothing_is_written_through_a_link_that_leads_out(self, tmp_path: Path) -> None:
        with Pane(tmp_path, "--pace", "0") as pane:
            (tmp_path / "outside").mkdir()
            (pane.project / "tests").symlink_to(tmp_path / "outside")
            pane.until_state("idle")
            pane.submit(pane.order(sample_task(3)))
            pane.until_state("done")
            assert "it lies outside this folder" in json.loads(pane.reports[0])["summary"]
            assert not list((tmp_path / "outside").iterdir())
