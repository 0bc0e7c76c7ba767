"""After an Exit Manager's turn: what it really changed, whether that is inside its budget, and what follows."""

from sessions.contract import KickBack, PassMilestone, PassSession
from sessions.events import (
    EditSetAside,
    Event,
    KickedBack,
    MilestonePassed,
    SessionPassed,
    SurgicalEditMade,
    TransitionCalled,
)
from sessions.host.acts import due_milestone
from sessions.host.journal import Journal
from sessions.project.clone import SessionClone
from sessions.state import TurnState
from sessions.transitions.schema import parse
from sessions.workflow.graph import Limits
from sessions.workflow.runner import NodeResult


async def judge_exit(
    journal: Journal, clone: SessionClone, turn: TurnState, called: TransitionCalled, limits: Limits
) -> NodeResult:
    """Return what an exit turn came to, with the events that record it.

    The budget is enforced on the real diff of the tree, whatever was reported. Over it, the edits are kept as an
    artefact, taken back from the tree, and become a kick-back that re-enters the audited loop.
    """
    base = await clone.head()
    diff = await clone.diff(base)
    changed = diff.added + diff.removed
    transition = parse(called.tool, called.arguments)
    events: list[Event] = []
    if diff.files and (len(diff.files) > limits.edit_files or changed > limits.edit_lines):
        reason = (
            f"edit of {len(diff.files)} files and {changed} lines is over the budget of "
            f"{limits.edit_files} files and {limits.edit_lines} lines"
        )
        aside = EditSetAside(
            files=tuple(one.path for one in diff.files),
            added=diff.added,
            removed=diff.removed,
            diff=await journal.keep(await clone.set_aside(base)),
            reason=reason,
            turn=turn.started.turn,
        )
        kicked = KickBack(diagnosis=f"{reason}; it was set aside", pointer=diff.files[0].path)
        return NodeResult("kick_back", detail=reason, events=(aside, KickedBack(report=kicked, turn=turn.started.turn)))
    if diff.files:
        events.append(await _commit_edit(journal, clone, turn, base))
    match transition:
        case KickBack():
            events.append(KickedBack(report=transition, turn=turn.started.turn))
        case PassMilestone():
            due = due_milestone(journal.state)
            if due is not None:
                events.append(MilestonePassed(milestone=due.id, report=transition, turn=turn.started.turn))
        case PassSession():
            events += [
                MilestonePassed(milestone=one)
                for one in journal.state.milestones
                if one not in journal.state.passed_milestones
            ]
            events.append(SessionPassed(report=transition, turn=turn.started.turn))
        case _:
            pass
    return NodeResult(called.outcome, detail=called.tool, events=tuple(events))


async def _commit_edit(journal: Journal, clone: SessionClone, turn: TurnState, base: str) -> SurgicalEditMade:
    diff = await clone.diff(base)
    key = f"edit/{turn.started.node}/{turn.started.visit}"
    names = ", ".join(one.path for one in diff.files)
    checkpoint = await clone.checkpoint(
        f"Surgical edit of {names}",
        "Made by the Exit Manager inside its budget.",
        {"Node": turn.started.node, "Spec-Revision": str(turn.started.spec_revision)},
        key=key,
    )
    return SurgicalEditMade(
        commit=checkpoint.commit or base,
        files=tuple(one.path for one in diff.files),
        added=diff.added,
        removed=diff.removed,
        diff=await journal.keep(diff.text),
        turn=turn.started.turn,
    )
