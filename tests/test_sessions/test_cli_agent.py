"""The agent in a terminal, with programs that behave well, badly, or not at all."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from process_trees import eventually, members
from scripted_model import RecordingSink

from sessions.agents.cli_agent import CliAgent, CliProgram, Patience
from sessions.agents.protocol import TurnOrder, TurnReport
from sessions.events import (
    Event,
    ProcessEnded,
    ProcessIntended,
    ProcessStarted,
    PromptReceipted,
    StatusSeen,
)
from sessions.processes.environment import clean_environment
from sessions.prompts import Prompt, part
from sessions.terminal.pane_thread import PaneThread
from sessions.terminal.pty import PtyProcess

PROGRAM = Path(__file__).with_name("scripted_program.py")
LIMIT = 60.0
HASTE = Patience(ready=2.0, echo=0.3, enter=0.02, accept=0.5, quiet=0.1, wind_down=0.5)


@dataclass
class Pane:
    """An agent in its terminal, and everything it logged."""

    agent: CliAgent
    folder: Path
    events: list[Event] = field(default_factory=list)
    terminals: list[PtyProcess] = field(default_factory=list)
    turns: int = 0

    def of(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    def order(self) -> TurnOrder:
        self.turns += 1
        prompt = Prompt("You are the Worker.", (part("task", "the task", "Do it."),), "0123456789ab")
        return TurnOrder(f"t{self.turns:03d}", "worker", "worker", prompt, ("report_done",), "secret-token")

    def begin(self, order: TurnOrder, sink: RecordingSink | None = None) -> "asyncio.Task[TurnReport]":
        return asyncio.create_task(self.agent.run_turn(order, sink or RecordingSink()))

    def go(self) -> None:
        (self.folder / "go").touch()

    def stay(self) -> None:
        (self.folder / "go").unlink(missing_ok=True)

    @property
    def said(self) -> str:
        path = self.folder.parent / "files" / "transcript.txt"
        return path.read_text() if path.exists() else ""

    @property
    def marker(self) -> str:
        return self.of(ProcessIntended)[-1].marker


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(LIMIT):
        while not condition():  # noqa: ASYNC110  a program's doings have no event here
            await asyncio.sleep(0.01)


@pytest.fixture
async def make(tmp_path: Path) -> AsyncIterator[Callable[..., Pane]]:
    """Make panes with a program of a mode; all of them are closed afterwards, and nothing may be left of them."""
    thread = PaneThread()
    panes: list[Pane] = []

    def make_pane(mode: str, *, argv: tuple[str, ...] = (), patience: Patience = HASTE, **settings: Any) -> Pane:
        folder = tmp_path / "work"
        folder.mkdir(exist_ok=True)
        program = CliProgram(
            argv=argv or (sys.executable, "-I", "-S", str(PROGRAM), mode),
            folder=folder,
            files=tmp_path / "files",
            recordings=tmp_path / "panes",
            environment=clean_environment(),
            number=3,
            patience=patience,
            **settings,
        )

        async def record(*events: Event) -> None:
            panes[-1].events.extend(events)

        async def on_terminal(process: PtyProcess) -> None:
            panes[-1].terminals.append(process)

        agent = CliAgent("worker", program, thread, record=record, on_terminal=on_terminal)
        panes.append(Pane(agent, folder))
        return panes[-1]

    yield make_pane
    for pane in panes:
        await pane.agent.close()
        await pane.agent.close()
        for intended in pane.of(ProcessIntended):
            assert not members(intended.marker)
        assert len(pane.of(ProcessEnded)) == len(pane.of(ProcessIntended))
    await asyncio.to_thread(thread.close)


def stages(sink: RecordingSink) -> list[str]:
    return [event.stage for event in sink.of(PromptReceipted)]


Make = Callable[..., Pane]


class TestATurn:
    async def test_a_prompt_is_receipted_step_by_step_and_the_turn_ends_with_its_transition(self, make: Make) -> None:
        pane, sink = make("good"), RecordingSink()
        order = pane.order()
        turn = pane.begin(order, sink)
        await until(lambda: "accepted" in stages(sink))
        assert stages(sink) == ["written", "echoed", "accepted"]
        order.over.set()
        pane.go()
        report = await turn
        assert (report.ending, report.failure) == ("transition", "")
        assert "told: Read " in report.said
        assert report.usage.estimated
        started = pane.of(ProcessStarted)
        assert [one.recording for one in started] == ["3.cast"]
        assert pane.terminals[0].pid == started[0].pid

    async def test_the_prompt_is_a_file_and_neither_it_nor_the_token_is_in_what_is_typed_or_logged(
        self, make: Make
    ) -> None:
        pane = make("good")
        order = pane.order()
        turn = pane.begin(order)
        await until(lambda: "told:" in pane.said)
        prompt = pane.folder.parent / "files" / "t001.md"
        assert "Do it." in prompt.read_text()
        assert prompt.stat().st_mode & 0o777 == 0o600
        token = pane.folder.parent / "files" / "token"
        assert (token.read_text(), token.stat().st_mode & 0o777) == ("secret-token", 0o600)
        assert "secret-token" not in pane.said
        assert not [event for event in pane.events if "secret-token" in event.model_dump_json()]
        assert "secret-token" not in "".join(" ".join(one.cmdline()) for one in members(pane.marker))
        order.over.set()
        pane.go()
        await turn

    async def test_the_second_turn_goes_to_the_same_program_with_only_its_own_words(self, make: Make) -> None:
        pane = make("good")
        for _ in range(2):
            order = pane.order()
            turn = pane.begin(order)
            await until(lambda n=pane.turns: pane.said.count("told:") == n)
            order.over.set()
            pane.go()
            report = await turn
            pane.stay()
            assert report.said.count("told:") == 1
        assert len(pane.of(ProcessStarted)) == 1

    async def test_what_a_person_left_in_the_box_does_not_become_part_of_the_prompt(self, make: Make) -> None:
        pane = make("good")
        order = pane.order()
        turn = pane.begin(order)
        await until(lambda: "told:" in pane.said)
        order.over.set()
        pane.go()
        await turn
        pane.stay()
        pane.terminals[0].write(b"half a thought")
        order = pane.order()
        turn = pane.begin(order)
        await until(lambda: pane.said.count("told:") == 2)
        assert "half a thought" not in pane.said
        order.over.set()
        pane.go()
        await turn

    async def test_a_program_that_is_done_before_anybody_looks_took_the_prompt_all_the_same(self, make: Make) -> None:
        pane, sink = make("quick"), RecordingSink()
        order = pane.order()
        turn = pane.begin(order, sink)
        await until(lambda: "accepted" in stages(sink))
        receipt = next(one for one in sink.of(PromptReceipted) if one.stage == "accepted")
        assert receipt.source == "osc 7501", "no second Enter was needed"
        order.over.set()
        assert (await turn).ending == "transition"


class TestAProgramThatMisbehaves:
    async def test_a_lost_enter_is_pressed_again_and_the_receipt_says_so(self, make: Make) -> None:
        pane, sink = make("swallow"), RecordingSink()
        order = pane.order()
        turn = pane.begin(order, sink)
        await until(lambda: "accepted" in stages(sink))
        assert sink.of(PromptReceipted)[-1].source == "osc 7501 after a second enter"
        assert pane.said.count("told:") == 1
        order.over.set()
        pane.go()
        assert (await turn).ending == "transition"

    async def test_one_that_says_nothing_is_told_its_task_and_then_given_up(self, make: Make) -> None:
        pane = make("silent", patience=Patience(0.2, 0.3, 0.02, 0.2, 0.1, 0.2))
        report = await pane.begin(pane.order())
        assert (report.ending, report.failure) == ("failed", "agent")
        assert "even after a second Enter" in report.detail
        unknown = [one for one in pane.of(StatusSeen) if one.activity == "unknown"]
        assert [one.detail for one in unknown] == ["it never said that it is ready"]

    async def test_one_that_says_nothing_but_calls_its_transition_has_done_its_turn(self, make: Make) -> None:
        pane = make("silent", patience=Patience(0.2, 0.3, 0.02, 0.3, 0.1, 0.2))
        order = pane.order()
        turn = pane.begin(order)
        await until(lambda: "told:" in pane.said)
        order.over.set()
        assert (await turn).ending == "transition"

    async def test_one_that_rests_without_its_transition_is_reminded_once(self, make: Make) -> None:
        pane, sink = make("rest"), RecordingSink()
        report = await pane.begin(pane.order(), sink)
        assert (report.ending, report.failure) == ("no_transition", "contract")
        assert "it rests without having called report_done" in report.detail
        assert pane.said.count("told:") == 2
        assert "reminded once" in sink.shown("note")

    async def test_one_that_floods_does_not_hold_up_its_turn_or_its_halt(self, make: Make) -> None:
        pane = make("flood")
        turn = pane.begin(pane.order())
        await until(lambda: any(one.activity == "thinking" for one in pane.of(StatusSeen)))
        await until(lambda: "flood flood" in pane.terminals[0].emulator.text())
        proof = await pane.agent.halt()
        assert proof.stopped
        assert (await turn).ending == "interrupted"

    async def test_one_that_changes_its_mind_all_the_time_does_not_fill_the_log(self, make: Make) -> None:
        pane = make("flicker")
        turn = pane.begin(pane.order())
        await until(lambda: len(pane.of(StatusSeen)) > 5)
        before = asyncio.get_running_loop().time()
        count = len(pane.of(StatusSeen))
        await until(lambda: len(pane.of(StatusSeen)) > count + 5)
        seconds = asyncio.get_running_loop().time() - before
        assert len(pane.of(StatusSeen)) - count <= seconds / 0.04 + 1
        proof = await pane.agent.halt()
        assert proof.stopped
        assert (await turn).ending == "interrupted"


class TestAProgramThatEnds:
    async def test_in_mid_turn_the_turn_has_failed_and_the_next_one_starts_it_anew(self, make: Make) -> None:
        pane = make("die")
        report = await pane.begin(pane.order())
        assert (report.ending, report.failure) == ("failed", "exited")
        assert "ended with 3 before it called a transition" in report.detail
        assert [one.exit_code for one in pane.of(ProcessEnded)] == [3]
        report = await pane.begin(pane.order())
        assert report.failure == "exited"
        assert [one.recording for one in pane.of(ProcessStarted)] == ["3.cast", "3-2.cast"]

    async def test_killed_from_outside_it_is_the_same(self, make: Make) -> None:
        pane = make("good")
        turn = pane.begin(pane.order())
        await until(lambda: "told:" in pane.said)
        victim = next(one for one in members(pane.marker) if one.pid != pane.terminals[0].pid)
        os.kill(victim.pid, signal.SIGKILL)
        report = await turn
        assert (report.ending, report.failure) == ("failed", "exited")
        assert "with 137" in report.detail
        assert pane.of(ProcessEnded)[-1].how == "its whole tree is gone"

    async def test_its_supervisor_killed_the_tree_is_ended_all_the_same(self, make: Make) -> None:
        pane = make("good")
        turn = pane.begin(pane.order())
        await until(lambda: "told:" in pane.said)
        os.kill(pane.terminals[0].pid, signal.SIGKILL)
        report = await turn
        assert report.failure == "exited"
        assert pane.of(ProcessEnded)[-1].how == "its tree was ended after it"
        assert not members(pane.marker)

    async def test_after_its_transition_its_end_is_no_failure(self, make: Make) -> None:
        pane = make("good")
        order = pane.order()
        turn = pane.begin(order)
        await until(lambda: "told:" in pane.said)
        order.over.set()
        for one in members(pane.marker):
            if one.pid != pane.terminals[0].pid:
                one.kill()
        assert (await turn).ending == "transition"

    async def test_one_that_ends_at_once_could_not_be_told_its_task(self, make: Make) -> None:
        pane = make("dead")
        report = await pane.begin(pane.order())
        assert (report.ending, report.failure) == ("failed", "agent")
        assert "ended with 4 before it could be told its task" in report.detail

    async def test_one_that_is_not_there_is_a_failed_turn_with_its_name(self, make: Make) -> None:
        pane = make("", argv=("no-such-agent-anywhere",))
        report = await pane.begin(pane.order())
        assert report.ending == "failed"
        assert "no-such-agent-anywhere" in report.detail
        assert [one.how for one in pane.of(ProcessEnded)] == [report.detail]


class TestHalting:
    async def test_the_agents_own_key_comes_first_and_is_enough(self, make: Make) -> None:
        pane = make("good")
        turn = pane.begin(pane.order())
        await until(lambda: "told:" in pane.said)
        proof = await pane.agent.halt()
        assert (proof.stopped, proof.step, proof.observed) == (True, "interrupt key", "it says idle")
        assert (await turn).ending == "interrupted"
        assert not pane.of(ProcessEnded), "the program lives on for the next turn"
        order = pane.order()
        turn = pane.begin(order)
        await until(lambda: pane.said.count("told:") == 2)
        order.over.set()
        pane.go()
        assert (await turn).ending == "transition"

    async def test_what_listens_to_nothing_is_killed_with_its_tree(self, make: Make) -> None:
        pane = make("deaf")
        turn = pane.begin(pane.order())
        await until(lambda: "told:" in pane.said)
        proof = await pane.agent.halt(grace=0.3)
        assert (proof.stopped, proof.observed) == (True, "process tree gone")
        assert proof.step in ("SIGTERM", "SIGKILL")
        assert not members(pane.marker)
        assert (await turn).ending == "interrupted"

    async def test_when_nothing_runs_there_is_nothing_to_stop(self, make: Make) -> None:
        pane = make("good")
        proof = await pane.agent.halt()
        assert (proof.stopped, proof.step) == (True, "none")
        order = pane.order()
        turn = pane.begin(order)
        await until(lambda: "told:" in pane.said)
        order.over.set()
        pane.go()
        await turn
        assert (await pane.agent.halt()).step == "none"
        assert "\x1b" not in pane.said

    async def test_before_the_program_is_ready_no_prompt_is_typed_any_more(self, make: Make) -> None:
        pane = make("slow", patience=Patience(30.0, 0.3, 0.02, 0.5, 0.1, 0.5))
        turn = pane.begin(pane.order())
        await until(lambda: pane.of(ProcessStarted))
        proof = await pane.agent.halt()
        assert (proof.stopped, proof.step) == (True, "none")
        assert (await turn).ending == "interrupted"
        pane.go()
        await until(lambda: "ready" in pane.terminals[0].emulator.text())
        assert "told:" not in pane.said
        assert "Read" not in pane.terminals[0].emulator.text()

    async def test_while_the_program_is_being_started_it_keeps_an_owner(self, make: Make) -> None:
        pane = make("good")
        turn = pane.begin(pane.order())
        await until(lambda: pane.of(ProcessIntended))
        proof = await pane.agent.halt()
        assert proof.stopped
        assert (await turn).ending == "interrupted"
        assert pane.of(ProcessStarted)
        assert "told:" not in pane.said

    async def test_between_the_typed_line_and_enter_no_enter_follows(self, make: Make) -> None:
        pane, sink = make("good", patience=Patience(2.0, 0.3, 30.0, 0.5, 0.1, 0.5)), RecordingSink()
        turn = pane.begin(pane.order(), sink)
        await until(lambda: "echoed" in stages(sink))
        proof = await pane.agent.halt()
        assert (proof.stopped, proof.step) == (True, "interrupt key")
        assert (await turn).ending == "interrupted"
        assert "told:" not in pane.said

    async def test_after_the_transition_was_accepted_it_stands(self, make: Make) -> None:
        pane = make("good", patience=Patience(2.0, 0.3, 0.02, 0.5, 0.1, 30.0))
        order = pane.order()
        turn = pane.begin(order)
        await until(lambda: "told:" in pane.said)
        order.over.set()
        proof = await pane.agent.halt()
        assert proof.stopped
        assert (await turn).ending == "transition"

    async def test_three_at_once_are_one(self, make: Make) -> None:
        pane = make("good")
        turn = pane.begin(pane.order())
        await until(lambda: "told:" in pane.said)
        proofs = await asyncio.gather(*(pane.agent.halt() for _ in range(3)))
        assert all(proof.stopped for proof in proofs)
        assert (await turn).ending == "interrupted"
        assert len(members(pane.marker)) == 2

    async def test_a_turn_that_is_cancelled_leaves_its_program_to_be_closed(self, make: Make) -> None:
        pane = make("good")
        turn = pane.begin(pane.order())
        await until(lambda: pane.of(ProcessIntended))
        turn.cancel()
        with pytest.raises(asyncio.CancelledError):
            await turn
        await pane.agent.close()
        await eventually(lambda: not members(pane.marker))
