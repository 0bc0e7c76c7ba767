"""The plan: milestones and tasks, and what comes next. Pure."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from sessions.contract import MilestoneDraft, TaskDraft

TaskStage = Literal["planned", "building", "auditing", "judged", "done", "dropped"]


class Milestone(BaseModel):
    """A point where the build is checked. The Exit Manager validates a major one."""

    model_config = ConfigDict(frozen=True)
    id: str
    title: str
    kind: Literal["minor", "major"]


class Task(BaseModel):
    """One task as planned. Its progress lives in the state, not here."""

    model_config = ConfigDict(frozen=True)
    id: str
    title: str
    instructions: str
    test_command: str
    criteria: tuple[str, ...] = ()
    scope: tuple[str, ...] = ()
    milestone: str = ""


class Plan(BaseModel):
    """Milestones and tasks in build order. `number` counts the plans of a session from 1."""

    model_config = ConfigDict(frozen=True)
    number: int
    summary: str
    milestones: tuple[Milestone, ...]
    tasks: tuple[Task, ...]


def number_tasks(drafts: tuple[TaskDraft, ...], *, used: int) -> tuple[Task, ...]:
    """Give drafts their ids `T-01`, `T-02` ..., following the `used` ids given before."""
    return tuple(Task(id=f"T-{used + n:02d}", **draft.model_dump()) for n, draft in enumerate(drafts, start=1))


def make_plan(
    number: int,
    summary: str,
    milestones: tuple[MilestoneDraft, ...],
    drafts: tuple[TaskDraft, ...],
    *,
    used: int,
) -> Plan:
    """Check the drafts against each other and return the plan.

    Raises:
        ValueError: If there is no task, a milestone id is used twice, or a task names a milestone that is not there.
    """
    if not drafts:
        raise ValueError("tasks: at least one task is needed")
    ids = [milestone.id for milestone in milestones]
    doubled = {one for one in ids if ids.count(one) > 1}
    if doubled:
        raise ValueError(f"milestones: {', '.join(sorted(doubled))} stands twice")
    for n, draft in enumerate(drafts):
        if draft.milestone and draft.milestone not in ids:
            raise ValueError(f"tasks.{n}.milestone: {draft.milestone} is not one of {', '.join(ids) or 'none'}")
    tasks = number_tasks(drafts, used=used)
    return Plan(
        number=number,
        summary=summary,
        milestones=tuple(Milestone(id=m.id, title=m.title, kind=m.kind) for m in milestones),
        tasks=tasks,
    )
