"""The shapes of a session's state. Frozen; every change is a new value made by `fold`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from sessions.events import (
    Activity,
    DecisionMade,
    EvidenceTaken,
    HaltProven,
    HandoffProposed,
    Noticed,
    QuestionAnswered,
    QuestionAsked,
    Seat,
    SessionEnded,
    SessionStarted,
    SurgicalEditMade,
    TransitionCalled,
    TurnEnded,
    TurnStarted,
    VerdictSubmitted,
    WorkReported,
)
from sessions.handoffs import GateMode, HandoffStage
from sessions.plan import Milestone, Plan, Task, TaskStage
from sessions.spec import ResolvedSpec, SpecEntry

T = TypeVar("T")


def changed(value: T, **changes: Any) -> T:
    """Return a copy of a state value with some fields changed: `dataclasses.replace`, a tenth of its cost.

    A long session is a hundred thousand such copies. None of the state's classes has slots or an `__init__` of its own,
    so that copying the fields is all there is to do. A `Draft` is changed in place.
    """
    if type(value) is Draft:
        value.__dict__.update(changes)
        return value
    copy = object.__new__(type(value))
    copy.__dict__.update(value.__dict__)
    copy.__dict__.update(changes)
    return copy


@dataclass(frozen=True)
class TurnState:
    """A turn, open until `ended`. `receipt` is how far its prompt got; `at` when it began, `until` when it ended."""

    started: TurnStarted
    at: float
    receipt: str = "intended"
    receipt_source: str = ""
    accepted: TransitionCalled | None = None
    ended: TurnEnded | None = None
    until: float = 0.0
    tools: int = 0


@dataclass(frozen=True)
class WindowState:
    """One window: what fills it, what it does and since when, and what it has used so far.

    `source` is the evidence behind `activity`. `context_tokens` is the size of its last prompt plus answer.
    """

    seat: Seat
    activity: Activity = "idle"
    source: str = "log"
    detail: str = ""
    since: float = 0.0
    halted: bool = False
    proof: HaltProven | None = None
    turn: str = ""
    task: str = ""
    attempt: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost: float = 0.0
    cost_known: bool = True
    context_tokens: int = 0
    speed: float | None = None
    turns: tuple[TurnState, ...] = ()


@dataclass(frozen=True)
class TaskState:
    """One task and its attempts. `base` is the commit the first attempt started from; `note` is for the running one."""

    task: Task
    stage: TaskStage = "planned"
    attempt: int = 0
    base: str = ""
    spec_revision: int = 0
    note: str = ""
    report: WorkReported | None = None
    evidence: EvidenceTaken | None = None
    verdicts: tuple[VerdictSubmitted, ...] = ()
    started_at: float = 0.0
    done_at: float = 0.0


@dataclass(frozen=True)
class HandoffState:
    """A handoff and where it stands. `text` is what crosses now: the payload's text, or the person's edit of it."""

    proposed: HandoffProposed
    at: float
    receiver: str
    text: str
    stage: HandoffStage = "proposed"
    edited: bool = False
    by: str = ""
    note: str = ""
    decided_at: float = 0.0


@dataclass(frozen=True)
class QuestionState:
    """A question and, once given, its answer."""

    asked: QuestionAsked
    at: float
    answered: QuestionAnswered | None = None


@dataclass(frozen=True)
class ProcessState:
    """A process we started and have not seen end. `pid` is 0 while only the intent is known."""

    process: str
    window: str
    marker: str
    pid: int = 0
    started: float = 0.0
    recording: str = ""


@dataclass(frozen=True)
class Position:
    """Where the workflow stands.

    stage: `start` before the first node; `at` a node; `held` at a handoff; `between` on the way to `next`; `stuck`
    when no edge matched; `ended`.
    """

    stage: Literal["start", "at", "held", "between", "stuck", "ended"] = "start"
    node: str = ""
    visit: int = 0
    handoff: str = ""
    note: str = ""
    next: str = ""
    outcome: str = ""


@dataclass(frozen=True)
class Gate:
    """The gate mode. `passes` is how many more handoffs may flow, 0 for no limit in manual."""

    mode: GateMode = "manual"
    passes: int = 0
    by: str = ""
    reason: str = ""
    at: float = 0.0


@dataclass(frozen=True)
class ContextFilter:
    """What the Auditor keeps out of the Manager, in tokens: read by the Auditor, received by the Manager, kept out,
    pulled.
    """

    auditor_read: int = 0
    manager_received: int = 0
    kept_out: int = 0
    pulled: int = 0


@dataclass(frozen=True)
class Totals:
    """Tokens and cost of the whole session. `cost_known` is false once one turn's cost is unknown."""

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    cost: float = 0.0
    cost_known: bool = True
    turns: int = 0
    retasks: int = 0


