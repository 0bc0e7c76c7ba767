"""The parts a prompt is built from: each one a text from the state, an artefact or the clone, counted.

The Manager's turns name neither report, tests nor diff among their parts, and nothing else here hands those out: raw
Worker output has no other way up.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from sessions.agents.wording import storable
from sessions.host.counting import counted_part
from sessions.host.journal import Journal
from sessions.project.clone import SessionClone
from sessions.prompts import PartCount, PromptPart
from sessions.state import HandoffState, SessionState, TaskState

_TREE_LINES = 300
_SOURCE_TOKENS = 40_000


@dataclass(frozen=True, slots=True)
class PartContext:
    """What the builders may look at: `crossed` is the handoff that led here, `note` what the person or gate adds."""

    journal: Journal
    clone: SessionClone | None
    crossed: HandoffState | None
    note: str

    @property
    def state(self) -> SessionState:
        """The session's state."""
        return self.journal.state

    @property
    def task(self) -> TaskState | None:
        """The task at hand."""
        return self.state.tasks.get(self.state.task)


Builder = Callable[[PartContext], Awaitable[str]]

_OVERRIDES = {
    "task": "task",
    "report": "report",
    "verdict_pass": "verdict",
    "verdict_other": "verdict",
    "kick_back": "kick_back",
    "milestone": "milestone",
}
"""Which part an edited handoff of a class replaces; any other edit arrives as a note."""


async def build_parts(names: tuple[str, ...], context: PartContext) -> tuple[PromptPart, ...]:
    """Return the parts that have something to say, in the order asked for."""
    crossed = context.crossed
    edited = crossed if crossed is not None and crossed.edited else None
    replaced = _OVERRIDES.get(edited.proposed.payload.kind, "") if edited else ""
    built: list[PromptPart] = []
    for name in names:
        title, builder = _BUILDERS[name]
        if edited is not None and name == replaced:
            text = edited.text
        else:
            text = await builder(context)
        if name == "note" and crossed is not None:
            text = f"{text}\n\n{_crossed_note(crossed, names)}".strip()
        if text.strip():
            built.append(await counted_part(name, title, text))
    return tuple(built)


def _crossed_note(crossed: HandoffState, names: tuple[str, ...]) -> str:
    """Return what a receiver has to be told of a handoff that none of its parts shows it: an edit, or a redirection."""
    shown = _OVERRIDES.get(crossed.proposed.payload.kind, "") in names
    if crossed.edited and not shown:
        return f"The person edited what was handed over. It now reads:\n{crossed.text}"
    if crossed.receiver != crossed.proposed.receiver and not shown:
        return f"The person sent this to you in place of {crossed.proposed.receiver.replace('_', ' ')}:\n{crossed.text}"
    return ""


def count_kept_out(names: tuple[str, ...], state: SessionState) -> tuple[PartCount, ...]:
    """Count what a turn does not get to see, from the current task's artefacts."""
    task = state.tasks.get(state.task)
    if task is None:
        return ()
    sizes: dict[str, tuple[str, int, str]] = {}
    if task.evidence is not None:
        sizes["tests"] = ("test output", task.evidence.output_tokens, task.evidence.output)
        sizes["diff"] = ("diff", task.evidence.diff_tokens, task.evidence.diff)
    if task.report is not None:
        worker_turn = _turn(state, task.report.turn)
        if worker_turn is not None:
            sizes["report"] = ("the Worker's whole output", worker_turn[0], worker_turn[1])
    return tuple(
        PartCount(name=name, title=sizes[name][0], tokens=sizes[name][1], included=False, artefact=sizes[name][2])
        for name in names
        if name in sizes
    )


def _turn(state: SessionState, turn_id: str) -> tuple[int, str] | None:
    for window in state.windows.values():
        for turn in reversed(window.turns):
            if turn.started.turn == turn_id and turn.ended is not None:
                return turn.ended.transcript_tokens, turn.ended.transcript
    return None


def task_card(state: SessionState, task: TaskState) -> str:
    """Return the task as the Worker and the Auditor read it."""
    lines = [
        f"id: {task.task.id}",
        f"attempt: {task.attempt}",
        f"title: {task.task.title}",
        f"test_command: {task.task.test_command}",
        f"scope: {', '.join(task.task.scope) or 'any file'}",
        f"spec_revision: {state.spec.revision}",
    ]
    if task.task.criteria:
        lines += ["criteria:", *(f"- {one}" for one in task.task.criteria)]
    return "\n".join([*lines, "instructions:", task.task.instructions])


def verdict_card(task: TaskState) -> str:
    """Return the newest verdict as the Manager reads it: four fields, and the host's objection when there is one."""
    if not task.verdicts:
        return ""
    submitted = task.verdicts[-1]
    verdict = submitted.verdict
    lines = [
        f"verdict: {verdict.verdict}",
        f"diagnosis: {verdict.diagnosis}",
        f"rec_action: {verdict.rec_action}",
        f"pointer: {verdict.pointer}",
    ]
    if submitted.conflict:
        lines.append(f"conflict: {submitted.conflict}")
    return "\n".join(lines)


