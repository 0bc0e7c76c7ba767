"""The Manager's scripts: the plan, and the decision on each verdict."""

import re
from collections.abc import Mapping
from typing import Any

from sessions.models.rehearsal.answer import LABEL, Answer, Call, Exchange, acknowledge, clip, sentences
from sessions.models.rehearsal.reading import Brief, fields, read_task
from sessions.models.rehearsal.sample import (
    CHECK,
    MEND,
    Sample,
    SampleTask,
    find_task,
    free_package,
    load_sample,
    package_in_spec,
)
from sessions.models.rehearsal.worker import RETASK_WORDS

_TRIES = 3
"""Verdicts that did not pass after which the Manager asks the person instead of trying again."""
_NOTHING_LEFT = "All is built. Run the tests again and change nothing."
_AGAIN, _SPLIT, _ON = "Try once more with the diagnosis", "Split the task in two", "Go on without it"


def plan_work(exchange: Exchange) -> Answer:
    """Give the plan of the sample: what is not done yet, or what a kick-back asks to mend."""
    package = package_in_spec(exchange.part("spec"))
    sample = load_sample(package or free_package(exchange.part("project")))
    kick_back, note = exchange.part("kick_back"), exchange.note
    if kick_back:
        tasks, summary = [_mending(sample, kick_back)], "One task that mends what came back."
    else:
        tasks, summary = _drafts(sample, exchange.part("progress")), sample.summary
    tasks, minor, obeyed = _by_note(tasks, note)
    milestones = [dict(one) | ({"kind": "minor"} if minor else {}) for one in sample.milestones]
    needed = {task["milestone"] for task in tasks}
    text = sentences(
        f"{LABEL} {len(tasks)} tasks, each with a test that proves it." if len(tasks) != 1 else f"{LABEL} {summary}",
        "" if package else "This spec is not the one I know, so the plan is that of my own sample.",
        f"Sent back: {clip(fields(kick_back).get('diagnosis', kick_back), 120)}" if kick_back else "",
        acknowledge(note, obeyed),
    )
    arguments = {
        "summary": summary,
        "milestones": [one for one in milestones if one["id"] in needed],
        "tasks": tasks,
    }
    return Answer(text, "What can be proven alone comes first.", (Call("plan_tasks", arguments),))


def decide(exchange: Exchange) -> Answer:
    """Decide on a verdict: by the person's answer or note where there is one, else by the card and its history."""
    brief, card = read_task(exchange.part("task")), fields(exchange.part("verdict"))
    answer, note = _fresh_answer(exchange.part("answer"), brief), exchange.note
    ordered = re.match(r"(continue|retask|split|halt)\b[:\s]*(?P<why>.*)$", note, re.I)
    if answer:
        decision, reason = _answered(answer), f"The person answered: {clip(answer, 160)}"
    elif ordered:
        decision, reason = ordered[1].lower(), ordered["why"] or "by the person's note"
    else:
        decision, reason = _judged(card, _misses(exchange.part("history"), brief)), ""
    arguments = _arguments(decision, brief, card, reason)
    text = sentences(acknowledge(note, bool(ordered)), _said(decision, brief, card, reason))
    return Answer(text, _weighed(card, _misses(exchange.part("history"), brief)), (Call("decide", arguments),))


def _judged(card: Mapping[str, str], misses: int) -> str:
    verdict, action = card.get("verdict", ""), card.get("rec_action", "")
    if verdict == "pass" and card.get("conflict"):
        return "halt"
    if verdict == "pass" or (verdict == "partial" and action == "continue"):
        return "continue"
    if verdict not in {"fail", "partial"} or action == "escalate":
        return "halt"
    return "halt" if misses + 1 >= _TRIES else "retask"


def _misses(history: str, brief: Brief) -> int:
    """Count the verdicts before this one that did not pass; the history may hold the newest too."""
    words = (
        re.search(r"\b(pass|fail|partial)\b", line, re.I)
        for line in history.splitlines()
        if not re.match(rf"\W*attempt {brief.attempt}\b", line)
    )
    return sum(1 for word in words if word and word[1].lower() != "pass")


def _fresh_answer(part: str, brief: Brief) -> str:
    """Return the person's answer; empty when its question was about an earlier attempt, for then it was acted on."""
    question, named, answer = part.rpartition("answer:")
    asked = re.search(r"\battempt (\d+)\b", question)
    if asked and asked[1] != str(brief.attempt):
        return ""
    return answer.strip() if named else part


def _answered(answer: str) -> str:
    plain = answer.lower()
    if "split" in plain:
        return "split"
    if re.search(r"\b(go on|continue|skip|without)\b", plain):
        return "continue"
    return "retask"