@dataclass(frozen=True)
class SessionState:
    """Everything that is true of a session. The mappings keep the order in which things came."""

    seq: int = 0
    started_at: float = 0.0
    last_at: float = 0.0
    started: SessionStarted | None = None
    ended: SessionEnded | None = None
    epoch: int = 0
    host_pid: int = 0
    position: Position = Position()
    gate: Gate = Gate()
    spec_entries: tuple[SpecEntry, ...] = ()
    spec: ResolvedSpec = field(default_factory=ResolvedSpec)
    plan: Plan | None = None
    task: str = ""
    filter: ContextFilter = ContextFilter()
    totals: Totals = Totals()
    visits: Mapping[str, int] = field(default_factory=dict[str, int])
    windows: Mapping[str, WindowState] = field(default_factory=dict[str, WindowState])
    tasks: Mapping[str, TaskState] = field(default_factory=dict[str, TaskState])
    milestones: Mapping[str, Milestone] = field(default_factory=dict[str, Milestone])
    passed_milestones: tuple[str, ...] = ()
    handoffs: Mapping[str, HandoffState] = field(default_factory=dict[str, HandoffState])
    past_handoffs: tuple[HandoffState, ...] = ()
    questions: Mapping[str, QuestionState] = field(default_factory=dict[str, QuestionState])
    past_questions: tuple[QuestionState, ...] = ()
    turns: Mapping[str, TurnState] = field(default_factory=dict[str, TurnState])
    processes: Mapping[str, ProcessState] = field(default_factory=dict[str, ProcessState])
    last_decision: DecisionMade | None = None
    edits: tuple[SurgicalEditMade, ...] = ()
    notices: tuple[Noticed, ...] = ()

    def window_of_role(self, role: str) -> WindowState | None:
        """Return the first window of a role, None when the session has none."""
        return next((window for window in self.windows.values() if window.seat.role == role), None)

    def handoff(self, handoff_id: str) -> HandoffState | None:
        """Return a handoff, open or past; None when the session never had it."""
        found = self.handoffs.get(handoff_id)
        if found is not None or not handoff_id:
            return found
        past = reversed(self.past_handoffs)
        return next((one for one in past if one.proposed.handoff == handoff_id), None)

    def held(self) -> tuple[HandoffState, ...]:
        """Return the handoffs that wait for the person, oldest first."""
        return tuple(handoff for handoff in self.handoffs.values() if handoff.stage == "proposed")


class Draft(SessionState):
    """A state while many events are folded at once. It never leaves `fold_all`."""

    @classmethod
    def of(cls, state: SessionState) -> "Draft":
        """Return a draft that begins as `state`."""
        draft = object.__new__(cls)
        draft.__dict__.update(state.__dict__)
        return draft

    def finished(self) -> SessionState:
        """Return the state as it is now. The draft is not used any more."""
        state = object.__new__(SessionState)
        state.__dict__.update(self.__dict__)
        return state


EMPTY = SessionState()
"""The state before the first event."""
