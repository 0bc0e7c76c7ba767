"""What an accepted transition makes happen: the domain events of each tool. Pure."""

from sessions.contract import AppendSpec, Decide, PlanTasks, ReportDone, SubmitVerdict, Transition
from sessions.events import (
    DecisionMade,
    Event,
    PlanMade,
    SpecAppended,
    TurnStarted,
    VerdictSubmitted,
    WorkReported,
)
from sessions.plan import make_plan, number_tasks
from sessions.spec import next_entry
from sessions.state import SessionState


def kept_text(transition: Transition) -> str:
    """Return the part of a transition that is kept as an artefact, empty when there is none."""
    match transition:
        case ReportDone(summary=summary):
            return summary
        case SubmitVerdict(notes=notes):
            return notes
        case _:
            return ""


def effects(state: SessionState, turn: TurnStarted, transition: Transition, kept: str) -> tuple[Event, ...]:
    """Return the events of a transition called in `turn`.

    The tools that pass or kick back have none here: the host first checks what the turn changed (`host/exits.py`).

    Args:
        kept: Artefact id of `kept_text`.

    Raises:
        ValueError: With a sentence for the caller, if the transition cannot stand against the state.
    """
    match transition:
        case AppendSpec():
            entry = next_entry(
                state.spec_entries,
                author=turn.role,
                reason=transition.reason,
                texts=transition.clauses,
                supersedes=transition.supersedes,
            )
            return (SpecAppended(entry=entry, turn=turn.turn),)
        case PlanTasks():
            plan = make_plan(
                (state.plan.number if state.plan else 0) + 1,
                transition.summary,
                transition.milestones,
                transition.tasks,
                used=len(state.tasks),
            )
            return (PlanMade(plan=plan, spec_revision=state.spec.revision, turn=turn.turn),)
        case ReportDone():
            reported = WorkReported(
                task=turn.task, attempt=turn.attempt, summary=transition.summary, artefact=kept, turn=turn.turn
            )
            return (reported,)
        case SubmitVerdict():
            return (_verdict(state, turn, transition, kept),)
        case Decide():
            return (_decision(state, turn, transition),)
        case _:
            return ()


def _verdict(state: SessionState, turn: TurnStarted, transition: SubmitVerdict, kept: str) -> VerdictSubmitted:
    """Keep the verdict, and say where it disagrees with the host's evidence or with itself. Nothing is repaired."""
    task = state.tasks.get(turn.task)
    evidence = task.evidence if task else None
    conflict = ""
    if transition.verdict == "pass" and evidence is not None and evidence.command and not evidence.passed:
        conflict = f"verdict says pass, but `{evidence.command}` ended with {evidence.exit_code}"
    elif (transition.verdict, transition.rec_action) in {("pass", "retask"), ("fail", "continue")}:
        conflict = f"verdict {transition.verdict} recommends {transition.rec_action}"
    return VerdictSubmitted(
        task=turn.task,
        attempt=turn.attempt,
        verdict=transition.model_copy(update={"notes": ""}),
        notes=kept if transition.notes else "",
        spec_revision=task.spec_revision if task else state.spec.revision,
        turn=turn.turn,
        conflict=conflict,
    )


def _decision(state: SessionState, turn: TurnStarted, transition: Decide) -> DecisionMade:
    if transition.decision == "halt" and not transition.question.strip():
        raise ValueError("question: a halt needs the question to the person")
    if transition.decision == "split" and not transition.tasks:
        raise ValueError("tasks: a split needs the tasks that replace this one")
    if turn.task not in state.tasks:
        raise ValueError("decision: there is no task to decide on")
    milestone = state.tasks[turn.task].task.milestone
    drafts = tuple(
        draft if draft.milestone in state.milestones else draft.model_copy(update={"milestone": milestone})
        for draft in transition.tasks
    )
    return DecisionMade(
        task=turn.task,
        attempt=turn.attempt,
        decision=transition,
        tasks=number_tasks(drafts, used=len(state.tasks)),
        by=turn.role,
        turn=turn.turn,
    )
