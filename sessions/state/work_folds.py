"""Folds of the domain's events: spec, plan, tasks, evidence, verdicts, decisions, the exit."""

from typing import Any

from sessions.events import (
    DecisionMade,
    DetailPulled,
    EditSetAside,
    Event,
    EvidenceTaken,
    KickedBack,
    MilestonePassed,
    PlanMade,
    SessionPassed,
    SpecAppended,
    SurgicalEditMade,
    TaskStarted,
    VerdictSubmitted,
    WorkReported,
)
from sessions.spec import resolve
from sessions.state.model import SessionState, TaskState, changed


def spec_appended(state: SessionState, event: SpecAppended, at: float) -> SessionState:
    """Append to the spec and resolve it anew."""
    entries = (*state.spec_entries, event.entry)
    return changed(state, spec_entries=entries, spec=resolve(entries))


def plan_made(state: SessionState, event: PlanMade, at: float) -> SessionState:
    """Take a plan: what is done stays, what was only planned is dropped, the new tasks follow."""
    kept: dict[str, TaskState] = {
        key: one if one.stage == "done" else changed(one, stage="dropped") for key, one in state.tasks.items()
    }
    kept.update({task.id: TaskState(task=task) for task in event.plan.tasks})
    milestones = {**state.milestones, **{one.id: one for one in event.plan.milestones}}
    return changed(state, plan=event.plan, tasks=kept, milestones=milestones)


def _put_task(state: SessionState, task: TaskState) -> SessionState:
    return changed(state, tasks={**state.tasks, task.task.id: task})


def task_started(state: SessionState, event: TaskStarted, at: float) -> SessionState:
    """Begin an attempt."""
    task = state.tasks.get(event.task)
    if task is None:
        return state
    begun = changed(
        task,
        stage="building",
        attempt=event.attempt,
        base=event.base,
        spec_revision=event.spec_revision,
        note=event.note,
        report=None,
        evidence=None,
        started_at=task.started_at or at,
    )
    retasks = state.totals.retasks + (event.attempt > 1)
    return _put_task(changed(state, task=event.task, totals=changed(state.totals, retasks=retasks)), begun)


def work_reported(state: SessionState, event: WorkReported, at: float) -> SessionState:
    """Keep the Worker's claim."""
    task = state.tasks.get(event.task)
    return state if task is None else _put_task(state, changed(task, report=event, stage="auditing"))


def evidence_taken(state: SessionState, event: EvidenceTaken, at: float) -> SessionState:
    """Keep what the host saw."""
    task = state.tasks.get(event.task)
    return state if task is None else _put_task(state, changed(task, evidence=event, stage="auditing"))


def verdict_submitted(state: SessionState, event: VerdictSubmitted, at: float) -> SessionState:
    """Keep the verdict with its task."""
    task = state.tasks.get(event.task)
    if task is None:
        return state
    return _put_task(state, changed(task, verdicts=(*task.verdicts, event), stage="judged"))


def decision_made(state: SessionState, event: DecisionMade, at: float) -> SessionState:
    """Continue closes the task; a split replaces it by smaller ones in its place; the others leave it as it is."""
    state = changed(state, last_decision=event)
    task = state.tasks.get(event.task)
    if task is None:
        return state
    if event.decision.decision == "continue":
        return _put_task(state, changed(task, stage="done", done_at=at))
    if event.decision.decision != "split":
        return state
    tasks: dict[str, TaskState] = {}
    for key, one in state.tasks.items():
        if key == event.task:
            tasks[key] = changed(task, stage="dropped")
            tasks.update({small.id: TaskState(task=small) for small in event.tasks})
        else:
            tasks[key] = one
    return changed(state, tasks=tasks)


def milestone_passed(state: SessionState, event: MilestonePassed, at: float) -> SessionState:
    """Put a milestone behind us."""
    if event.milestone in state.passed_milestones:
        return state
    return changed(state, passed_milestones=(*state.passed_milestones, event.milestone))


def surgical_edit_made(state: SessionState, event: SurgicalEditMade, at: float) -> SessionState:
    """Keep the Exit Manager's edit."""
    return changed(state, edits=(*state.edits, event))


def detail_pulled(state: SessionState, event: DetailPulled, at: float) -> SessionState:
    """Count what the Manager pulled in after all."""
    if event.role != "manager":
        return state
    counted = state.filter
    pulled = changed(counted, pulled=counted.pulled + event.tokens)
    return changed(state, filter=pulled)


def unchanged(state: SessionState, event: Event, at: float) -> SessionState:
    """Keep the state: the event matters to readers of the log only, or another one carries its effect."""
    return state


FOLDS: dict[type[Event], Any] = {
    SpecAppended: spec_appended,
    PlanMade: plan_made,
    TaskStarted: task_started,
    WorkReported: work_reported,
    EvidenceTaken: evidence_taken,
    VerdictSubmitted: verdict_submitted,
    DecisionMade: decision_made,
    MilestonePassed: milestone_passed,
    SurgicalEditMade: surgical_edit_made,
    EditSetAside: unchanged,
    SessionPassed: unchanged,
    KickedBack: unchanged,
    DetailPulled: detail_pulled,
}
