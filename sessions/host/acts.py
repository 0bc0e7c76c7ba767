"""The acts of host nodes: what the host does itself between two turns.

An act that changes nothing but the log returns its events, which the runner appends in one transaction with leaving
the node: after a crash either all of it happened or none.
"""

import codecs
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sessions.agents.wording import storable
from sessions.errors import ProjectError
from sessions.events import EvidenceTaken, MilestonePassed, TaskStarted, TestCounts
from sessions.host.counting import count_tokens
from sessions.host.journal import Journal
from sessions.plan import Milestone
from sessions.processes.leftovers import ProcessMark
from sessions.project.clone import SessionClone
from sessions.project.evidence import TestRun, first_failure, run_tests
from sessions.state import SessionState, TaskState
from sessions.workflow.runner import NodeResult

_NO_COMMAND = "no test command was given for this task\n"


@dataclass(frozen=True, slots=True)
class ActContext:
    """What an act may use. `show` prints a program's output where the person looks; `started` is told what was
    started.
    """

    journal: Journal
    clone: SessionClone
    environment: Mapping[str, str]
    show: Callable[[str], None]
    started: Callable[[ProcessMark], None]
    test_seconds: float


def due_milestone(state: SessionState) -> Milestone | None:
    """Return the first milestone whose tasks are all done and which is not behind us yet."""
    for milestone in state.milestones.values():
        if milestone.id in state.passed_milestones:
            continue
        tasks = [one for one in state.tasks.values() if one.task.milestone == milestone.id and one.stage != "dropped"]
        if tasks and all(one.stage == "done" for one in tasks):
            return milestone
    return None


async def next_task(context: ActContext) -> NodeResult:
    """Take the next task, or a due major milestone, or the end. Minor milestones pass by their audits."""
    state = context.journal.state
    passed: list[MilestonePassed] = []
    milestone = due_milestone(state)
    open_tasks = [one for one in state.tasks.values() if one.stage not in ("done", "dropped")]
    if milestone is not None and open_tasks:
        if milestone.kind == "major":
            return NodeResult("milestone", detail=f"milestone {milestone.id} {milestone.title}")
        passed.append(MilestonePassed(milestone=milestone.id))
    if not open_tasks:
        return NodeResult("finished", detail="the whole program")
    # What the person wrote to the plan they approved is for whoever gets its next task.
    return _begin(state, open_tasks[0], await context.clone.head(), note=state.position.note, before=tuple(passed))


async def begin_attempt(context: ActContext) -> NodeResult:
    """Begin another attempt at the task at hand, with the Manager's or the person's note."""
    state = context.journal.state
    task = state.tasks.get(state.task)
    if task is None:
        return NodeResult("task", detail="there is no task to begin")
    note = state.position.note
    decided = state.last_decision
    if not note and decided is not None and decided.task == task.task.id and decided.attempt == task.attempt:
        note = decided.decision.note
    if not note and task.verdicts:
        verdict = task.verdicts[-1].verdict
        note = f"{verdict.diagnosis} ({verdict.pointer})"
    return _begin(state, task, task.base or await context.clone.head(), note=note, before=())


def _begin(
    state: SessionState, task: TaskState, base: str, *, note: str, before: tuple[MilestonePassed, ...]
) -> NodeResult:
    started = TaskStarted(
        task=task.task.id,
        attempt=task.attempt + 1,
        base=base,
        spec_revision=state.spec.revision,
        note=note,
    )
    return NodeResult("task", detail=f"{task.task.id} try {started.attempt}", events=(*before, started))


async def take_evidence(context: ActContext) -> NodeResult:
    """Run the task's tests, take the diff, commit the attempt. The commit is keyed, so that it is made once."""
    state = context.journal.state
    task = state.tasks[state.task]
    command = task.task.test_command.strip()
    run, output = await _run_tests(context, command) if command else (None, _NO_COMMAND)
    result = "none" if not command else "passed" if run and run.passed else "failed"
    checkpoint = await context.clone.checkpoint(
        f"{task.task.id}: {task.task.title}",
        f"Attempt {task.attempt}, tests {result}.",
        {"Task": task.task.id, "Attempt": str(task.attempt), "Tests": result, "Spec-Revision": str(task.spec_revision)},
        key=f"{task.task.id}/{task.attempt}",
    )
    diff = await context.clone.diff(task.base)
    outside = await context.clone.changed_outside(task.task.scope, task.base)
    evidence = EvidenceTaken(
        task=task.task.id,
        attempt=task.attempt,
        command=command,
        exit_code=run.exit_code if run else None,
        timed_out=run.timed_out if run else False,
        passed=run.passed if run else False,
        counts=TestCounts(passed=run.counts.passed, failed=run.counts.failed) if run and run.counts else None,
        first_failure=(first_failure(output) or "") if run and not run.passed else "",
        seconds=run.seconds if run else 0.0,
        output=await context.journal.keep(output),
        output_tokens=await count_tokens(output),
        diff=await context.journal.keep(diff.text or "no change\n"),
        diff_tokens=await count_tokens(diff.text),
        files=tuple(storable(one.path) for one in diff.files),
        added=diff.added,
        removed=diff.removed,
        outside_scope=tuple(map(storable, outside)),
        commit=checkpoint.commit or await context.clone.head(),
    )
    return NodeResult(result, detail=f"tests {result}", events=(evidence,))


async def _run_tests(context: ActContext, command: str) -> tuple[TestRun | None, str]:
    """Run the test command; return what it came to, None when it could not be run, and what there is to read of it."""
    context.show(f"$ {command}\n")
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    try:
        run = await run_tests(
            command,
            context.clone.folder,
            env=dict(context.environment),
            timeout=context.test_seconds,
            on_output=lambda data: context.show(decoder.decode(data)),
            on_started=context.started,
        )
    except ProjectError as error:
        # A command that cannot be run is a fact about the task, for the Auditor to judge like any other.
        context.show(f"{error.what}\n")
        return None, f"the test command could not be run: {error.what}\n"
    return run, run.output.decode("utf-8", "replace")


async def close_milestone(context: ActContext) -> NodeResult:
    """Go on after a milestone the Exit Manager passed; the passing itself was recorded with its turn."""
    return NodeResult("closed")


ACTS = {
    "next_task": next_task,
    "begin_attempt": begin_attempt,
    "take_evidence": take_evidence,
    "close_milestone": close_milestone,
}
"""Every act by its name in a workflow."""
