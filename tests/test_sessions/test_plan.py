"""Plans are checked against themselves before they count."""

import pytest

from sessions.contract import MilestoneDraft, TaskDraft
from sessions.plan import make_plan


def draft(title: str = "one", milestone: str = "M1") -> TaskDraft:
    return TaskDraft(title=title, instructions="do it", test_command="true", milestone=milestone)


M1 = MilestoneDraft(id="M1", title="core", kind="major")


def test_tasks_are_numbered_after_those_of_earlier_plans() -> None:
    plan = make_plan(2, "again", (M1,), (draft("a"), draft("b")), used=3)
    assert [task.id for task in plan.tasks] == ["T-04", "T-05"]
    assert plan.number == 2


@pytest.mark.parametrize(
    ("milestones", "drafts", "fault"),
    [
        ((M1,), (), "at least one task"),
        ((M1, M1), (draft(),), "M1 stands twice"),
        ((M1,), (draft(), draft(milestone="M9")), "tasks.1.milestone: M9"),
    ],
)
def test_a_plan_that_contradicts_itself_is_refused(
    milestones: tuple[MilestoneDraft, ...], drafts: tuple[TaskDraft, ...], fault: str
) -> None:
    with pytest.raises(ValueError, match=fault):
        make_plan(1, "plan", milestones, drafts, used=0)
