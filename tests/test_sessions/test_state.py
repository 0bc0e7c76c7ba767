"""The state is a fold: any order of events leaves a legal state, and replay equals live."""

from hypothesis import given
from hypothesis import strategies as st

from sessions.contract import Decide, MilestoneDraft, SubmitVerdict, TaskDraft
from sessions.events import (
    DecisionMade,
    Event,
    GateModeChanged,
    HaltOrdered,
    HaltProven,
    HandoffApproved,
    HandoffEdited,
    HandoffProposed,
    HandoffRejected,
    HandoffWithdrawn,
    MilestonePassed,
    NodeEntered,
    NodeLeft,
    PlanMade,
    ProcessEnded,
    ProcessIntended,
    ProcessStarted,
    QuestionAnswered,
    QuestionAsked,
    Record,
    Rerouted,
    Seat,
    SessionEnded,
    SessionStarted,
    StatusSeen,
    TaskStarted,
    TransitionCalled,
    TurnEnded,
    TurnStarted,
    VerdictSubmitted,
    WindowResumed,
    dump_event,
    load_event,
    load_events,
)
from sessions.handoffs import Payload
from sessions.plan import make_plan
from sessions.prompts import PartCount
from sessions.state import EMPTY, SessionState, fold, fold_all

ROLES = ("planner", "manager", "worker", "auditor", "exit_manager")
SEATS = tuple(
    Seat(window=role, number=n, role=role, title=role.title(), agent="model", model="m", via="api")
    for n, role in enumerate(ROLES, 1)
)
STARTED = SessionStarted(
    session="s",
    project="p",
    repository="/r",
    idea="i",
    workflow_name="w",
    workflow="",
    base="b",
    branch="x",
    seats=SEATS,
    rehearsal=True,
    screen=True,
)
DRAFTS = tuple(TaskDraft(title=f"t{n}", instructions="do", test_command="true", milestone="M1") for n in range(3))
PLAN = make_plan(1, "p", (MilestoneDraft(id="M1", title="m", kind="major"),), DRAFTS, used=0)
VERDICT = SubmitVerdict(verdict="fail", diagnosis="d", rec_action="retask", pointer="-")

window = st.sampled_from(ROLES)
task = st.sampled_from(["T-01", "T-02", "T-09"])
turn = st.sampled_from(["t1", "t2", "t3"])
handoff = st.sampled_from(["H-1", "H-2"])
small = st.integers(1, 4)

EVENTS = st.one_of(
    st.builds(NodeEntered, node=st.sampled_from(["a", "b"]), visit=small, handoff=handoff),
    st.builds(
        NodeLeft, node=st.just("a"), visit=small, outcome=st.just("o"), to=st.sampled_from(["b", ""]), rule=st.just("r")
    ),
    st.builds(Rerouted, verb=st.just("retask"), to=st.just("a"), note=st.just("n")),
    st.builds(
        HandoffProposed,
        handoff=handoff,
        sender=st.just("a"),
        receiver=st.just("b"),
        rejects_to=st.just("a"),
        payload=st.just(Payload(kind="task", title="t", text="x")),
    ),
    st.builds(HandoffApproved, handoff=handoff, by=st.sampled_from(["you", "gate auto"])),
    st.builds(HandoffEdited, handoff=handoff, text=st.just("new")),
    st.builds(HandoffRejected, handoff=handoff, to=st.just("a"), reason=st.just("no")),
    st.builds(HandoffWithdrawn, handoff=handoff, reason=st.just("late")),
    st.builds(GateModeChanged, mode=st.sampled_from(["manual", "auto"]), passes=small, by=st.just("you")),
    st.builds(
        QuestionAsked,
        question=st.sampled_from(["Q-1", "Q-2"]),
        window=window,
        source=st.just("decision"),
        text=st.just("?"),
        options=st.just(("yes", "no")),
    ),
    st.builds(QuestionAnswered, question=st.sampled_from(["Q-1", "Q-2"]), choice=st.just(0), text=st.just("yes")),
    st.just(PlanMade(plan=PLAN, spec_revision=1)),
    st.builds(TaskStarted, task=task, attempt=small, base=st.just("b"), spec_revision=st.just(1)),
    st.builds(
        VerdictSubmitted,
        task=task,
        attempt=small,
        verdict=st.just(VERDICT),
        notes=st.just(""),
        spec_revision=st.just(1),
        turn=turn,
    ),
    st.builds(
        DecisionMade,
        task=task,
        attempt=small,
        by=st.just("manager"),
        decision=st.sampled_from([Decide(decision="continue"), Decide(decision="split", tasks=DRAFTS[:1])]),
        tasks=st.just(PLAN.tasks[:1]),
    ),
    st.builds(MilestonePassed, milestone=st.sampled_from(["M1", "M2"])),
    st.builds(
        TurnStarted,
        turn=turn,
        window=window,
        role=window,
        node=st.just("a"),
        prompt=st.just(""),
        tokens=small,
        handoff=handoff,
        parts=st.just((PartCount(name="diff", title="diff", tokens=50, included=False),)),
    ),
    st.builds(
        TransitionCalled,
        turn=turn,
        tool=st.just("decide"),
        key=st.just("k"),
        arguments=st.just("{}"),
        accepted=st.booleans(),
        reply=st.just("r"),
    ),
    st.builds(
        TurnEnded, turn=turn, ending=st.sampled_from(["transition", "interrupted", "failed"]), output_tokens=small
    ),
    st.builds(
        StatusSeen, window=window, activity=st.sampled_from(["thinking", "waiting", "idle"]), source=st.just("osc 7501")
    ),
    st.builds(HaltOrdered, window=st.sampled_from([*ROLES, ""])),
    st.builds(
        HaltProven,
        window=window,
        stopped=st.booleans(),
        step=st.just("cancel"),
        observed=st.just("closed"),
        seconds=st.just(0.1),
    ),
    st.builds(WindowResumed, window=st.sampled_from([*ROLES, ""])),
    st.builds(ProcessIntended, process=st.just("p"), window=window, marker=st.just("m"), argv=st.just(("a",))),
    st.builds(ProcessStarted, process=st.just("p"), pid=small, started=st.just(1.0)),
    st.builds(ProcessEnded, process=st.just("p"), exit_code=st.just(1), how=st.just("gone")),
    st.builds(SessionEnded, outcome=st.just("stopped"), summary=st.just("s")),
)
HISTORIES = st.lists(EVENTS, max_size=40).map(lambda events: [STARTED, *events])


