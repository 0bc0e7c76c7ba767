"""Halting, resuming, retasking and escalating: whatever the moment, the old way ends and the new one begins once."""

import asyncio
from collections import Counter
from pathlib import Path

import psutil
import pytest
from session_stage import DONE, LIMIT, PLAN, SPEC, TASK, Stage, running_session

from sessions.events import (
    HaltProven,
    HandoffWithdrawn,
    NodeEntered,
    QuestionAnswered,
    Rerouted,
    TaskStarted,
    TransitionCalled,
    TurnEnded,
    TurnStarted,
    WindowResumed,
    WorkReported,
)
from sessions.orders import ApproveHandoff, Escalate, Halt, Resume, Retask, SetGate
from sessions.processes.supervision import MARKER_VARIABLE


async def to_the_worker(stage: Stage) -> None:
    """Bring a session into the Worker's first turn."""
    stage.play()
    stage.agents["worker"].plays.clear()
    for kind in ("spec", "plan", "task"):
        await stage.approve(kind)
    await stage.agents["worker"].turn()


def attempts(stage: Stage) -> list[int]:
    return [one.attempt for one in stage.of(TaskStarted)]


class TestHalting:
    async def test_a_halted_turn_is_proven_stopped_and_begins_anew_only_when_resumed(self, home: Path) -> None:
        async with running_session(home) as stage:
            await to_the_worker(stage)
            assert await stage.done(Halt(window="worker")) == "halted"
            proof = (await stage.until_event(HaltProven)).model_dump()
            assert (proof["window"], proof["stopped"], proof["step"]) == ("worker", True, "interrupt key")
            await stage.until(lambda state: not state.turns)
            assert stage.of(TurnEnded)[-1].ending == "interrupted"
            assert stage.state.windows["worker"].halted
            assert len(stage.agents["worker"].began) == 1
            assert await stage.done(Resume(window="worker")) == "resumed"
            turn = await stage.agents["worker"].turn(1)
            assert (turn.order.task, turn.order.attempt) == ("T-01", 1), "the same attempt goes on"

    async def test_what_a_turn_had_ended_with_before_the_halt_stands(self, home: Path) -> None:
        async with running_session(home) as stage:
            await to_the_worker(stage)
            turn = await stage.agents["worker"].turn()
            assert (await turn.call(*DONE)).accepted
            await stage.done(Halt(window="worker"))
            await stage.until_event(TurnEnded, 3)
            assert stage.of(TurnEnded)[-1].ending == "transition"
            await stage.done(Resume(window="worker"))
            await stage.held("report")
            assert len(stage.of(WorkReported)) == 1

    async def test_nothing_is_delivered_to_a_halted_window(self, home: Path) -> None:
        async with running_session(home) as stage:
            stage.play()
            stage.agents["worker"].plays.clear()
            await stage.approve("spec")
            await stage.approve("plan")
            await stage.done(Halt(window="worker"))
            await stage.approve("task")
            await stage.until(lambda state: state.position.node == "build")
            assert not stage.agents["worker"].began
            await stage.done(Resume())
            await stage.agents["worker"].turn()

    async def test_a_halt_that_comes_while_the_prompt_is_built_lets_no_turn_begin(
        self, home: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        building, go_on = asyncio.Event(), asyncio.Event()
        async with running_session(home) as stage:
            await (await stage.agents["planner"].turn()).end(SPEC)
            held = await stage.held("spec")
            keep = stage.journal.keep

            async def slow(text: str | bytes) -> str:
                building.set()
                await go_on.wait()
                return await keep(text)

            monkeypatch.setattr(stage.journal, "keep", slow)
            await stage.done(ApproveHandoff(handoff=held))
            await building.wait()
            halting = asyncio.create_task(stage.give(Halt(window="manager")))
            await stage.until(lambda state: state.windows["manager"].halted)
            go_on.set()
            assert (await halting).done
            assert not stage.agents["manager"].began
            assert not stage.state.turns
            await stage.done(Resume())
            await stage.agents["manager"].turn()

    async def test_halting_all_stops_everything_and_closes_the_gate(self, home: Path) -> None:
        async with running_session(home, gate="auto") as stage:
            stage.play()
            stage.agents["worker"].plays.clear()
            await stage.approve("spec")
            await stage.approve("plan")
            await stage.agents["worker"].turn()
            assert await stage.done(Halt()) == "all halted"
            assert all(window.halted for window in stage.state.windows.values())
            assert stage.state.gate.mode == "manual"
            assert Counter(proof.window for proof in stage.of(HaltProven)) == Counter(list(stage.state.windows))
            assert await stage.done(Resume()) == "resumed"
            assert not any(window.halted for window in stage.state.windows.values())

    async def test_halting_twice_is_halting_once(self, home: Path) -> None:
        async with running_session(home) as stage:
            await to_the_worker(stage)
            replies = await asyncio.gather(*(stage.give(Halt(window="worker")) for _ in range(3)))
            assert all(reply.done for reply in replies)
            await stage.done(Resume(window="worker"))
            await stage.agents["worker"].turn(1)
            assert len([one for one in stage.of(TurnEnded) if one.ending == "interrupted"]) == 1

    async def test_one_that_does_not_stop_is_said_to_run(self, home: Path) -> None:
        async with running_session(home) as stage:
            await to_the_worker(stage)
            agent = stage.agents["worker"]
            agent.stubborn = True
            assert "NOT STOPPED: worker" in await stage.refused(Halt(window="worker"))
            proof = await stage.until_event(HaltProven)
            assert not proof.stopped
            assert "NOT STOPPED" in stage.state.windows["worker"].detail
            agent.stubborn = False
            assert await stage.done(Halt(window="worker")) == "halted"

    async def test_what_cannot_be_halted_or_resumed_is_told(self, home: Path) -> None:
        async with running_session(home) as stage:
            assert await stage.refused(Halt(window="nobody")) == "there is no window nobody"
            assert await stage.refused(Resume(window="nobody")) == "there is no window nobody"
            assert await stage.refused(Resume()) == "nothing is halted"
            assert await stage.refused(Resume(window="planner")) == "nothing is halted here"


class TestHaltingTheHostsOwnWork:
    SLEEPS = (
        "plan_tasks",
        {"summary": "s", "milestones": [], "tasks": [{**TASK, "test_command": "sleep 1000 & wait"}]},
    )

    async def to_the_tests(self, stage: Stage, home: Path) -> list[psutil.Process]:
        stage.play(plan_tasks=self.SLEEPS)
        for kind in ("spec", "plan", "task"):
            await stage.approve(kind)
        await stage.until(lambda state: state.position.node == "take_evidence")
        async with asyncio.timeout(LIMIT):
            while not any("sleep" in one.cmdline() for one in programs_of(home)):  # noqa: ASYNC110  not our children
                await asyncio.sleep(0.02)
        return programs_of(home)

    async def test_a_test_run_is_ended_with_its_whole_tree_and_that_is_the_proof(self, home: Path) -> None:
        async with running_session(home) as stage:
            running = await self.to_the_tests(stage, home)
            assert await stage.done(Halt()) == "all halted"
            assert not [one for one in running if one.is_running()], "gone before the halt is said to be done"
            proof = next(one for one in stage.of(HaltProven) if one.window == "worker")
            assert (proof.stopped, proof.observed) == (True, "process tree gone")
            assert stage.state.position.node == "take_evidence"
            await stage.done(Resume())
            async with asyncio.timeout(LIMIT):
                while not programs_of(home):  # noqa: ASYNC110  not our children
                    await asyncio.sleep(0.02)
            await stage.done(Halt())

    async def test_a_halt_of_another_window_does_not_touch_it(self, home: Path) -> None:
        async with running_session(home) as stage:
            running = await self.to_the_tests(stage, home)
            assert await stage.done(Halt(window="planner")) == "halted"
            assert all(one.is_running() for one in running)
            await stage.done(Halt())

    async def test_a_retask_ends_it_too(self, home: Path) -> None:
        async with running_session(home) as stage:
            running = await self.to_the_tests(stage, home)
            assert await stage.done(Retask(note="no sleeping")) == "T-01: begin another attempt"
            assert not [one for one in running if one.is_running()]
            await stage.held("task")
            assert attempts(stage) == [1, 2]


def programs_of(home: Path) -> list[psutil.Process]:
    found: list[psutil.Process] = []
    for process in psutil.Process().children(recursive=True):
        try:
            if process.environ().get(MARKER_VARIABLE) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            continue
    return found


class TestRetasking:
    async def test_in_the_middle_of_a_turn_the_old_one_is_stopped_and_comes_too_late(self, home: Path) -> None:
        async with running_session(home) as stage:
            await to_the_worker(stage)
            old = await stage.agents["worker"].turn()
            assert await stage.done(Retask(note="use a loop")) == "T-01: begin another attempt"
            late = await old.call(*DONE)
            assert not late.accepted
            assert "the turn is over" in late.text
            await stage.approve("task")
            new = await stage.agents["worker"].turn(1)
            assert new.order.attempt == 2
            assert "use a loop" in await stage.prompt_of(new.order.turn)
            assert attempts(stage) == [1, 2]
            assert stage.of(TurnEnded)[-1].ending == "interrupted"
            assert [one.window for one in stage.of(HaltProven)] == ["worker"]
            assert not (await old.call(*DONE)).accepted
            assert (await new.call(*DONE)).accepted
            new.report("transition")
            await stage.held("report")
            assert [one.attempt for one in stage.of(WorkReported)] == [2]

    async def test_while_a_handoff_is_held_that_one_is_withdrawn(self, home: Path) -> None:
        async with running_session(home) as stage:
            stage.play()
            for kind in ("spec", "plan", "task"):
                await stage.approve(kind)
            held = await stage.held("report")
            await stage.done(Retask(note="again"))
            assert [one.handoff for one in stage.of(HandoffWithdrawn)] == [held]
            assert "was already withdrawn" in await stage.refused(ApproveHandoff(handoff=held))
            await stage.approve("task")
            assert attempts(stage) == [1, 2]
            assert [one.proposed.handoff for one in stage.state.held()] != [held]

    async def test_before_there_is_a_task_it_is_refused(self, home: Path) -> None:
        async with running_session(home) as stage:
            assert "no task has been started" in await stage.refused(Retask(note="x"))
            assert "no task has been started" in await stage.refused(Escalate(note="x"))
            turn = await stage.agents["planner"].turn()
            await turn.end(SPEC)
            await stage.held("spec")

    async def test_a_halted_worker_is_resumed_by_it(self, home: Path) -> None:
        async with running_session(home) as stage:
            await to_the_worker(stage)
            await stage.done(Halt(window="worker"))
            await stage.done(Retask(note="now"))
            assert [one.window for one in stage.of(WindowResumed)] == ["worker"]
            await stage.approve("task")
            assert (await stage.agents["worker"].turn(1)).order.attempt == 2

    async def test_a_call_at_the_door_in_the_very_moment_of_a_retask_counts_before_or_not_at_all(
        self, home: Path
    ) -> None:
        async with running_session(home) as stage:
            await to_the_worker(stage)
            for number in range(1, 6):
                turn = await stage.agents["worker"].turn(number - 1)
                reply, _ = await asyncio.gather(turn.call(*DONE), stage.give(Retask(note=f"again {number}")))
                await stage.until(lambda _, n=number: len(stage.of(Rerouted)) == n)
                order = [type(one.event).__name__ for one in stage.records if called_or_moved(one.event)]
                assert order.count("TransitionCalled") == len(stage.of(WorkReported))
                assert order[-1] == "Rerouted", "nothing of the old turn follows the retask"
                turn.report("interrupted")
                await stage.approve("task")
                await stage.until(lambda _, n=number: len(attempts(stage)) == n + 1)
                del reply
            assert attempts(stage) == [1, 2, 3, 4, 5, 6]

    async def test_when_it_comes_while_the_prompt_is_built_no_turn_begins_for_the_old_attempt(
        self, home: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        building, go_on = asyncio.Event(), asyncio.Event()
        async with running_session(home) as stage:
            stage.play()
            stage.agents["worker"].plays.clear()
            await stage.approve("spec")
            await stage.approve("plan")
            held = await stage.held("task")
            keep = stage.journal.keep

            async def slow(text: str | bytes) -> str:
                building.set()
                await go_on.wait()
                return await keep(text)

            monkeypatch.setattr(stage.journal, "keep", slow)
            await stage.done(ApproveHandoff(handoff=held))
            await building.wait()
            moving = asyncio.create_task(stage.give(Retask(note="otherwise")))
            await stage.until(lambda _: stage.of(Rerouted))
            go_on.set()
            assert (await moving).done
            await stage.approve("task")
            turn = await stage.agents["worker"].turn(0)
            assert turn.order.attempt == 2
            assert [one.attempt for one in stage.of(TurnStarted) if one.role == "worker"] == [2]

    async def test_after_the_end_it_is_refused(self, home: Path) -> None:
        async with running_session(home, gate="auto", unattended=True) as stage:
            stage.play()
            await stage.until(lambda state: state.ended is not None)
            assert await stage.refused(Retask(note="x")) == "the session is over"

    async def test_several_at_once_give_as_many_attempts_and_one_turn(self, home: Path) -> None:
        async with running_session(home, gate="auto", unattended=True) as stage:
            stage.play(plan_tasks=PLAN)
            stage.agents["worker"].plays.clear()
            await stage.agents["worker"].turn()
            replies = await asyncio.gather(*(stage.give(Retask(note=f"note {n}")) for n in range(4)))
            assert all(reply.done for reply in replies)
            await stage.until(lambda state: len(state.turns) == 1 and state.tasks["T-01"].attempt > 1)
            turn = await stage.agents["worker"].turn()
            assert turn.order.attempt == max(attempts(stage))
            assert len(set(attempts(stage))) == len(attempts(stage))
            assert "note 3" in turn.prompt


def called_or_moved(event: object) -> bool:
    return isinstance(event, Rerouted) or (isinstance(event, TransitionCalled) and event.tool == "report_done")


class TestEscalating:
    async def test_it_stops_the_worker_and_puts_the_note_before_who_decides(self, home: Path) -> None:
        async with running_session(home) as stage:
            await to_the_worker(stage)
            stage.agents["manager"].plays.pop("decide")
            assert await stage.done(Escalate(note="the spec forbids it")) == "T-01: decide on the verdict"
            turn = await stage.agents["manager"].turn(1)
            assert "the spec forbids it" in await stage.prompt_of(turn.order.turn)
            assert stage.of(TurnEnded)[-1].ending == "interrupted"
            await turn.end(("decide", {"decision": "retask", "note": "as the spec says"}))
            await stage.approve("task")
            assert (await stage.agents["worker"].turn(1)).order.attempt == 2

    async def test_without_words_it_is_refused(self, home: Path) -> None:
        async with running_session(home) as stage:
            await to_the_worker(stage)
            assert "say what you escalate" in await stage.refused(Escalate(note=" "))
            assert (await stage.agents["worker"].turn()).order.attempt == 1

    async def test_a_workflow_without_a_way_says_so(self, home: Path) -> None:
        text = (
            "name: short\nstart: build\nnodes:\n  build: {role: worker, tools: [report_done]}\n"
            "  done: {kind: exit, outcome: passed}\nedges:\n  - {from: build, to: done}\n"
        )
        async with running_session(home, workflow=text) as stage:
            assert "does not say where a retask goes" in await stage.refused(Retask())

    async def test_what_waited_for_the_person_is_overtaken(self, home: Path) -> None:
        asks = ("decide", {"decision": "halt", "question": "Round or cut?", "options": ["round", "cut"]})
        async with running_session(home, gate="auto") as stage:
            stage.play(decide=asks)
            await stage.approve("spec")
            await stage.approve("plan")
            await stage.until(lambda state: state.questions)
            stage.agents["manager"].plays.pop("decide")
            await stage.done(Escalate(note="decide it yourself"))
            turn = await stage.agents["manager"].turn(2)
            assert "decide it yourself" in turn.prompt
            answered = stage.of(QuestionAnswered)[-1]
            assert (answered.choice, "overtaken" in answered.text) == (-1, True)
            assert not stage.state.questions


async def test_the_gate_closed_while_a_turn_ends_holds_what_would_have_flowed(home: Path) -> None:
    """The person's order and the end of a turn meet: whichever is first in the log, the other goes by it."""
    async with running_session(home, gate="assisted") as stage:
        stage.play()
        stage.agents["worker"].plays.clear()
        await stage.approve("spec")
        await stage.approve("plan")
        turn = await stage.agents["worker"].turn()
        await asyncio.gather(turn.end(DONE), stage.give(SetGate(mode="manual")))
        await stage.held("report")
        audits = [one for one in stage.of(NodeEntered) if one.node == "audit"]
        assert not audits
