"""Scenes that come more than once: a task is taken, proved, audited, decided on."""

from recorded.story import Story

from sessions.contract import Decide, SubmitVerdict
from sessions.events import (
    DecisionMade,
    EvidenceTaken,
    TaskStarted,
    TestCounts,
    VerdictSubmitted,
)
from sessions.handoffs import PayloadClass
from sessions.prompts import PartCount

TASKS = (
    ("T-01", "Read CSV rows", "M1"),
    ("T-02", "Align columns", "M1"),
    ("T-03", "Command line", "M2"),
    ("T-04", "Errors and exit codes", "M2"),
)


def take_task(story: Story, task: str, attempt: int, node: str = "next_task", handoff: str = "") -> str:
    story.enter(node, handoff)
    story.log(TaskStarted(task=task, attempt=attempt, base="a1b2c3d", spec_revision=1), after=0.2)
    story.leave("task", "build")
    title = next(title for name, title, _ in TASKS if name == task)
    parts = (
        PartCount(name="task", title=f"task card {task}", tokens=380),
        PartCount(name="spec", title="resolved spec view r1", tokens=240),
    )
    return story.propose(
        node, "build", "task", title, f"{title} as the spec says.", task=task, attempt=attempt, parts=parts
    )


def evidence(
    story: Story,
    task: str,
    attempt: int,
    *,
    exit_code: int,
    passed: int,
    failed: int,
    files: tuple[str, ...],
    added: int,
    first_failure: str = "",
) -> None:
    story.enter("take_evidence")
    story.artefacts[f"tests-{task}-{attempt}"] = (
        b"============ test session starts ============\n" + first_failure.encode()
    )
    story.artefacts[f"diff-{task}-{attempt}"] = (
        b"--- a/tidytable/align.py\n+++ b/tidytable/align.py\n@@ -0,0 +1,47 @@\n+def align():\n"
    )
    story.log(
        EvidenceTaken(
            task=task,
            attempt=attempt,
            command="python -m pytest -q",
            exit_code=exit_code,
            passed=exit_code == 0,
            counts=TestCounts(passed=passed, failed=failed),
            first_failure=first_failure,
            seconds=1.4,
            output=f"tests-{task}-{attempt}",
            output_tokens=620,
            diff=f"diff-{task}-{attempt}",
            diff_tokens=1450,
            files=files,
            added=added,
            removed=0,
            commit="d4e5f6a",
        ),
        after=1.4,
    )
    story.leave("passed" if exit_code == 0 else "failed", "audit")


def audit(story: Story, task: str, attempt: int, verdict: SubmitVerdict) -> str:
    parts = (
        PartCount(name="report", title="worker report", tokens=160),
        PartCount(name="diff", title="diff 2 files", tokens=1450, artefact=f"diff-{task}-{attempt}"),
        PartCount(name="tests", title="test output", tokens=620, artefact=f"tests-{task}-{attempt}"),
        PartCount(name="transcript", title="full transcript", tokens=4800, included=False),
    )
    handoff = story.propose(
        "take_evidence",
        "audit",
        "report",
        "report, diff and test output",
        "reader and nine tests",
        task=task,
        attempt=attempt,
        parts=parts,
    )
    story.enter("audit", handoff)
    turn = story.turn("auditor", "auditor", 4900, task=task, attempt=attempt, handoff=handoff)
    story.say("auditor", turn, "The report claims more than the log shows; the log decides.\n", "reasoning")
    story.say("auditor", turn, "I read the whole diff and the test output against S-02 and S-03.\n")
    story.call(turn, "submit_verdict", verdict.verdict)
    story.log(
        VerdictSubmitted(task=task, attempt=attempt, verdict=verdict, notes="notes-1", spec_revision=1, turn=turn)
    )
    story.end(turn, 4900, 310, 5.1, said="I read the whole diff.")
    story.leave("submit_verdict", "decide", f"verdict = {verdict.verdict}")
    kind: PayloadClass = "verdict_pass" if verdict.verdict == "pass" else "verdict_other"
    fields = ("verdict", "diagnosis", "rec_action", "pointer")
    text = "\n".join(f"{name}: {getattr(verdict, name)}" for name in fields)
    card = (PartCount(name="verdict", title="verdict card", tokens=90),)
    return story.propose(
        "audit",
        "decide",
        kind,
        f"{verdict.verdict} on {task}",
        text,
        task=task,
        attempt=attempt,
        parts=card,
        redirects=("write_spec", "begin_attempt"),
    )


def decide(story: Story, task: str, attempt: int, decision: Decide, *, kept: int, handoff: str = "") -> None:
    story.enter("decide", handoff)
    turn = story.turn("manager", "manager", 900, task=task, attempt=attempt, handoff=handoff, kept=kept)
    story.say("manager", turn, f"The verdict on {task} is clear.\n")
    story.call(turn, "decide", decision.decision)
    story.log(DecisionMade(task=task, attempt=attempt, decision=decision, by="Manager", turn=turn))
    story.end(turn, 900, 120, 2.4, said="The verdict is clear.")
    to = {"continue": "next_task", "retask": "begin_attempt", "halt": "ask"}[decision.decision]
    story.leave(decision.decision, to, f"outcome = {decision.decision}")
