"""The end of a session: the report, the branch as a ref, the closing event."""

import asyncio
import json
import shlex
from collections.abc import Callable
from dataclasses import asdict
from typing import Literal

from sessions.errors import QuarterdeckError
from sessions.events import Event, Noticed, SessionEnded, SessionPassed
from sessions.host.journal import Journal
from sessions.project.clone import SessionClone
from sessions.project.inspection import Repository
from sessions.state import SessionState

SessionOutcome = Literal["passed", "failed", "stopped"]

ReportFile = Callable[[str, str], str]
"""Writes a report beside the log (name, text) and returns its path for display."""


async def fetch_branch(journal: Journal, clone: SessionClone, repository: Repository) -> tuple[str, str]:
    """Bring the session branch into the person's repository as a hidden ref.

    Returns:
        The ref, empty when it could not be made, and why not.
    """
    started = journal.state.started
    ref = f"refs/quarterdeck/{started.session if started else 'session'}"
    try:
        await clone.export_to(repository.root, ref)
    except QuarterdeckError as error:
        return "", error.what
    return ref, ""


async def end_session(
    journal: Journal,
    clone: SessionClone,
    repository: Repository,
    write: ReportFile,
    outcome: SessionOutcome,
    *,
    before: tuple[Event, ...] = (),
    summary: str = "",
) -> None:
    """Write the report, fetch the branch and close the session. Repeating it after a crash does no harm.

    Args:
        before: Events that go into the log together with the end.
        summary: What is said of the end; left out, what the Exit Manager said, or the outcome alone.
    """
    ref, problem = await fetch_branch(journal, clone, repository)
    if problem:
        await journal.append(Noticed(level="warning", text=f"the branch was not fetched: {problem}"))
    text = report_markdown(journal.state, ref, str(clone.folder), [record.event for record in journal.records])
    path = await asyncio.to_thread(write, "report.md", text)
    figures = json.dumps(report_figures(journal.state, ref), indent=2)
    await asyncio.to_thread(write, "report.json", f"{figures}\n")
    passed = next((one.event for one in journal.records if isinstance(one.event, SessionPassed)), None)
    said = summary or (passed.report.summary if isinstance(passed, SessionPassed) else outcome)
    ended = SessionEnded(outcome=outcome, summary=f"{said}\n\nreport: {path}", report=await journal.keep(text), ref=ref)
    await journal.append_if(lambda state: state.ended is None, (*before, ended))


def report_figures(state: SessionState, ref: str) -> dict[str, object]:
    """Return the session's figures for machines."""
    started = state.started
    return {
        "session": started.session if started else "",
        "rehearsal": bool(started and started.rehearsal),
        "ref": ref,
        "seconds": round(state.last_at - state.started_at, 1),
        "tasks": [
            {
                "id": one.task.id,
                "title": one.task.title,
                "stage": one.stage,
                "attempts": one.attempt,
                "verdicts": [verdict.verdict.model_dump(exclude={"notes"}) for verdict in one.verdicts],
            }
            for one in state.tasks.values()
        ],
        "context_filter": asdict(state.filter),
        "totals": asdict(state.totals),
        "surgical_edits": [one.model_dump(exclude={"kind", "diff"}) for one in state.edits],
    }


def report_markdown(state: SessionState, ref: str, clone: str, events: list[object]) -> str:
    """Return the session's report for people: what was built, how to run it, how to take it over, what it took."""
    started = state.started
    passed = next((event for event in events if isinstance(event, SessionPassed)), None)
    lines = [f"# Session {started.session if started else ''}", ""]
    if started and started.rehearsal:
        lines += ["Rehearsal: scripted, no AI. It built its own sample, whatever the idea.", ""]
    if started:
        lines += ["## Idea", "", *(f"> {line}" for line in started.idea.strip()[:2000].splitlines()), ""]
    if passed is not None:
        lines += ["## Result", "", passed.report.summary, ""]
        if passed.report.how_to_run:
            run = f"    cd {shlex.quote(clone)}\n    {passed.report.how_to_run}"
            lines += ["Run it:", "", run, ""]
    if ref and started:
        git = f"git -C {shlex.quote(started.repository)}"
        lines += ["Take it over:", "", f"    {git} merge {ref}", ""]
        lines += ["or look first:", "", f"    {git} log -p HEAD..{ref}", ""]
    lines += ["## Tasks", "", "| task | tries | verdicts | commit |", "|---|---|---|---|"]
    for task in state.tasks.values():
        verdicts = ", ".join(one.verdict.verdict for one in task.verdicts) or task.stage
        commit = task.evidence.commit[:9] if task.evidence else ""
        lines.append(f"| {task.task.id} {task.task.title} | {task.attempt} | {verdicts} | {commit} |")
    lines += ["", "## Context", "", *_context_lines(state), ""]
    if state.edits:
        lines += ["## Surgical edits", ""]
        lines += [f"- {', '.join(one.files)}: +{one.added} -{one.removed} ({one.commit[:9]})" for one in state.edits]
        lines.append("")
    lines += ["## Spec", "", *(f"- {clause.id} {clause.text}" for clause in state.spec.clauses), ""]
    return "\n".join(lines)


def _context_lines(state: SessionState) -> list[str]:
    """Return the figures of the context filter and of what was used; an unknown cost stays unknown."""
    counted, total = state.filter, state.totals
    cost = f"${total.cost:.2f}" if total.cost_known else "unknown"
    return [
        f"- the Auditor read ~{counted.auditor_read:,} tokens",
        f"- the Manager received ~{counted.manager_received:,} tokens",
        f"- kept out of the Manager: ~{counted.kept_out:,} tokens",
        f"- {total.turns} turns, {total.input_tokens:,} tokens in, {total.output_tokens:,} out, cost {cost}",
        f"- {total.retasks} retasks, {state.last_at - state.started_at:.0f} s",
    ]
