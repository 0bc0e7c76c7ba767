"""Events as sentences: one readable line for each thing a person would want to follow. Pure.

The headless run, `quarterdeck log` and the history on screen use the same words.
"""

from collections.abc import Callable
from typing import Any

from sessions.events import (
    DecisionMade,
    EditSetAside,
    Event,
    EvidenceTaken,
    GateModeChanged,
    HaltOrdered,
    HaltProven,
    HandoffApproved,
    HandoffEdited,
    HandoffProposed,
    HandoffRedirected,
    HandoffRejected,
    HandoffWithdrawn,
    HostStarted,
    HostStopped,
    KickedBack,
    MilestonePassed,
    Noticed,
    PlanMade,
    ProcessEnded,
    ProcessStarted,
    QuestionAnswered,
    QuestionAsked,
    Rerouted,
    SessionEnded,
    SessionPassed,
    SessionStarted,
    SpecAppended,
    SurgicalEditMade,
    TaskStarted,
    ToolUsed,
    TransitionCalled,
    TurnEnded,
    TurnStarted,
    VerdictSubmitted,
    WindowResumed,
    WorkReported,
)
from sessions.state import SessionState

_VERDICT = {"pass": "✓ PASS", "fail": "✗ FAIL", "partial": "~ PARTIAL"}


def narrate(state: SessionState, event: Event) -> tuple[str, str] | None:
    """Return who an event is about and what happened, None for events that are not worth a line.

    Args:
        state: The state after the event.
    """
    tell = _TELL.get(type(event))
    return tell(state, event) if tell is not None else None


def window_title(state: SessionState, window: str) -> str:
    """Return a window's title, the id itself for an unknown one."""
    found = state.windows.get(window)
    return found.seat.title if found else window


def _turn_window(state: SessionState, turn: str) -> str:
    if turn in state.turns:
        return window_title(state, state.turns[turn].started.window)
    for window in state.windows.values():
        if window.turns and any(one.started.turn == turn for one in window.turns[-3:]):
            return window.seat.title
    return ""


def _role(state: SessionState, role: str) -> str:
    window = state.window_of_role(role)
    return window.seat.title if window else role


def _started(_: SessionState, event: SessionStarted) -> tuple[str, str]:
    fleet = "rehearsal fleet: scripted, no AI" if event.rehearsal else "your fleet"
    return "session", f"{event.session} on {event.project} ({event.workflow_name}, {fleet})"


def _gate(_: SessionState, event: GateModeChanged) -> tuple[str, str]:
    why = f" ({event.reason})" if event.reason else ""
    return "gate", f"{event.mode.upper()} by {event.by}{why}"


def _turn_started(state: SessionState, event: TurnStarted) -> tuple[str, str]:
    about = f" {event.task} try {event.attempt}" if event.task and event.attempt else ""
    return window_title(
        state, event.window
    ), f"begins {event.node.replace('_', ' ')}{about} (~{event.tokens:,} tokens in)"


def _turn_ended(state: SessionState, event: TurnEnded) -> tuple[str, str] | None:
    if event.ending == "transition":
        return None
    return _turn_window(state, event.turn), f"{event.ending.replace('_', ' ')}: {event.detail}"


def _refused(state: SessionState, event: TransitionCalled) -> tuple[str, str] | None:
    if event.accepted:
        return None
    return _turn_window(state, event.turn), f"{event.tool} refused: {event.reply}"


def _tool(state: SessionState, event: ToolUsed) -> tuple[str, str]:
    return _turn_window(state, event.turn), event.summary if event.ok else f"{event.summary} (failed)"


def _spec(state: SessionState, event: SpecAppended) -> tuple[str, str]:
    entry = event.entry
    return _role(
        state, entry.author
    ), f"appends r{entry.revision} to the spec: {entry.reason} ({len(entry.clauses)} clauses)"


def _plan(state: SessionState, event: PlanMade) -> tuple[str, str]:
    plan = event.plan
    return _role(
        state, "manager"
    ), f"plans {len(plan.tasks)} tasks in {len(plan.milestones)} milestones: {plan.summary}"


def _task(state: SessionState, event: TaskStarted) -> tuple[str, str]:
    title = state.tasks[event.task].task.title if event.task in state.tasks else ""
    again = f", try {event.attempt}: {event.note}" if event.attempt > 1 else ""
    return "task", f"{event.task} {title}{again}"


def _reported(state: SessionState, event: WorkReported) -> tuple[str, str]:
    return _role(state, "worker"), f"reports {event.task} done: {event.summary.splitlines()[0]}"


def _evidence(_: SessionState, event: EvidenceTaken) -> tuple[str, str]:
    counts = f"{event.counts.passed} passed, {event.counts.failed} failed" if event.counts else "no counts"
    verb = "tests passed" if event.passed else "tests FAILED" if event.command else "no test command"
    outside = f", outside scope: {', '.join(event.outside_scope)}" if event.outside_scope else ""
    first = f"; {event.first_failure}" if event.first_failure else ""
    return (
        "host",
        f"{event.task} {verb} ({counts}), +{event.added} -{event.removed} in {len(event.files)} files{outside}{first}",
    )


