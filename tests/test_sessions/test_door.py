"""The door for transition tools: only the open turn's own call, valid and once, moves the session."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from sessions.events import NodeEntered, Record, Rerouted, SpecAppended, TransitionCalled, TurnStarted
from sessions.events.base import Event
from sessions.state import EMPTY, SessionState, fold
from sessions.transitions.door import Door

SPEC = json.dumps({"reason": "first", "clauses": ["it works"]})


class Log:
    def __init__(self) -> None:
        self.state: SessionState = EMPTY
        self.events: list[Event] = []

    def take(self, *events: Event) -> None:
        for event in events:
            self.events.append(event)
            self.state = fold(self.state, Record(len(self.events), 0.0, event))

    async def append(self, *events: Event) -> None:
        await asyncio.sleep(0)
        self.take(*events)

    async def append_if(self, allowed: Callable[[SessionState], bool], events: tuple[Event, ...]) -> bool:
        await asyncio.sleep(0)
        if not allowed(self.state):
            return False
        self.take(*events)
        return True


async def keep(text: str) -> str:
    return f"artefact-of-{len(text)}"


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def door(log: Log) -> Door:
    return Door(lambda: log.state, log.append_if, keep)


async def begin(
    log: Log, door: Door, tools: tuple[str, ...] = ("append_spec",), turn: str = "t001", task: str = ""
) -> tuple[str, asyncio.Event]:
    started = TurnStarted(
        turn=turn,
        window="planner",
        role="planner",
        node="write_spec",
        task=task,
        attempt=1,
        prompt="",
        parts=(),
        tokens=1,
    )
    await log.append(NodeEntered(node=started.node, visit=started.visit), started)
    over = asyncio.Event()
    return door.admit(started, tools, over), over


def kinds(log: Log) -> list[str]:
    return [type(event).__name__ for event in log.events if not isinstance(event, NodeEntered)]


async def test_an_accepted_call_and_what_follows_are_one_append(log: Log, door: Door) -> None:
    token, over = await begin(log, door)
    reply = await door.call(token, "append_spec", SPEC, "k1")
    assert reply.accepted
    assert over.is_set()
    assert kinds(log) == ["TurnStarted", "TransitionCalled", "SpecAppended"]
    assert log.state.spec.clauses[0].text == "it works"


async def test_the_same_call_twice_counts_once_even_at_the_same_time(log: Log, door: Door) -> None:
    token, _ = await begin(log, door)
    replies = await asyncio.gather(*(door.call(token, "append_spec", SPEC, "k1") for _ in range(5)))
    assert {reply.text for reply in replies} == {"append_spec accepted; your turn is over"}
    assert sum(isinstance(event, SpecAppended) for event in log.events) == 1


async def test_another_call_after_the_first_is_told_that_the_turn_is_over(log: Log, door: Door) -> None:
    token, _ = await begin(log, door)
    await door.call(token, "append_spec", SPEC, "k1")
    other = json.dumps({"reason": "second", "clauses": ["more"]})
    reply = await door.call(token, "append_spec", other, "k2")
    assert not reply.accepted
    assert "already ended" in reply.text
    assert len(log.state.spec_entries) == 1


@pytest.mark.parametrize(
    ("tool", "arguments", "says"),
    [
        ("submit_verdict", "{}", "use one of: append_spec"),
        ("append_spec", "{}", "reason"),
        ("append_spec", '{"reason": "r", "clauses": ["c"], "extra": 1}', "extra"),
        ("append_spec", '{"reason": "r", "clauses": []}', "at least one clause"),
        ("append_spec", '{"reason": "r", "clauses": ["c"], "supersedes": ["S-09"]}', "S-09 does not stand"),
        ("append_spec", "not json", ""),
    ],
)
async def test_a_call_that_cannot_stand_is_recorded_and_told_what_to_mend(
    log: Log, door: Door, tool: str, arguments: str, says: str
) -> None:
    token, over = await begin(log, door)
    reply = await door.call(token, tool, arguments, "k1")
    assert not reply.accepted
    assert says in reply.text
    assert not over.is_set()
    refused = log.events[-1]
    assert isinstance(refused, TransitionCalled)
    assert not refused.accepted
    assert door.refusals(token) == 1


async def test_no_token_but_the_open_turns_own_opens_anything(log: Log, door: Door) -> None:
    token, _ = await begin(log, door)
    other, _ = await begin(log, door, turn="t002")
    assert not (await door.call("", "append_spec", SPEC, "k")).accepted
    assert not (await door.call(token[:-1], "append_spec", SPEC, "k")).accepted
    assert not (await door.call("\ud800", "append_spec", SPEC, "k")).accepted
    door.dismiss(token)
    assert not (await door.call(token, "append_spec", SPEC, "k")).accepted
    door.expel("t002")
    assert not (await door.call(other, "append_spec", SPEC, "k")).accepted
    assert kinds(log) == ["TurnStarted", "TurnStarted"]


async def test_a_call_that_waits_while_the_person_moves_the_session_on_comes_too_late(log: Log, door: Door) -> None:
    token, over = await begin(log, door)
    calling = asyncio.create_task(door.call(token, "append_spec", SPEC, "k1"))
    await asyncio.sleep(0)
    log.take(Rerouted(verb="retask", to="build", note="again"))
    reply = await calling
    assert not reply.accepted
    assert "the turn is over" in reply.text
    assert not over.is_set()
    assert kinds(log) == ["TurnStarted", "Rerouted"]


async def test_a_program_that_calls_without_end_does_not_fill_the_log(log: Log, door: Door) -> None:
    token, _ = await begin(log, door)
    for n in range(100):
        assert "reason" in (await door.call(token, "append_spec", "{}", f"k{n}")).text
    assert door.refusals(token) == 100
    assert kinds(log).count("TransitionCalled") == 20


async def test_a_pass_against_red_tests_is_kept_as_a_conflict(log: Log, door: Door) -> None:
    await log.append(*_judged_task())
    token, _ = await begin(log, door, ("submit_verdict",), task="T-01")
    verdict: dict[str, Any] = {"verdict": "pass", "diagnosis": "fine", "rec_action": "continue", "pointer": "-"}
    log.events.clear()
    reply = await door.call(token, "submit_verdict", json.dumps(verdict), "k1")
    assert reply.accepted
    assert "verdict says pass, but `pytest` ended with 1" in log.state.tasks["T-01"].verdicts[-1].conflict


def _judged_task() -> tuple[Event, ...]:
    from sessions.contract import TaskDraft
    from sessions.events import EvidenceTaken, PlanMade, TaskStarted
    from sessions.plan import make_plan

    plan = make_plan(1, "p", (), (TaskDraft(title="a", instructions="b", test_command="pytest"),), used=0)
    evidence = EvidenceTaken(
        task="T-01",
        attempt=1,
        command="pytest",
        exit_code=1,
        passed=False,
        seconds=1.0,
        output="",
        output_tokens=1,
        diff="",
        diff_tokens=1,
        files=(),
        added=0,
        removed=0,
        commit="c",
    )
    started = TaskStarted(task="T-01", attempt=1, base="b", spec_revision=1)
    return PlanMade(plan=plan, spec_revision=1), started, evidence