def _arguments(decision: str, brief: Brief, card: Mapping[str, str], reason: str) -> dict[str, Any]:
    diagnosis, pointer = card.get("diagnosis", ""), card.get("pointer", "-")
    if decision == "retask":
        mend = f"{RETASK_WORDS} {diagnosis} ({pointer})." if diagnosis else ""
        return {"decision": decision, "note": " ".join(filter(None, (reason, mend))) or "Try again."}
    if decision == "split":
        return {"decision": decision, "note": reason or diagnosis, "tasks": _halves(brief)}
    if decision == "halt":
        return {
            "decision": decision,
            "note": reason or diagnosis,
            "question": _question(brief, card, reason),
            "options": [_AGAIN, _SPLIT, _ON],
        }
    return {"decision": decision, "note": reason or diagnosis}


def _question(brief: Brief, card: Mapping[str, str], reason: str) -> str:
    name = f"{brief.id} “{brief.title}”, attempt {brief.attempt},".strip()
    if card.get("conflict"):
        return f"{name} was passed, but {card['conflict']}. How shall we go on?"
    if not card.get("verdict"):
        return f"{name} has no verdict. {reason or 'Nothing was judged'}. How shall we go on?"
    why = f"{name} did not pass: {reason or card.get('diagnosis', 'no diagnosis')}"
    return f"{clip(why, 240)}. Is the task too big, or the spec wrong? How shall we go on?"


def _said(decision: str, brief: Brief, card: Mapping[str, str], reason: str) -> str:
    name = brief.id or "The task"
    if decision == "continue":
        return (
            f"{name} passed. On to the next." if card.get("verdict") == "pass" else f"{name} stays as it is. We go on."
        )
    if decision == "retask":
        return f"{name} goes back, with the finding: {clip(card.get('diagnosis', '') or reason, 160)}"
    if decision == "split":
        return f"{name} becomes two smaller tasks."
    return f"{name} needs you: trying again would be guessing."


def _weighed(card: Mapping[str, str], misses: int) -> str:
    verdict = card.get("verdict") or "no verdict"
    before = f", after {misses} that did not pass" if misses else ""
    return f"{verdict}{before}; the Auditor recommends {card.get('rec_action', 'nothing')}."


def _drafts(sample: Sample, progress: str) -> list[dict[str, Any]]:
    """Return the tasks that are not done; with all done, one that runs the last one's tests again."""
    done = [line for line in progress.splitlines() if re.search(r"\bdone\b", line)]
    left = [task for task in sample.tasks if not any(task.title in line for line in done)]
    return [_draft(task) for task in left] or [_draft(sample.tasks[-1], CHECK, _NOTHING_LEFT)]


def _draft(task: SampleTask, prefix: str = "", instructions: str = "") -> dict[str, Any]:
    return {
        "title": f"{prefix}{task.title}",
        "instructions": instructions or task.instructions,
        "test_command": task.test_command,
        "criteria": list(task.criteria),
        "scope": list(task.scope),
        "milestone": task.milestone,
    }


def _mending(sample: Sample, kick_back: str) -> dict[str, Any]:
    card = fields(kick_back)
    diagnosis, pointer = card.get("diagnosis") or clip(kick_back, 160), card.get("pointer", "")
    owner = next((task for task in sample.tasks for path in task.scope if path in pointer), None)
    if owner:
        return _draft(owner, MEND, f"The Exit Manager found: {diagnosis} ({pointer}). Mend it.")
    last = sample.tasks[-1]
    return _draft(last) | {
        "title": clip(f"Look into: {diagnosis}", 90),
        "instructions": f"The Exit Manager found: {diagnosis} ({pointer or 'no pointer'}).",
        "test_command": " ".join([last.test_command, *(task.test for task in sample.tasks[:-1])]),
        "criteria": [],
        "scope": [],
    }


def _halves(brief: Brief) -> list[dict[str, Any]]:
    found = find_task(brief.title, brief.test_command)
    if found:
        _, task = found
        check = f"Run the tests of “{task.title}” again and change nothing."
        return [_draft(task, MEND), _draft(task, CHECK, check)]
    common: dict[str, Any] = {"test_command": brief.test_command, "criteria": [], "scope": [], "milestone": ""}
    title = clip(brief.title, 70) or "The task"
    return [
        common | {"title": f"{title}: the test", "instructions": f"Write only the test for: {title}"},
        common | {"title": f"{title}: the code", "instructions": f"Make that test pass: {title}"},
    ]


def _by_note(tasks: list[dict[str, Any]], note: str) -> tuple[list[dict[str, Any]], bool, bool]:
    """Return the tasks that a note leaves, whether milestones become minor, and whether the note was understood."""
    minor = note.lower().startswith("minor")
    found = re.match(r"drop:?\s+(.+)$", note, re.I)
    if not found:
        return tasks, minor, minor
    wanted = found[1].lower()
    left = [
        task for n, task in enumerate(tasks, start=1)
        if f"t-{n:02d}" not in wanted and task["title"].lower() not in wanted
    ]  # fmt: skip
    return (left, False, True) if left and len(left) < len(tasks) else (tasks, False, False)