def progress(state: SessionState) -> str:
    """Return the plan as one line a task: the Manager's whole memory of the build."""
    lines = [f"plan {state.plan.number}: {state.plan.summary}"] if state.plan else []
    for task in state.tasks.values():
        said = f"  {task.verdicts[-1].verdict.verdict}: {task.verdicts[-1].verdict.diagnosis}" if task.verdicts else ""
        tries = f" try {task.attempt}" if task.attempt > 1 else ""
        lines.append(f"{task.task.id} {task.task.milestone} {task.stage}{tries}  {task.task.title}{said}")
    if state.passed_milestones:
        lines.append(f"milestones passed: {', '.join(state.passed_milestones)}")
    return "\n".join(lines)


def evidence_lines(task: TaskState) -> str:
    """Return the host's facts about an attempt."""
    evidence = task.evidence
    if evidence is None:
        return ""
    counts = f"{evidence.counts.passed} passed, {evidence.counts.failed} failed" if evidence.counts else "unknown"
    return "\n".join(
        [
            f"command: {evidence.command or '(none)'}",
            f"exit_code: {'none' if evidence.exit_code is None else evidence.exit_code}",
            f"passed: {str(evidence.passed).lower()}",
            f"timed_out: {str(evidence.timed_out).lower()}",
            f"counts: {counts}",
            f"files: {', '.join(evidence.files) or '(none)'}",
            f"changed: +{evidence.added} -{evidence.removed}",
            f"outside_scope: {', '.join(evidence.outside_scope) or '(none)'}",
            *([f"left_out: {', '.join(evidence.left_out)}"] if evidence.left_out else []),
            f"commit: {evidence.commit}",
        ]
    )


async def _idea(context: PartContext) -> str:
    return context.state.started.idea if context.state.started else ""


async def _spec(context: PartContext) -> str:
    return context.state.spec.text()


async def _project(context: PartContext) -> str:
    if context.clone is None:
        return ""
    files = await context.clone.files()
    shown = [storable(path) for path in files[:_TREE_LINES]]
    more = f"\n... and {len(files) - len(shown)} more" if len(files) > len(shown) else ""
    return "\n".join(shown) + more


async def _sources(context: PartContext) -> str:
    """Return the project's text files, largest last, until the budget is used up; say what did not fit."""
    if context.clone is None:
        return ""
    return await context.clone.contents(tokens=_SOURCE_TOKENS)


async def _progress(context: PartContext) -> str:
    return progress(context.state)


async def _task(context: PartContext) -> str:
    return task_card(context.state, context.task) if context.task else ""


async def _verdict(context: PartContext) -> str:
    return verdict_card(context.task) if context.task else ""


async def _history(context: PartContext) -> str:
    if context.task is None:
        return ""
    return "\n".join(
        f"attempt {one.attempt}: {one.verdict.verdict}: {one.verdict.diagnosis} ({one.verdict.pointer})"
        for one in context.task.verdicts
    )


async def _report(context: PartContext) -> str:
    if context.task is None or context.task.report is None:
        return ""
    turn = _turn(context.state, context.task.report.turn)
    whole = await context.journal.text(turn[1]) if turn else ""
    return f"{context.task.report.summary}\n\n--- the Worker's whole output ---\n{whole}"


async def _evidence(context: PartContext) -> str:
    return evidence_lines(context.task) if context.task else ""


async def _tests(context: PartContext) -> str:
    evidence = context.task.evidence if context.task else None
    return await context.journal.text(evidence.output) if evidence else ""


async def _diff(context: PartContext) -> str:
    evidence = context.task.evidence if context.task else None
    return await context.journal.text(evidence.diff) if evidence else ""


async def _kick_back(context: PartContext) -> str:
    crossed = context.crossed
    return crossed.text if crossed is not None and crossed.proposed.payload.kind == "kick_back" else ""


async def _milestone(context: PartContext) -> str:
    crossed = context.crossed
    return crossed.text if crossed is not None and crossed.proposed.payload.kind == "milestone" else ""


async def _answer(context: PartContext) -> str:
    """Return the person's newest answer, while it is news: asked and answered about the task at hand."""
    if not context.state.past_questions:
        return ""
    last = context.state.past_questions[-1]
    if last.answered is None or last.asked.source != "decision" or last.asked.task != context.state.task:
        return ""
    return f"question: {last.asked.text}\nanswer: {last.answered.text}"


async def _note(context: PartContext) -> str:
    return context.note


_BUILDERS: dict[str, tuple[str, Builder]] = {
    "idea": ("the idea, as the person wrote it", _idea),
    "spec": ("the spec, resolved view", _spec),
    "project": ("files of the project", _project),
    "sources": ("the project's text files", _sources),
    "progress": ("the plan, one line a task", _progress),
    "task": ("the task", _task),
    "verdict": ("the newest verdict on it", _verdict),
    "history": ("all verdicts on it", _history),
    "report": ("the Worker's report and whole output", _report),
    "evidence": ("what the host saw itself", _evidence),
    "tests": ("output of the test command, run by the host", _tests),
    "diff": ("diff of the task, taken by the host", _diff),
    "kick_back": ("what the Exit Manager sent back", _kick_back),
    "milestone": ("what is to be validated", _milestone),
    "answer": ("the person's answer", _answer),
    "note": ("a note from the person", _note),
}
PART_NAMES = frozenset(_BUILDERS)
"""Every part a workflow may name."""
