"""The runner does what the next step says, once, whatever the person does meanwhile."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import pytest

from sessions.events import (
    Event,
    GateModeChanged,
    HaltOrdered,
    HandoffApproved,
    HandoffProposed,
    HandoffRejected,
    NodeEntered,
    NodeLeft,
    Noticed,
    QuestionAnswered,
    QuestionAsked,
    Record,
    Rerouted,
    SessionEnded,
)
from sessions.handoffs import GateMode, Payload
from sessions.state import EMPTY, SessionState, fold
from sessions.workflow.graph import Edge, Node
from sessions.workflow.reader import read_workflow
from sessions.workflow.runner import NodeInterrupted, NodeResult, Runner, cancel_and_wait

WORKFLOW = read_workflow(
    """
name: two
start: build
nodes:
  build: {role: worker, tools: [report_done]}
  audit: {role: auditor, tools: [submit_verdict]}
  done: {kind: exit, outcome: passed}
edges:
  - {from: build, to: audit, handoff: report}
  - {from: audit, to: done, when: {outcome: pass}}
  - {from: audit, to: build, when: {outcome: again}}
""",
    where="test",
)
Work = Callable[[str], Awaitable[NodeResult]]


@dataclass
class FakeStage:
    """The session around the runner: a list of events, and work that a test gives."""

    work_on: Work
    state: SessionState = EMPTY
    unattended: bool = False
    events: list[Event] = field(default_factory=list)
    worked: list[str] = field(default_factory=list)
    before_append: Callable[[], None] = lambda: None
    _grown: asyncio.Event = field(default_factory=asyncio.Event)

    def take(self, *events: Event) -> None:
        for event in events:
            self.events.append(event)
            self.state = fold(self.state, Record(len(self.events), 0.0, event))
        self._grown.set()
        self._grown = asyncio.Event()

    async def append_if(self, allowed: Callable[[SessionState], bool], events: tuple[Event, ...]) -> bool:
        await asyncio.sleep(0)
        meanwhile, self.before_append = self.before_append, lambda: None
        meanwhile()
        if not allowed(self.state):
            return False
        self.take(*events)
        return True

    async def changed(self, seq: int) -> None:
        while self.state.seq <= seq:
            await self._grown.wait()

    async def work(self, name: str, node: Node) -> NodeResult:
        self.worked.append(name)
        return await self.work_on(name)

    def payload(self, edge: Edge, result: NodeResult) -> Payload:
        return Payload(kind="report", title=result.detail, text=result.detail)

    async def finish(self, name: str, node: Node) -> None:
        self.take(SessionEnded(outcome="passed", summary="done"))

    def of(self, kind: type[Event]) -> list[Event]:
        return [event for event in self.events if isinstance(event, kind)]

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(30):
            while not condition():
                await self._grown.wait()


async def usual(name: str) -> NodeResult:
    return NodeResult("report_done" if name == "build" else "pass", detail=name)


@pytest.fixture
async def run() -> AsyncIterator[Callable[[FakeStage], "asyncio.Task[None]"]]:
    """Run the runner on a stage; it is stopped after the test."""
    tasks: list[asyncio.Task[None]] = []

    def begin(stage: FakeStage) -> "asyncio.Task[None]":
        tasks.append(asyncio.create_task(Runner(stage, WORKFLOW).run()))
        return tasks[-1]

    yield begin
    for task in tasks:
        await cancel_and_wait(task)


Run = Callable[[FakeStage], "asyncio.Task[None]"]


def gate(mode: GateMode, passes: int = 40) -> GateModeChanged:
    return GateModeChanged(mode=mode, passes=passes, by="you")


async def test_it_goes_from_the_start_to_the_end(run: Run) -> None:
    stage = FakeStage(usual)
    stage.take(gate("auto"))
    await run(stage)
    assert stage.worked == ["build", "audit"]
    assert stage.state.ended is not None


async def test_at_a_closed_gate_it_waits_for_the_person(run: Run) -> None:
    stage = FakeStage(usual)
    running = run(stage)
    await stage.until(lambda: stage.state.held())
    assert stage.worked == ["build"]
    stage.take(HandoffApproved(handoff="H-001", by="you"))
    await running
    assert stage.worked == ["build", "audit"]


async def test_a_rejection_goes_back(run: Run) -> None:
    stage = FakeStage(usual)
    run(stage)
    await stage.until(lambda: stage.state.held())
    stage.take(HandoffRejected(handoff="H-001", to="build", reason="no"))
    await stage.until(lambda: len(stage.of(HandoffProposed)) == 2)
    assert stage.worked == ["build", "build"]
    assert [event.note for event in stage.of(NodeEntered) if isinstance(event, NodeEntered)] == ["", "no"]


async def test_what_the_person_moved_meanwhile_is_not_moved_back_by_work_that_ends_late(run: Run) -> None:
    """The result is ready, and in the moment of appending the session is elsewhere."""
    stage = FakeStage(usual)
    stage.take(gate("auto"))

    async def rerouted_at_the_end(name: str) -> NodeResult:
        if stage.worked == ["build"]:
            stage.before_append = lambda: stage.take(Rerouted(verb="retask", to="build", note="again"))
        return await usual(name)

    stage.work_on = rerouted_at_the_end
    await run(stage)
    assert stage.worked == ["build", "build", "audit"]
    left = [event.visit for event in stage.of(NodeLeft) if isinstance(event, NodeLeft) and event.node == "build"]
    assert left == [2], "the first visit's result was dropped"


async def test_a_gate_closed_in_the_moment_of_appending_holds_and_the_work_is_not_done_twice(run: Run) -> None:
    stage = FakeStage(usual)
    stage.take(gate("auto"))

    async def closed_at_the_end(name: str) -> NodeResult:
        stage.before_append = lambda: stage.take(gate("manual", 0))
        return await usual(name)

    stage.work_on = closed_at_the_end
    run(stage)
    await stage.until(lambda: stage.state.held())
    assert stage.worked == ["build"]
    assert not stage.of(HandoffApproved)
    assert [event.held for event in stage.of(HandoffProposed) if isinstance(event, HandoffProposed)] == [
        "gate MANUAL stops every handoff"
    ]


async def test_work_broken_off_is_begun_again_only_when_something_has_changed(run: Run) -> None:
    stage = FakeStage(usual)
    stage.take(gate("auto"))
    halted = True

    async def halting(name: str) -> NodeResult:
        if halted:
            raise NodeInterrupted
        return await usual(name)

    stage.work_on = halting
    running = run(stage)
    await stage.until(lambda: stage.worked)
    for _ in range(50):
        await asyncio.sleep(0)
    assert stage.worked == ["build"]
    stage.take(HaltOrdered(window="worker"))
    halted = False
    stage.take(Noticed(level="info", text="resumed"))
    await running
    assert stage.worked == ["build", "build", "audit"]


async def test_a_gate_falls_back_to_manual_with_its_last_handoff(run: Run) -> None:
    async def round_and_round(name: str) -> NodeResult:
        return NodeResult("report_done" if name == "build" else "again", detail=name)

    stage = FakeStage(round_and_round)
    stage.take(gate("assisted", 2))
    run(stage)
    await stage.until(lambda: stage.state.held())
    assert [event.by for event in stage.of(HandoffApproved) if isinstance(event, HandoffApproved)] == [
        "gate assisted",
        "gate assisted",
    ]
    assert stage.state.gate.mode == "manual"
    assert stage.state.gate.by == "gate"
    assert len(stage.state.held()) == 1


async def test_an_outcome_without_a_way_is_asked_about_once(run: Run) -> None:
    async def odd(_: str) -> NodeResult:
        return NodeResult("odd")

    stage = FakeStage(odd)
    stage.take(NodeEntered(node="audit", visit=1))
    run(stage)
    await stage.until(lambda: stage.state.questions)
    for _ in range(50):
        await asyncio.sleep(0)
    assert len(stage.of(QuestionAsked)) == 1
    stage.take(
        QuestionAnswered(question="Q-01", choice=-1, text="overtaken"), Rerouted(verb="retask", to="build", note="")
    )
    await stage.until(lambda: "build" in stage.worked)


async def test_cancelled_it_stops_and_started_again_it_goes_on_at_the_same_place(run: Run) -> None:
    stuck = asyncio.Event()

    async def slow(_: str) -> NodeResult:
        await stuck.wait()
        raise AssertionError

    stage = FakeStage(slow)
    stage.take(gate("auto"))
    running = run(stage)
    await stage.until(lambda: stage.worked)
    await cancel_and_wait(running)
    stage.work_on = usual
    await run(stage)
    assert stage.worked == ["build", "build", "audit"]
    assert (
        len([event for event in stage.of(NodeEntered) if isinstance(event, NodeEntered) and event.node == "build"]) == 1
    )
