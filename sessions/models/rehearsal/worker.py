"""The Worker's script, for both doors: the model with its toolbox and the command-line agent in its clone."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sessions.models.rehearsal.answer import LABEL, Answer, Call, Done, Exchange, acknowledge, clip, sentences
from sessions.models.rehearsal.reading import Brief, fields, last_counts, read_failure, read_task
from sessions.models.rehearsal.sample import CHECK, MEND, NAME, Attempt, Sample, SampleTask, find_task

RETASK_WORDS = "Mend this and nothing else:"
"""Begins what the Manager's script adds to the note of a retask."""
NOT_RUN = "not run: the person said no"
"""What a refused test run leaves behind as its result."""


@dataclass(frozen=True, slots=True)
class WriteFile:
    """Write a whole file. `words` are said before."""

    path: str
    text: str
    words: str = ""


@dataclass(frozen=True, slots=True)
class RunTests:
    """Run the task's tests. `words` are said before."""

    command: str
    words: str = ""


@dataclass(frozen=True, slots=True)
class ReportDone:
    """End the turn by the transition tool. `words` are said before."""

    summary: str
    words: str = ""


Step = WriteFile | RunTests | ReportDone


@dataclass(frozen=True, slots=True)
class _Job:
    brief: Brief
    sample: Sample
    task: SampleTask
    number: int
    note: str

    @property
    def attempt(self) -> Attempt:
        return self.task.attempts[self.number - 1]

    @property
    def last(self) -> bool:
        return self.number == len(self.task.attempts)


def next_step(parts: Mapping[str, str], done: Sequence[Done], *, can_write: bool = True, can_run: bool = True) -> Step:
    """Return what the Worker does next, given the prompt's parts and what was written and run since.

    The same parts and results give the same step, so a turn can be broken off and begun again anywhere.
    """
    brief = read_task(parts.get("task", ""))
    note = " ".join(parts.get("note", "").split())
    found = find_task(brief.title, brief.test_command)
    if found is None:
        return _not_mine(brief, note)
    sample, task = found
    if not can_write:
        return ReportDone(
            "No tool to write files was offered, so nothing was done. Give the Worker its toolbox.", LABEL
        )
    job = _Job(brief, sample, task, _version(brief, task, note), note)
    steps = _steps(job, fields(parts.get("verdict", "")), can_run and not _spares_tests(note))
    if len(done) < len(steps):
        return steps[len(done)]
    runs = [one.result for one in done if one.name == "run"]
    return ReportDone(_summary(job, runs[-1] if runs else ""))


def work(exchange: Exchange) -> Answer:
    """Answer as a model: one tool call at a time, then the report."""
    done = exchange.results("write_file", "run")
    step = next_step(exchange.parts, done, can_write="write_file" in exchange.tools, can_run="run" in exchange.tools)
    if isinstance(step, WriteFile):
        return Answer(step.words, calls=(Call("write_file", {"path": step.path, "text": step.text}),))
    if isinstance(step, RunTests):
        return Answer(step.words, calls=(Call("run", {"command": step.command}),))
    return Answer(step.words, calls=(Call("report_done", {"summary": step.summary}),))


def _version(brief: Brief, task: SampleTask, note: str) -> int:
    if note.lower().startswith("fail"):
        return 1
    if brief.title.startswith((MEND, CHECK)):
        return len(task.attempts)
    return min(brief.attempt, len(task.attempts))


def _spares_tests(note: str) -> bool:
    return note.lower().startswith("no tests")


def _steps(job: _Job, verdict: Mapping[str, str], can_run: bool) -> list[Step]:
    command = job.brief.test_command or job.task.test_command
    if job.brief.title.startswith(CHECK):
        return [RunTests(command, f"{LABEL} Only the tests, once more.")] if can_run else []
    attempt = job.attempt
    steps: list[Step] = []
    for n, path in enumerate(attempt.files):
        words = _opening(job, verdict) if n == 0 else attempt.code if n == 1 else ""
        if n == 1 and attempt.red_first and can_run and job.brief.attempt == 1:
            steps.append(RunTests(command, "Does it fail before there is any code?"))
        steps.append(WriteFile(path, job.sample.file_text(job.task, job.number, path), words))
    if can_run:
        steps.append(RunTests(command, "And the test?"))
    return steps


def _opening(job: _Job, verdict: Mapping[str, str]) -> str:
    diagnosis = verdict.get("diagnosis", "")
    # What the Manager's script adds to a retask is part of the script, not an order of the person's.
    ordered = job.note.partition(RETASK_WORDS)[0].strip()
    # Without a word of the person's, a retask's note is the verdict itself.
    ordered = "" if diagnosis and ordered.startswith(diagnosis) else ordered
    understood = ordered.lower().startswith("fail") or _spares_tests(ordered)
    return sentences(
        f"{LABEL} {job.brief.id} {job.task.title}, attempt {job.brief.attempt}.",
        acknowledge(ordered, understood),
        f"The audit says: {clip(diagnosis, 160)}" if diagnosis else "",
        job.attempt.opening,
    )


def _summary(job: _Job, output: str) -> str:
    checked = job.brief.title.startswith(CHECK)
    said = "Nothing was changed, as the task asks." if checked else job.attempt.summary
    lines = [f"{LABEL} {said}", _tested(output)]
    if job.last:
        lines.extend(_places(job))
    return "\n".join(line for line in lines if line)


def _tested(output: str) -> str:
    counts = last_counts(output)
    if not counts:
        return "I did not run the tests." if not output or output == NOT_RUN else "The test run gave no count."
    failure = read_failure(output)
    if failure is None:
        return f"My test run: {counts}."
    return f"My test run: {counts}; {failure.test or failure.file} is red. I leave it so, for the audit to see."


def _places(job: _Job) -> list[str]:
    """Say where each word that a criterion names in backticks stands in the code."""
    files = [path for path in job.attempt.files if path.startswith(job.sample.package)]
    texts = {path: job.sample.file_text(job.task, job.number, path) for path in files}
    words = [word for criterion in job.task.criteria for word in re.findall(r"`([^`]+)`", criterion)]
    return [f"`{word}` stands in {path}." for word in words for path, text in texts.items() if word in text]


def _not_mine(brief: Brief, note: str) -> ReportDone:
    name = f"{brief.id} “{clip(brief.title, 80)}”".strip()
    return ReportDone(
        f"{LABEL} I know only my own sample, {NAME}, and {name} is not in it. I changed nothing. "
        "Give this task to another agent, or take the seat yourself.",
        sentences(f"{LABEL} This task is not in my script.", acknowledge(note, False)),
    )
