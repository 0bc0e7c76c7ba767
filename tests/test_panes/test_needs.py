"""What needs the person, and in which order."""

from dataclasses import replace

from recorded.story import Story
from recorded.tidytable import tell

from panes.needs import Need, later, needs
from panes.roster import Roster, read_roster
from sessions.events import QuestionAsked, Record, StatusSeen, TurnEnded, TurnStarted
from sessions.state import SessionState, fold, fold_all


def state_of(story: Story) -> tuple[SessionState, Roster]:
    state = fold_all(story.records())
    assert state.started is not None
    return state, read_roster(state.started.workflow)


def after(state: SessionState, *events: object) -> SessionState:
    for event in events:
        state = fold(state, Record(state.seq + 1, state.last_at + 1, event))  # type: ignore[arg-type]
    return state


def kinds(found: tuple[Need, ...]) -> list[str]:
    return [need.kind for need in found]


def test_a_held_verdict_names_both_ends_and_waits_at_the_receiver() -> None:
    state, roster = state_of(tell().until("verdict held"))
    [need] = needs(state, roster)
    assert need.title == "4 Auditor > 2 Manager"
    assert need.text == "verdict: T-02 partial on T-02"
    assert need.window == "manager"


def test_a_question_comes_before_a_permission_before_a_failure_before_a_handoff_before_a_limit() -> None:
    state, roster = state_of(tell().until("verdict held"))
    failed = TurnStarted(turn="t", window="planner", role="planner", node="plan", prompt="p", parts=(), tokens=1)
    state = after(
        state,
        QuestionAsked(question="limit", window="exit", source="limit", text="3 verdicts failed", options=("split",)),
        failed,
        TurnEnded(turn="t", ending="failed", detail="no credits"),
        StatusSeen(window="worker", activity="waiting", source="hook", detail="permission"),
        QuestionAsked(question="q", window="manager", source="decision", text="which?", options=("a", "b")),
    )
    assert kinds(needs(state, roster)) == ["question", "waiting", "failed", "handoff", "limit"]


def test_a_window_that_asks_is_one_need_and_not_two() -> None:
    state, roster = state_of(tell().until("question"))
    assert state.windows["manager"].activity == "waiting"
    assert kinds(needs(state, roster)) == ["question"]


def test_nothing_is_needed_once_the_session_has_ended() -> None:
    state, roster = state_of(tell().until("ended"))
    assert needs(state, roster) == ()


def test_a_handoff_within_one_window_names_the_step() -> None:
    state, roster = state_of(tell().until("plan held"))
    assert needs(state, roster)[0].title == "2 Manager > next task"


def test_without_a_readable_workflow_nodes_go_by_their_names() -> None:
    state, _ = state_of(tell().until("verdict held"))
    assert needs(state, read_roster("not: [a workflow"))[0].title == "audit > decide"


def test_a_filling_context_can_wait() -> None:
    state, _ = state_of(tell().until("verdict held"))
    full = replace(state.windows["manager"], context_tokens=160_000)
    found = later(replace(state, windows={**state.windows, "manager": full}))
    assert [(one.window, one.text) for one in found] == [("manager", "ctx 80%, warn at 75%")]