def _verdict(state: SessionState, event: VerdictSubmitted) -> tuple[str, str]:
    verdict = event.verdict
    conflict = f" [CONFLICT: {event.conflict}]" if event.conflict else ""
    said = f"{_VERDICT[verdict.verdict]} {event.task}: {verdict.diagnosis} -> {verdict.rec_action} ({verdict.pointer})"
    return _role(state, "auditor"), said + conflict


def _decided(state: SessionState, event: DecisionMade) -> tuple[str, str]:
    note = f": {event.decision.note}" if event.decision.note else ""
    return _role(state, "manager"), f"decides {event.decision.decision} on {event.task}{note}"


def _milestone(_: SessionState, event: MilestonePassed) -> tuple[str, str]:
    said = f": {event.report.summary.splitlines()[0]}" if event.report else ""
    return "milestone", f"{event.milestone} passed{said}"


def _edit(state: SessionState, event: SurgicalEditMade) -> tuple[str, str]:
    return _role(state, "exit_manager"), f"surgical edit of {', '.join(event.files)} (+{event.added} -{event.removed})"


def _aside(state: SessionState, event: EditSetAside) -> tuple[str, str]:
    return _role(state, "exit_manager"), f"edit set aside: {event.reason}"


def _kicked(state: SessionState, event: KickedBack) -> tuple[str, str]:
    return _role(state, "exit_manager"), f"kicks back: {event.report.diagnosis} ({event.report.pointer})"


def _session_passed(state: SessionState, event: SessionPassed) -> tuple[str, str]:
    return _role(state, "exit_manager"), f"passes the session: {event.report.summary.splitlines()[0]}"


def _proposed(_: SessionState, event: HandoffProposed) -> tuple[str, str] | None:
    return ("handoff", f"{event.handoff} held for you: {event.payload.title} ({event.held})") if event.held else None


def _approved(state: SessionState, event: HandoffApproved) -> tuple[str, str] | None:
    if event.by.startswith("gate "):
        return None
    handoff = state.handoff(event.handoff)
    return "handoff", f"{event.handoff} approved by {event.by}: {handoff.proposed.payload.title if handoff else ''}"


def _moved(_: SessionState, event: Rerouted) -> tuple[str, str]:
    return event.by, f"{event.verb} {event.task}: {event.note or 'same prompt'}"


def _asked(state: SessionState, event: QuestionAsked) -> tuple[str, str]:
    options = "".join(f"\n    {n}. {option}" for n, option in enumerate(event.options, start=1))
    return window_title(state, event.window) or "session", f"ASKS: {event.text}{options}"


def _halted(state: SessionState, event: HaltProven) -> tuple[str, str]:
    how = "stopped" if event.stopped else "NOT STOPPED"
    return window_title(state, event.window), f"{how} by {event.step}: {event.observed}, {event.seconds:.2f} s"


def _exited(state: SessionState, event: ProcessEnded) -> tuple[str, str]:
    code = "" if event.exit_code is None else f" with {event.exit_code}"
    return "process", f"ended{code}: {event.how}"


_TELL: dict[type[Event], Callable[[SessionState, Any], tuple[str, str] | None]] = {
    SessionStarted: _started,
    GateModeChanged: _gate,
    TurnStarted: _turn_started,
    TurnEnded: _turn_ended,
    TransitionCalled: _refused,
    ToolUsed: _tool,
    SpecAppended: _spec,
    PlanMade: _plan,
    TaskStarted: _task,
    WorkReported: _reported,
    EvidenceTaken: _evidence,
    VerdictSubmitted: _verdict,
    DecisionMade: _decided,
    MilestonePassed: _milestone,
    SurgicalEditMade: _edit,
    EditSetAside: _aside,
    KickedBack: _kicked,
    SessionPassed: _session_passed,
    HandoffProposed: _proposed,
    HandoffApproved: _approved,
    HandoffEdited: lambda _, event: ("you", f"edit {event.handoff}"),
    HandoffRedirected: lambda _, event: ("you", f"redirect {event.handoff} to {event.to}"),
    HandoffRejected: lambda _, event: ("you", f"reject {event.handoff}: {event.reason}"),
    HandoffWithdrawn: lambda _, event: ("handoff", f"{event.handoff} withdrawn: {event.reason}"),
    Rerouted: _moved,
    QuestionAsked: _asked,
    QuestionAnswered: lambda _, event: (event.by, f"answer: {event.text}"),
    HaltOrdered: lambda state, event: (
        event.by,
        f"halt {window_title(state, event.window) if event.window else 'all'}",
    ),
    HaltProven: _halted,
    WindowResumed: lambda state, event: (
        event.by,
        f"resume {window_title(state, event.window) if event.window else 'all'}",
    ),
    ProcessStarted: lambda state, event: ("process", f"started, pid {event.pid}"),
    ProcessEnded: _exited,
    HostStarted: lambda _, event: ("host", f"takes up the session (start {event.epoch})"),
    HostStopped: lambda _, event: ("host", f"stops: {event.reason}"),
    Noticed: lambda state, event: (event.level, event.text),
    SessionEnded: lambda _, event: ("session", f"{event.outcome.upper()}: {event.summary.splitlines()[0]}"),
}
