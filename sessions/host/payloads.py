"""What crosses an edge: the payload of each class, built from the state. Pure."""

from sessions.events import KickedBack
from sessions.handoffs import Payload, PayloadClass
from sessions.host.parts import progress, task_card, verdict_card
from sessions.prompts import PartCount, estimate_tokens
from sessions.state import SessionState, TaskState


def make_payload(kind: PayloadClass, state: SessionState, *, detail: str, kicked: KickedBack | None) -> Payload:
    """Return the payload of a handoff as the receiver will read it.

    Args:
        detail: What the sending node said of its outcome.
        kicked: The kick-back that crosses, when one does.
    """
    task = state.tasks.get(state.task)
    match kind:
        case "spec":
            return _spec(state)
        case "plan":
            return _text(kind, f"plan {state.plan.number if state.plan else 0}", progress(state))
        case "milestone":
            return _text(kind, detail or "validate", f"{detail}\n\n{progress(state)}")
        case "kick_back" if kicked is not None:
            report = kicked.report
            text = f"diagnosis: {report.diagnosis}\npointer: {report.pointer}"
            return _text(kind, report.diagnosis, text)
        case "task" | "report" | "verdict_pass" | "verdict_other" if task is not None:
            return _of_task(kind, state, task)
        case _:
            return _text(kind, detail or kind.replace("_", " "), detail)


def _text(kind: PayloadClass, title: str, text: str) -> Payload:
    parts = (PartCount(name=kind, title=title, tokens=estimate_tokens(text)),)
    return Payload(kind=kind, title=title, text=text, parts=parts)


def _spec(state: SessionState) -> Payload:
    entry = state.spec_entries[-1]
    lines = [f"r{entry.revision}  {entry.reason}", ""]
    lines += [f"+ {clause.id}  {clause.text}" for clause in entry.clauses]
    lines += [f"- {clause_id}  superseded" for clause_id in entry.supersedes]
    left_out = PartCount(name="superseded", title=f"{state.spec.left_out} superseded clauses", tokens=0, included=False)
    view = PartCount(name="spec", title="resolved view", tokens=estimate_tokens(state.spec.text()))
    parts = (view, left_out) if state.spec.left_out else (view,)
    return Payload(kind="spec", title=f"spec r{entry.revision}: {entry.reason}", text="\n".join(lines), parts=parts)


def _of_task(kind: PayloadClass, state: SessionState, task: TaskState) -> Payload:
    spec = PartCount(
        name="spec", title=f"resolved spec r{state.spec.revision}", tokens=estimate_tokens(state.spec.text())
    )
    title = f"{task.task.id} {task.task.title}"
    if kind == "task":
        text = task_card(state, task)
        parts = (PartCount(name="task", title="task card", tokens=estimate_tokens(text)), spec)
        if task.note:
            parts += (PartCount(name="note", title="what to do differently", tokens=estimate_tokens(task.note)),)
            text = f"{text}\n\nnote: {task.note}"
    elif kind == "report":
        text, parts = _report(task)
        parts += (spec,)
    else:
        text = verdict_card(task)
        verdict = task.verdicts[-1].verdict
        title = f"{task.task.id} {verdict.verdict}: {verdict.diagnosis}"
        parts = (PartCount(name="verdict", title="verdict card", tokens=estimate_tokens(text)),)
    return Payload(kind=kind, title=title, text=text, task=task.task.id, attempt=task.attempt, parts=parts)


def _report(task: TaskState) -> tuple[str, tuple[PartCount, ...]]:
    summary = task.report.summary if task.report else "(no report)"
    evidence = task.evidence
    parts = (PartCount(name="report", title="Worker's report", tokens=estimate_tokens(summary)),)
    if evidence is None:
        return summary, parts
    exit_code = "none" if evidence.exit_code is None else str(evidence.exit_code)
    tests = f"tests: `{evidence.command or 'none'}` exit {exit_code}"
    diff = f"diff: +{evidence.added} -{evidence.removed} in {len(evidence.files)} files"
    parts += (
        PartCount(name="diff", title="diff", tokens=evidence.diff_tokens, artefact=evidence.diff),
        PartCount(name="tests", title="test output", tokens=evidence.output_tokens, artefact=evidence.output),
    )
    return f"{summary}\n\n{tests}\n{diff}", parts
