"""What comes next is a pure function of state and graph."""

from dataclasses import replace

import pytest

from sessions.events import (
    HandoffApproved,
    HandoffProposed,
    NodeEntered,
    NodeLeft,
    QuestionAnswered,
    QuestionAsked,
    Record,
    Rerouted,
)
from sessions.events.base import Event
from sessions.handoffs import Payload
from sessions.state import EMPTY, SessionState, fold
from sessions.workflow.reader import read_workflow
from sessions.workflow.steps import AwaitGate, AwaitPerson, Enter, Finish, Pause, Rest, Step, Work, next_step

WORKFLOW = read_workflow(
    """
name: two
start: one
limits: {node_visits: 3}
nodes:
  one: {role: worker, tools: [report_done]}
  two: {role: auditor, tools: [submit_verdict]}
  end: {kind: exit, outcome: passed}
edges:
  - {from: one, to: two, handoff: report}
  - {from: two, to: end, when: {verdict: pass}}
  - {from: two, to: one}
""",
    where="test",
)


def after(*events: Event) -> SessionState:
    state = EMPTY
    for number, event in enumerate(events, start=1):
        state = fold(state, Record(number, float(number), event))
    return state


def proposed(handoff: str = "H-001") -> HandoffProposed:
    return HandoffProposed(
        handoff=handoff,
        sender="one",
        receiver="two",
        payload=Payload(kind="report", title="t", text="x"),
        rejects_to="one",
    )


ENTERED = NodeEntered(node="one", visit=1)
LEFT = NodeLeft(node="one", visit=1, outcome="report_done", to="two", rule="otherwise")


@pytest.mark.parametrize(
    ("events", "step"),
    [
        ((), Enter("one", 1, "", "")),
        ((ENTERED,), Work("one", 1)),
        ((ENTERED, LEFT), Enter("two", 1, "", "")),
        ((ENTERED, LEFT, proposed()), AwaitGate("H-001")),
        (
            (ENTERED, LEFT, proposed(), HandoffApproved(handoff="H-001", by="you", note="n")),
            Enter("two", 1, "H-001", "n"),
        ),
        ((ENTERED, Rerouted(verb="retask", to="one", note="again")), Enter("one", 2, "", "again")),
        ((NodeEntered(node="end", visit=1),), Finish("end")),
    ],
)
def test_the_session_goes_on_where_it_stands(events: tuple[Event, ...], step: Step) -> None:
    assert next_step(after(*events), WORKFLOW) == step


def test_nothing_follows_an_ended_session() -> None:
    ended = replace(after(ENTERED), position=replace(after(ENTERED).position, stage="ended"))
    assert next_step(ended, WORKFLOW) == Rest()


def test_a_limit_pauses_and_each_yes_lifts_it_by_as_much_again() -> None:
    visits = [NodeEntered(node="one", visit=n) for n in (1, 2, 3)]
    away = NodeLeft(node="one", visit=3, outcome="x", to="one", rule="otherwise")
    step = next_step(after(*visits, away), WORKFLOW)
    assert isinstance(step, Pause)
    asked = QuestionAsked(
        question="Q-01", window="", source="limit", text=step.text, options=("go on", "end the session")
    )
    waiting = after(*visits, away, asked)
    assert next_step(waiting, WORKFLOW) == AwaitPerson("Q-01")
    yes = QuestionAnswered(question="Q-01", choice=0, text="go on")
    assert next_step(after(*visits, away, asked, yes), WORKFLOW) == Enter("one", 4, "", "")


def test_an_outcome_without_a_way_asks_instead_of_choosing_any() -> None:
    stuck = NodeLeft(node="one", visit=1, outcome="odd", to="", rule="no edge")
    step = next_step(after(ENTERED, stuck), WORKFLOW)
    assert isinstance(step, Pause)
    assert "odd" in step.text


def test_a_question_about_a_failed_turn_stands_before_everything_else() -> None:
    asked = QuestionAsked(question="Q-01", window="worker", source="turn", text="?", options=("try again",))
    assert next_step(after(ENTERED, asked), WORKFLOW) == AwaitPerson("Q-01")
