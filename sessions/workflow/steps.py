"""What comes next: a pure function of state and graph. The runner does what it says and asks again."""

from dataclasses import dataclass

from sessions.state import SessionState
from sessions.workflow.graph import Workflow


@dataclass(frozen=True, slots=True)
class Enter:
    """Enter a node: the first one, or the one the session is on its way to."""

    node: str
    visit: int
    handoff: str
    note: str


@dataclass(frozen=True, slots=True)
class Work:
    """Do the work of the node the session stands at."""

    node: str
    visit: int


@dataclass(frozen=True, slots=True)
class AwaitGate:
    """Wait until the handoff is decided."""

    handoff: str


@dataclass(frozen=True, slots=True)
class Finish:
    """End the session at an exit node."""

    node: str


@dataclass(frozen=True, slots=True)
class Pause:
    """Ask the person, because a limit was met or nothing follows. `limit` names which."""

    node: str
    limit: str
    text: str


@dataclass(frozen=True, slots=True)
class AwaitPerson:
    """Wait for the answer to a question that stands in the way."""

    question: str


@dataclass(frozen=True, slots=True)
class Rest:
    """Nothing to do: the session is over."""


Step = Enter | Work | AwaitGate | Finish | Pause | AwaitPerson | Rest


def next_step(state: SessionState, workflow: Workflow) -> Step:
    """Return what comes next. The same state always gives the same step, so a restarted host goes on where it stood."""
    position = state.position
    if position.stage == "ended":
        return Rest()
    blocking = next((one for one in state.questions.values() if one.asked.source in ("turn", "limit")), None)
    if blocking is not None:
        return AwaitPerson(blocking.asked.question)
    match position.stage:
        case "start":
            return Enter(workflow.start, 1, "", "")
        case "held":
            return AwaitGate(position.handoff)
        case "between":
            visit = state.visits.get(position.next, 0) + 1
            limit = workflow.nodes[position.next].max_visits or workflow.limits.node_visits
            if limit and visit > limit and not _lifted(state, position.next, visit - 1, limit):
                text = f"`{position.next}` was visited {visit - 1} times, the limit is {limit}. Go on?"
                return Pause(position.next, "visits", text)
            return Enter(position.next, visit, position.handoff, position.note)
        case "at":
            if workflow.nodes[position.node].kind == "exit":
                return Finish(position.node)
            return Work(position.node, position.visit)
        case "stuck":
            text = f"No way leads on from `{position.node}` with outcome `{position.outcome}`. What now?"
            return Pause(position.node, "no_edge", text)


def _lifted(state: SessionState, node: str, visits: int, limit: int) -> bool:
    """Say whether the person has already allowed more visits: each yes lifts the limit by as much again."""
    yes = sum(
        1
        for one in state.past_questions
        if one.asked.source == "limit"
        and f"`{node}` was visited" in one.asked.text
        and one.answered
        and not one.answered.choice
    )
    return visits < limit * (yes + 1)
