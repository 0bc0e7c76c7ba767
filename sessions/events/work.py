"""Events of the domain: spec, plan, tasks, evidence, verdicts, decisions, the exit."""

from typing import Literal

from sessions.contract import Decide, KickBack, PassMilestone, PassSession, SubmitVerdict
from sessions.events.base import Event
from sessions.plan import Plan, Task
from sessions.spec import SpecEntry


class SpecAppended(Event):
    """An entry was appended to the spec."""

    kind: Literal["spec_appended"] = "spec_appended"
    entry: SpecEntry
    turn: str = ""


class PlanMade(Event):
    """A plan was made; it replaces the tasks not yet done. `spec_revision` is what it was made against."""

    kind: Literal["plan_made"] = "plan_made"
    plan: Plan
    spec_revision: int
    turn: str = ""


class TaskStarted(Event):
    """An attempt begins: `base` is the commit the first one started from, `note` what to do differently."""

    kind: Literal["task_started"] = "task_started"
    task: str
    attempt: int
    base: str
    spec_revision: int
    note: str = ""


class WorkReported(Event):
    """The Worker says that it is done. A claim, kept beside the host's evidence."""

    kind: Literal["work_reported"] = "work_reported"
    task: str
    attempt: int
    summary: str
    artefact: str
    turn: str


class TestCounts(Event):
    """How many tests passed and failed, where the output said so."""

    __test__ = False
    kind: Literal["test_counts"] = "test_counts"
    passed: int
    failed: int


class EvidenceTaken(Event):
    """The host ran the tests and took the diff itself.

    `exit_code` is None when no command was given or it could not be run. `output` and `diff` are artefacts; `left_out`
    are paths whose content is in neither diff nor commit, each with the reason.
    """

    kind: Literal["evidence_taken"] = "evidence_taken"
    task: str
    attempt: int
    command: str
    exit_code: int | None
    timed_out: bool = False
    passed: bool
    counts: TestCounts | None = None
    first_failure: str = ""
    seconds: float
    output: str
    output_tokens: int
    diff: str
    diff_tokens: int
    files: tuple[str, ...]
    added: int
    removed: int
    outside_scope: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    commit: str


class VerdictSubmitted(Event):
    """The Auditor's verdict: four fields, and notes as an artefact. `conflict` says where the host's evidence
    disagrees.
    """

    kind: Literal["verdict_submitted"] = "verdict_submitted"
    task: str
    attempt: int
    verdict: SubmitVerdict
    notes: str
    spec_revision: int
    turn: str
    conflict: str = ""


class DecisionMade(Event):
    """The Manager's decision on a verdict. `tasks` are the numbered tasks of a split."""

    kind: Literal["decision_made"] = "decision_made"
    task: str
    attempt: int
    decision: Decide
    tasks: tuple[Task, ...] = ()
    by: str
    turn: str = ""


class MilestonePassed(Event):
    """A milestone is behind us: a minor one by its audits, a major one by the Exit Manager."""

    kind: Literal["milestone_passed"] = "milestone_passed"
    milestone: str
    report: PassMilestone | None = None
    turn: str = ""


class SurgicalEditMade(Event):
    """The Exit Manager changed code inside its budget; the diff is an artefact."""

    kind: Literal["surgical_edit_made"] = "surgical_edit_made"
    commit: str
    files: tuple[str, ...]
    added: int
    removed: int
    diff: str
    turn: str


class EditSetAside(Event):
    """The Exit Manager's edit went over its budget: kept as an artefact, taken back from the tree."""

    kind: Literal["edit_set_aside"] = "edit_set_aside"
    files: tuple[str, ...]
    added: int
    removed: int
    diff: str
    reason: str
    turn: str


class SessionPassed(Event):
    """The Exit Manager passed the session."""

    kind: Literal["session_passed"] = "session_passed"
    report: PassSession
    turn: str


class KickedBack(Event):
    """The Exit Manager sent a structural problem back."""

    kind: Literal["kicked_back"] = "kicked_back"
    report: KickBack
    turn: str


class DetailPulled(Event):
    """A role pulled an artefact into its context: what, and what it cost in tokens."""

    kind: Literal["detail_pulled"] = "detail_pulled"
    turn: str
    role: str
    pointer: str
    artefact: str
    tokens: int