def records(events: list[Event]) -> list[Record]:
    return [Record(number, float(number), event) for number, event in enumerate(events, 1)]


def step_by_step(events: list[Event]) -> SessionState:
    state = EMPTY
    for record in records(events):
        state = fold(state, record)
    return state


@given(HISTORIES)
def test_any_order_of_events_leaves_a_legal_state(events: list[Event]) -> None:
    state = step_by_step(events)
    assert state.seq == len(events)
    assert set(state.windows) == set(ROLES)
    assert all(window.activity in ("halted", "exited", "failed") for window in state.windows.values() if window.halted)
    assert all(handoff.stage in ("proposed", "approved") for handoff in state.handoffs.values())
    assert not set(state.questions) & {""}
    assert state.filter.kept_out % 50 == 0


@given(HISTORIES)
def test_folding_at_once_equals_folding_step_by_step(events: list[Event]) -> None:
    assert fold_all(records(events)) == step_by_step(events)


@given(HISTORIES, st.integers(0, 40))
def test_a_screen_that_attaches_later_reaches_the_same_state(events: list[Event], cut: int) -> None:
    early, late = records(events)[:cut], records(events)[cut:]
    assert fold_all(late, fold_all(early)) == fold_all(records(events))


@given(HISTORIES)
def test_an_earlier_state_is_never_changed_by_a_later_event(events: list[Event]) -> None:
    before = fold_all(records(events))
    again = fold_all(records(events))
    fold_all([Record(len(events) + 1, 99.0, HaltOrdered(window=""))], before)
    assert before == again


@given(HISTORIES, window)
def test_halting_twice_is_halting_once(events: list[Event], name: str) -> None:
    once = step_by_step([*events, HaltOrdered(window=name)])
    twice = step_by_step([*events, HaltOrdered(window=name), HaltOrdered(window=name)])
    assert once.windows[name].halted
    assert once.windows[name].activity == twice.windows[name].activity == "halted"


@given(HISTORIES)
def test_events_survive_the_log(events: list[Event]) -> None:
    bodies = [dump_event(event) for event in events]
    assert load_events(bodies) == events
    assert [load_event(body) for body in bodies] == events


def test_a_flowing_handoff_uses_up_one_pass_and_the_persons_own_uses_none() -> None:
    proposed = HandoffProposed(
        handoff="H-1", sender="a", receiver="b", payload=Payload(kind="task", title="t", text="x"), rejects_to="a"
    )
    auto = GateModeChanged(mode="auto", passes=5, by="you")
    by_gate = step_by_step([STARTED, auto, proposed, HandoffApproved(handoff="H-1", by="gate auto")])
    by_you = step_by_step([STARTED, auto, proposed, HandoffApproved(handoff="H-1", by="you")])
    assert (by_gate.gate.passes, by_you.gate.passes) == (4, 5)


def test_what_is_kept_out_of_the_manager_is_counted() -> None:
    parts = (
        PartCount(name="verdict", title="v", tokens=40),
        PartCount(name="diff", title="d", tokens=900, included=False),
        PartCount(name="tests", title="t", tokens=600, included=False),
    )
    started = TurnStarted(
        turn="t1", window="manager", role="manager", node="decide", prompt="", parts=parts, tokens=300
    )
    counted = step_by_step([STARTED, started]).filter
    assert (counted.manager_received, counted.kept_out) == (300, 1500)
