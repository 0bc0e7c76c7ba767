"""The plan at a glance: tasks with what became of them, milestones between them."""

from textual.content import Content

from panes.figures import age, count
from panes.fitting import spread
from panes.glyphs import STYLES, VERDICT_STYLES
from panes.safe_text import safe_line
from panes.section import Line, Section
from sessions.state import SessionState, TaskState


def progress(state: SessionState) -> tuple[int, int]:
    """Return how many tasks are done and how many there are, without those dropped."""
    tasks = [task for task in state.tasks.values() if task.stage != "dropped"]
    return sum(task.stage == "done" for task in tasks), len(tasks)


class PlanStrip(Section):
    """Each task with a shape, its id, title, and a word: its verdict, who has it, or nothing yet."""

    def title(self) -> Content:
        done, total = progress(self.state)
        return Content.assemble(("PLAN", "bold"), f" {done}/{total}" if total else "")

    def right(self) -> Content:
        retasks = self.state.totals.retasks
        return Content.styled(count(retasks, "retask"), "$muted") if retasks else Content("")

    def lines(self, width: int) -> list[Line]:
        if self.state.plan is None:
            return [Line(Content.styled("no plan yet", "$muted"))]
        tasks = [task for task in self.state.tasks.values() if task.stage != "dropped"]
        lines: list[Line] = []
        for n, task in enumerate(tasks):
            lines.append(Line(self._task_row(task, width), task.task.id))
            following = tasks[n + 1].task.milestone if n + 1 < len(tasks) else ""
            if task.task.milestone and task.task.milestone != following:
                lines.append(Line(self._milestone_row(task.task.milestone, width)))
        took = [task.done_at - task.started_at for task in tasks if task.done_at]
        if len(took) >= 3:
            took.sort()
            middle = took[len(took) // 2]
            words = f"median {age(middle)}  range {age(took[0])}-{age(took[-1])}"
            lines += [Line(Content("")), Line(Content.styled(words[:width], "$muted"))]
        return lines

    def _task_row(self, task: TaskState, width: int) -> Content:
        glyphs = self.look.glyphs
        here = self.state.task == task.task.id and task.stage != "done"
        verdict = task.verdicts[-1].verdict.verdict if task.verdicts else ""
        if task.stage == "done":
            mark, style, word = glyphs.activity["done"], "$state-done", verdict
        elif task.stage == "judged":
            mark, style, word = glyphs.verdict[verdict], VERDICT_STYLES[verdict], verdict
        elif task.stage == "auditing":
            mark, style, word = glyphs.activity["thinking"], STYLES["thinking"], "audit"
        elif task.stage == "building":
            mark, style, word = glyphs.activity["tool"], STYLES["tool"], "build"
        else:
            mark, style, word = glyphs.activity["idle"], "$muted", ""
        tries = f" try {task.attempt}" if task.attempt > 1 else ""
        left = Content.assemble(
            (f"{mark} ", style),
            safe_line(task.task.id, "$muted", limit=12),
            " ",
            safe_line(task.task.title, "bold" if here else ""),
        )
        return spread(left, Content.styled(f" {word}{tries}" if word or tries else "", style), width)

    def _milestone_row(self, milestone: str, width: int) -> Content:
        known = self.state.milestones.get(milestone)
        passed = milestone in self.state.passed_milestones
        kind = known.kind if known else ""
        title = f"{milestone} {known.title if known else ''}"
        mark = self.look.glyphs.activity["done" if passed else "ready"]
        left = Content.assemble((f"{mark} ", "$state-done" if passed else "$muted"), safe_line(title, "italic $accent"))
        return spread(left, Content.styled(f" {'passed' if passed else kind}", "$muted"), width)
