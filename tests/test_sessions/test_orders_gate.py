"""Deciding on what is held at the gate: approve, edit, redirect, reject, and the gate's own modes."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from session_stage import DONE, FAIL, PLAN, SPEC, TASK, Stage, running_session

from sessions.events import (
    GateModeChanged,
    HandoffApproved,
    HandoffEdited,
    HandoffProposed,
    HandoffRedirected,
    HandoffRejected,
    NodeEntered,
    SpecAppended,
    TaskStarted,
    TurnStarted,
)
from sessions.orders import (
    ApproveHandoff,
    EditHandoff,
    RedirectHandoff,
    RejectHandoff,
    SetGate,
)

EDITED_VERDICT = "verdict: partial\ndiagnosis: good enough for now\nrec_action: continue\npointer: -"


async def to_the_verdict(stage: Stage, verdict: Any = FAIL) -> str:
    """Bring a session to the gate with a verdict in it, and return the handoff."""
    stage.play(submit_verdict=verdict)
    stage.agents["manager"].plays.pop("decide")
    for kind in ("spec", "plan", "task", "report"):
        await stage.approve(kind)
    state = await stage.until(lambda one: any("verdict" in held.proposed.payload.kind for held in one.held()))
    return state.held()[0].proposed.handoff


class TestApproving:
    async def test_what_is_approved_crosses_with_the_note(self, home: Path) -> None:
        async with running_session(home) as stage:
            await (await stage.agents["planner"].turn()).end(SPEC)
            held = await stage.held("spec")
            assert await stage.done(ApproveHandoff(handoff=held, note="small steps, please")) == f"{held} approved"
            turn = await stage.agents["manager"].turn()
            assert "small steps, please" in await stage.prompt_of(turn.order.turn)
            approved = await stage.until_event(HandoffApproved)
            assert (approved.by, approved.note) == ("you", "small steps, please")

    async def test_a_note_to_the_plan_reaches_whoever_gets_the_first_task(self, home: Path) -> None:
        async with running_session(home) as stage:
            stage.play()
            stage.agents["worker"].plays.clear()
            await stage.approve("spec")
            await stage.done(ApproveHandoff(handoff=await stage.held("plan"), note="mind the empty file"))
            await stage.approve("task")
            turn = await stage.agents["worker"].turn()
            assert "mind the empty file" in turn.prompt

    async def test_twice_the_first_stands_and_the_second_is_told(self, home: Path) -> None:
        async with running_session(home) as stage:
            await (await stage.agents["planner"].turn()).end(SPEC)
            held = await stage.held("spec")
            await stage.done(ApproveHandoff(handoff=held))
            assert await stage.refused(ApproveHandoff(handoff=held)) == f"{held} was already approved by you"
            await stage.agents["manager"].turn()
            assert "already" in await stage.refused(RejectHandoff(handoff=held, reason="too late"))
            assert len(stage.of(HandoffApproved)) == 1

    async def test_one_that_never_was_is_refused(self, home: Path) -> None:
        async with running_session(home) as stage:
            assert await stage.refused(ApproveHandoff(handoff="H-099")) == "there is no handoff H-099"


class TestEditing:
    @pytest.mark.parametrize(
        ("kind", "window", "part"),
        [
            ("spec", "manager", "note"),
            ("task", "worker", "task"),
            ("report", "auditor", "report"),
            ("verdict_other", "manager", "verdict"),
        ],
    )
    async def test_the_receiver_reads_what_the_person_wrote(
        self, home: Path, kind: str, window: str, part: str
    ) -> None:
        async with running_session(home) as stage:
            stage.play(submit_verdict=FAIL)
            turns = len(stage.agents[window].began)
            for before in ("spec", "plan", "task", "report", "verdict_other"):
                if before == kind:
                    break
                await stage.approve(before)
            held = await stage.held(kind)
            turns = len(stage.agents[window].began)
            stage.agents[window].plays.clear()
            text = EDITED_VERDICT if kind == "verdict_other" else f"What the person made of the {kind}."
            assert await stage.done(EditHandoff(handoff=held, text=text)) == f"{held} edited and approved"
            turn = await stage.agents[window].turn(turns)
            prompt = await stage.prompt_of(turn.order.turn)
            assert text in prompt
            assert f"<<<{part} " in prompt.split(text)[0]
            edited = await stage.until_event(HandoffEdited)
            assert edited.text == text
            proposed = next(one for one in stage.of(HandoffProposed) if one.handoff == held)
            assert proposed.payload.text != text, "the original is kept beside it"

    async def test_a_verdict_keeps_its_four_fields(self, home: Path) -> None:
        async with running_session(home) as stage:
            held = await to_the_verdict(stage)
            reason = await stage.refused(EditHandoff(handoff=held, text="it is fine, really"))
            assert "four fields: verdict" in reason
            assert stage.state.handoffs[held].stage == "proposed"

    async def test_a_blank_text_does_not_cross(self, home: Path) -> None:
        async with running_session(home) as stage:
            await (await stage.agents["planner"].turn()).end(SPEC)
            held = await stage.held("spec")
            assert "reject the handoff" in await stage.refused(EditHandoff(handoff=held, text=" \n"))
            assert stage.state.handoffs[held].stage == "proposed"

    async def test_a_plan_is_carried_out_by_the_host_so_its_words_cannot_be_changed(self, home: Path) -> None:
        async with running_session(home) as stage:
            stage.play()
            await stage.approve("spec")
            held = await stage.held("plan")
            reason = await stage.refused(EditHandoff(handoff=held, text="T-01 something else"))
            assert "the host itself carries out a plan" in reason
            await stage.done(ApproveHandoff(handoff=held))


class TestRedirecting:
    async def test_to_the_planner_who_reads_what_was_sent(self, home: Path) -> None:
        async with running_session(home) as stage:
            held = await to_the_verdict(stage)
            turns = len(stage.agents["planner"].began)
            stage.agents["planner"].plays.clear()
            text = await stage.done(RedirectHandoff(handoff=held, to="write_spec"))
            assert text == f"{held} redirected to write_spec"
            turn = await stage.agents["planner"].turn(turns)
            assert "off by one" in turn.prompt
            assert stage.of(HandoffRedirected)[0].to == "write_spec"
            assert not [one for one in stage.of(NodeEntered) if one.node == "decide"]

    async def test_to_another_attempt_which_is_told_why(self, home: Path) -> None:
        async with running_session(home) as stage:
            held = await to_the_verdict(stage)
            await stage.done(RedirectHandoff(handoff=held, to="begin_attempt"))
            await stage.approve("task")
            await stage.until_event(TaskStarted, 2)
            turn = await stage.agents["worker"].turn(1)
            assert turn.order.attempt == 2
            assert "off by one" in turn.prompt

    async def test_nowhere_else(self, home: Path) -> None:
        async with running_session(home) as stage:
            held = await to_the_verdict(stage)
            reason = await stage.refused(RedirectHandoff(handoff=held, to="audit"))
            assert reason == f"{held} can be redirected to write_spec, begin_attempt"
            assert stage.state.handoffs[held].stage == "proposed"

    async def test_one_that_has_no_other_way_says_so(self, home: Path) -> None:
        async with running_session(home) as stage:
            await (await stage.agents["planner"].turn()).end(SPEC)
            held = await stage.held("spec")
            assert "nowhere else" in await stage.refused(RedirectHandoff(handoff=held, to="plan"))


class TestRejecting:
    @pytest.mark.parametrize(
        ("kind", "window"),
        [
            ("spec", "planner"),
            ("plan", "manager"),
            ("task", "manager"),
            ("report", "worker"),
            ("verdict_other", "auditor"),
        ],
    )
    async def test_it_goes_back_with_the_reason_in_the_next_prompt(self, home: Path, kind: str, window: str) -> None:
        async with running_session(home) as stage:
            stage.play(submit_verdict=FAIL)
            for before in ("spec", "plan", "task", "report", "verdict_other"):
                if before == kind:
                    break
                await stage.approve(before)
            held = await stage.held(kind)
            turns = len(stage.agents[window].began)
            stage.agents[window].plays.clear()
            await stage.done(RejectHandoff(handoff=held, reason="not\n what was asked"))
            assert (await stage.until_event(HandoffRejected)).reason == "not what was asked"
            if kind == "report":
                await stage.approve("task")
            turn = await stage.agents[window].turn(turns)
            assert "not what was asked" in await stage.prompt_of(turn.order.turn)

    async def test_without_a_reason_it_is_refused(self, home: Path) -> None:
        async with running_session(home) as stage:
            await (await stage.agents["planner"].turn()).end(SPEC)
            held = await stage.held("spec")
            assert "say in one line why" in await stage.refused(RejectHandoff(handoff=held, reason="  "))

    async def test_a_rejected_report_begins_the_next_attempt_and_no_number_comes_twice(self, home: Path) -> None:
        async with running_session(home) as stage:
            stage.play()
            for kind in ("spec", "plan", "task"):
                await stage.approve(kind)
            for _ in range(2):
                await stage.done(RejectHandoff(handoff=await stage.held("report"), reason="again"))
                await stage.approve("task")
            await stage.approve("report")
            assert [one.attempt for one in stage.of(TaskStarted)] == [1, 2, 3]


class TestGateModes:
    async def test_auto_lets_go_what_is_held_and_flows_but_never_a_plan(self, home: Path) -> None:
        async with running_session(home) as stage:
            stage.play()
            await stage.approve("spec")
            held = await stage.held("plan")
            assert await stage.done(SetGate(mode="auto")) == "gate is AUTO"
            assert stage.state.handoffs[held].stage == "proposed", "a plan always waits for the person"
            await stage.done(ApproveHandoff(handoff=held))
            await stage.until(lambda state: state.ended is not None)
            assert stage.state.ended is not None
            assert stage.state.ended.outcome == "passed"

    async def test_a_held_task_flows_when_the_gate_opens_and_stops_when_it_closes(self, home: Path) -> None:
        async with running_session(home) as stage:
            stage.play()
            stage.agents["worker"].plays.clear()
            await stage.approve("spec")
            await stage.approve("plan")
            held = await stage.held("task")
            await stage.done(SetGate(mode="assisted"))
            turn = await stage.agents["worker"].turn()
            approved = next(one for one in stage.of(HandoffApproved) if one.handoff == held)
            assert approved.by == "gate assisted"
            await stage.done(SetGate(mode="manual"))
            await turn.end(DONE)
            await stage.held("report")

    async def test_assisted_holds_a_verdict_that_is_no_pass(self, home: Path) -> None:
        async with running_session(home, gate="assisted") as stage:
            stage.play(submit_verdict=FAIL)
            await stage.approve("spec")
            await stage.approve("plan")
            await stage.held("verdict_other")
            assert "holds every verdict but a pass" in stage.of(HandoffProposed)[-1].held

    async def test_after_its_passes_a_gate_is_manual_again(self, home: Path) -> None:
        async with running_session(home, gate="assisted", passes=2) as stage:
            stage.play()
            await stage.approve("spec")
            await stage.approve("plan")
            await stage.held("verdict_pass")
            fallen = stage.of(GateModeChanged)[-1]
            assert (fallen.mode, fallen.by) == ("manual", "gate")
            assert "used up" in fallen.reason
            assert [one.by for one in stage.of(HandoffApproved)] == ["you", "you", "gate assisted", "gate assisted"]

    async def test_with_nobody_watching_the_run_itself_approves(self, home: Path) -> None:
        async with running_session(home, unattended=True) as stage:
            stage.play()
            await stage.until(lambda state: state.ended is not None)
            assert {one.by for one in stage.of(HandoffApproved)} == {"run"}

    async def test_after_the_end_there_is_no_gate(self, home: Path) -> None:
        async with running_session(home, gate="auto", unattended=True) as stage:
            stage.play()
            await stage.until(lambda state: state.ended is not None)
            assert await stage.refused(SetGate(mode="auto")) == "the session is over"


async def test_many_decisions_at_once_are_one(home: Path) -> None:
    """Five screens decide the same moment: one wins, the others are told, the log has one decision."""
    async with running_session(home) as stage:
        await (await stage.agents["planner"].turn()).end(SPEC)
        held = await stage.held("spec")
        orders = [
            ApproveHandoff(handoff=held),
            RejectHandoff(handoff=held, reason="no"),
            EditHandoff(handoff=held, text="x"),
        ]
        replies = await asyncio.gather(*(stage.give(order) for order in orders * 2))
        assert sum(reply.done for reply in replies) == 1
        decided = [*stage.of(HandoffRejected), *stage.of(HandoffApproved)]
        assert len(decided) == 1


async def test_a_task_rejected_back_to_the_manager_is_planned_anew(home: Path) -> None:
    async with running_session(home) as stage:
        other = {**TASK, "title": "Answer otherwise"}
        stage.play(plan_tasks=PLAN)
        await stage.approve("spec")
        await stage.approve("plan")
        held = await stage.held("task")
        stage.agents["manager"].plays["plan_tasks"] = (
            "plan_tasks",
            {"summary": "two", "milestones": [], "tasks": [other]},
        )
        await stage.done(RejectHandoff(handoff=held, reason="another task"))
        await stage.approve("plan")
        await stage.approve("task")
        started = stage.of(TaskStarted)
        assert [(one.task, one.attempt) for one in started] == [("T-01", 1), ("T-02", 1)]
        assert len(stage.of(SpecAppended)) == 1
        assert len({one.turn for one in stage.of(TurnStarted)}) == len(stage.of(TurnStarted))
