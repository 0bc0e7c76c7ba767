"""The Auditor's script: a verdict read from the real test output, the host's evidence and the diff."""

import re
from dataclasses import dataclass, replace

from sessions.models.rehearsal.answer import Answer, Call, Exchange, acknowledge, clip, sentences
from sessions.models.rehearsal.reading import (
    Brief,
    Evidence,
    added_lines,
    function_behind,
    read_evidence,
    read_failure,
    read_task,
)
from sessions.models.rehearsal.sample import CHECK, find_task

_WHOLE_OUTPUT = "\n--- "
"""Begins what follows the Worker's own report in its part."""


@dataclass(frozen=True, slots=True)
class _Finding:
    verdict: str
    diagnosis: str
    action: str
    pointer: str


def audit(exchange: Exchange) -> Answer:
    """Submit the verdict that the evidence gives: red tests fail, a criterion or a scope not met is partial."""
    brief, evidence = read_task(exchange.part("task")), read_evidence(exchange.part("evidence"))
    finding = _judge(exchange, brief, evidence)
    finding, obeyed = _by_note(finding, exchange.note)
    seen = f"The host's run of {brief.id or 'the task'}: {_run(evidence)}; {_files(evidence)} changed."
    text = sentences(acknowledge(exchange.note, obeyed), f"{seen} {_weigh(finding)}")
    arguments = {
        "verdict": finding.verdict,
        "diagnosis": clip(finding.diagnosis, 200),
        "rec_action": finding.action,
        "pointer": finding.pointer or "-",
        "notes": _notes(exchange, brief, evidence, finding),
    }
    return Answer(
        text, "The tests first, then scope and criteria against the diff.", (Call("submit_verdict", arguments),)
    )


def _judge(exchange: Exchange, brief: Brief, evidence: Evidence) -> _Finding:
    diff, report = exchange.part("diff"), exchange.part("report").partition(_WHOLE_OUTPUT)[0]
    if not evidence.command:
        return _Finding("partial", "the task has no test command, so nothing proves it", "escalate", "-")
    if not evidence.passed:
        return _red(exchange.part("tests"), diff, evidence)
    if evidence.outside_scope:
        outside = ", ".join(evidence.outside_scope)
        return _Finding(
            "partial", f"tests green, but changed outside the scope: {outside}", "retask", evidence.outside_scope[0]
        )
    mine = find_task(brief.title, brief.test_command) is not None
    unmet = _unmet(brief, report, diff) if mine else ""
    if unmet:
        files = [file for file in evidence.files if not file.startswith("tests/")]
        pointer = next((file for file in files if file.endswith("cli.py")), files[0] if files else "-")
        return _Finding("partial", f"tests green, but a criterion is not met: {unmet}", "retask", f"{pointer} / - / -")
    if not evidence.files and not diff and not mine:
        return _Finding("partial", f"nothing was changed: {_claim(report)}", "escalate", "-")
    rest = "nothing to change, as asked" if brief.title.startswith(CHECK) else "all inside the scope, criteria met"
    return _Finding("pass", f"{_run(evidence)}; {_files(evidence)}, {rest}", "continue", "-")


def _red(output: str, diff: str, evidence: Evidence) -> _Finding:
    failure = read_failure(output)
    if failure is None:
        last = next((line for line in reversed(output.splitlines()) if line.strip()), "no output")
        return _Finding("fail", f"{_run(evidence)}: {clip(last, 140)}", "retask", "-")
    file, function = function_behind(failure, diff)
    pointer = f"{file or failure.file} / {function or '-'} / {failure.test or '-'}"
    return _Finding("fail", f"{_run(evidence)}: {failure.message or failure.test}", "retask", pointer)


def _unmet(brief: Brief, report: str, diff: str) -> str:
    """Return the first criterion that names a word in backticks which neither the diff nor an earlier attempt brought.

    A later attempt's diff may start from the one before; there the report may name the file that holds the word.
    """
    added = added_lines(diff)
    for criterion in brief.criteria:
        for word in re.findall(r"`([^`]+)`", criterion):
            if word not in added and f"`{word}` stands in " not in report:
                return criterion
    return ""


def _by_note(finding: _Finding, note: str) -> tuple[_Finding, bool]:
    plain = note.lower()
    if not plain.startswith(("strict", "lenient")):
        return finding, False
    if finding.verdict != "partial":
        return finding, True
    verdict, action = ("fail", "retask") if plain.startswith("strict") else ("pass", "continue")
    return replace(finding, verdict=verdict, action=action), True


def _run(evidence: Evidence) -> str:
    if not evidence.command:
        return "no test command"
    if evidence.timed_out:
        return "stopped at the time limit"
    return evidence.counts or f"exit code {evidence.exit_code or 'unknown'}"


def _files(evidence: Evidence) -> str:
    return "1 file" if len(evidence.files) == 1 else f"{len(evidence.files)} files"


def _weigh(finding: _Finding) -> str:
    return {
        "pass": "Nothing speaks against it.",
        "partial": "Green, and yet not what was asked.",
        "fail": "That is for the Worker to mend.",
    }[finding.verdict]


def _claim(report: str) -> str:
    return clip(report, 120) or "and no report came"


def _notes(exchange: Exchange, brief: Brief, evidence: Evidence, finding: _Finding) -> str:
    failure = read_failure(exchange.part("tests"))
    lines = [
        f"Task {brief.id} “{brief.title}”, attempt {brief.attempt}",
        f"Command: {evidence.command or 'none'}, exit code {evidence.exit_code or 'none'}",
        f"Files: {', '.join(evidence.files) or 'none'}",
        f"Outside the scope: {', '.join(evidence.outside_scope) or 'none'}",
        *(f"Criterion: {criterion}" for criterion in brief.criteria),
        f"First failing line: {failure.source}" if failure and failure.source else "",
        f"The Worker says: {clip(exchange.part('report'), 400)}",
        f"Verdict: {finding.verdict}, {finding.action}",
    ]
    return "\n".join(line for line in lines if line)
