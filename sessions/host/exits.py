"""After an Exit Manager's turn: what it really changed, whether that is inside its budget, and what follows."""

from sessions.agents.wording import storable
from sessions.contract import KickBack, PassMilestone, PassSession, Transition
from sessions.events import (
    EditSetAside,
    Event,
    EvidenceTaken,
    KickedBack,
    MilestonePassed,
    SessionPassed,
    SurgicalEditMade,
    TransitionCalled,
)
from sessions.host.acts import due_milestone
from sessions.host.journal import Journal
from sessions.project.changes import Diff
from sessions.project.clone import SessionClone
from sessions.state import SessionState, TurnState
from sessions.transitions.schema import parse
from sessions.workflow.graph import Limits
from sessions.workflow.runner import NodeResult


async def judge_exit(
    journal: Journal, clone: SessionClone, turn: TurnState, called: TransitionCalled, limits: Limits
) -> NodeResult:
    """Return what an exit turn came to, with the events that record it.

    The budget is enforced on the real diff of the tree, whatever was reported. Over it, the edits are kept as an
    artefact, taken back from the tree, and become a kick-back that re-enters the audited loop. Done again after a crash
    it comes to the same, however far it had got.
    """
    base = _logged_head(journal)
    aside = _set_aside_before(journal, turn)
    if aside is not None:
        return await _kick_back(clone, base, aside)
    diff = await clone.diff(base)
    changed = diff.added + diff.removed
    if diff.files and (len(diff.files) > limits.edit_files or changed > limits.edit_lines):
        reason = (
            f"edit of {len(diff.files)} files and {changed} lines is over the budget of "
            f"{limits.edit_files} files and {limits.edit_lines} lines"
        )
        aside = EditSetAside(
            files=tuple(storable(one.path) for one in diff.files),
            added=diff.added,
            removed=diff.removed,
            diff=await journal.keep(await clone.patch(base)),
            reason=reason,
            turn=turn.started.turn,
        )
        # Logged before the files are taken back: after a crash in between, nothing else says that there was an edit.
        await journal.append(aside)
        return await _kick_back(clone, base, aside)
    edits = (await _commit_edit(journal, clone, turn, diff),) if diff.files else ()
    said = _said(journal.state, parse(called.tool, called.arguments), turn.started.turn)
    return NodeResult(called.outcome, detail=called.tool, events=(*edits, *said))


def _said(state: SessionState, transition: Transition, turn: str) -> tuple[Event, ...]:
    """Return the events of what the Exit Manager said, once it is known what it did."""
    match transition:
        case KickBack():
            return (KickedBack(report=transition, turn=turn),)
        case PassMilestone():
            due = due_milestone(state)
            return (MilestonePassed(milestone=due.id, report=transition, turn=turn),) if due is not None else ()
        case PassSession():
            rest = (one for one in state.milestones if one not in state.passed_milestones)
            return (*(MilestonePassed(milestone=one) for one in rest), SessionPassed(report=transition, turn=turn))
        case _:
            return ()


def _logged_head(journal: Journal) -> str:
    """Return the newest commit the log knows of. The branch's own head may be an edit whose event a crash swallowed."""
    for record in reversed(journal.records):
        if isinstance(record.event, EvidenceTaken | SurgicalEditMade):
            return record.event.commit
    return journal.state.started.base if journal.state.started else ""


def _set_aside_before(journal: Journal, turn: TurnState) -> EditSetAside | None:
    return next(
        (
            record.event
            for record in reversed(journal.records)
            if isinstance(record.event, EditSetAside) and record.event.turn == turn.started.turn
        ),
        None,
    )


async def _kick_back(clone: SessionClone, base: str, aside: EditSetAside) -> NodeResult:
    await clone.restore(base)
    report = KickBack(diagnosis=f"{aside.reason}; it was set aside", pointer=aside.files[0])
    return NodeResult("kick_back", detail=aside.reason, events=(KickedBack(report=report, turn=aside.turn),))


async def _commit_edit(journal: Journal, clone: SessionClone, turn: TurnState, diff: Diff) -> SurgicalEditMade:
    files = tuple(storable(one.path) for one in diff.files)
    checkpoint = await clone.checkpoint(
        f"Surgical edit of {', '.join(files)}",
        "Made by the Exit Manager inside its budget.",
        {"Node": turn.started.node, "Spec-Revision": str(turn.started.spec_revision)},
        key=f"edit/{turn.started.node}/{turn.started.visit}",
    )
    return SurgicalEditMade(
        commit=checkpoint.commit or await clone.head(),
        files=files,
        added=diff.added,
        removed=diff.removed,
        diff=await journal.keep(diff.text),
        turn=turn.started.turn,
    )
