"""A whole session as a log, written by hand: idea, spec, plan, three tasks, a retask, a question, the exit.

`tell()` returns it as updates a screen receives, with the moments worth a picture by name. Times are seconds from 14:00 UTC.
"""

from dataclasses import dataclass, field

from sessions.client.updates import Delta, PaneSnapshot, Records, Update
from sessions.contract import Decide, PassMilestone, PassSession, SubmitVerdict
from sessions.events import (
    DecisionMade,
    Event,
    EvidenceTaken,
    GateModeChanged,
    HaltOrdered,
    HaltProven,
    HandoffApproved,
    HandoffProposed,
    HostStarted,
    MilestonePassed,
    NodeEntered,
    NodeLeft,
    PlanMade,
    ProcessIntended,
    ProcessStarted,
    QuestionAnswered,
    QuestionAsked,
    Record,
    Seat,
    SessionEnded,
    SessionPassed,
    SessionStarted,
    SpecAppended,
    StatusSeen,
    SurgicalEditMade,
    TaskStarted,
    TestCounts,
    ToolUsed,
    TransitionCalled,
    TurnEnded,
    TurnStarted,
    VerdictSubmitted,
    WindowResumed,
    WorkReported,
)
from sessions.handoffs import GateMode, Payload, PayloadClass, flows, why_held
from sessions.plan import Milestone, Plan, Task
from sessions.prompts import PartCount
from sessions.spec import Clause, SpecEntry
from sessions.workflow.reader import load_workflow

START = 1_790_000_000.0 - 1_790_000_000.0 % 86_400 + 14 * 3600
"""14:00 UTC of some day."""

_SEATS = (
    ("planner", "planner", "Planner", "rehearsal-planner", 200_000),
    ("manager", "manager", "Manager", "rehearsal-manager", 200_000),
    ("worker", "worker", "Worker", "rehearsal-agent", 131_000),
    ("auditor", "auditor", "Auditor", "rehearsal-auditor", 131_000),
    ("exit", "exit_manager", "Exit Manager", "rehearsal-exit", 1_000_000),
)

_CLAUSES = (
    "`tidytable FILE` prints a CSV file as an aligned table; `-` reads standard input.",
    "Columns are as wide as their widest cell; numbers align right, everything else left.",
    "Quoted fields may hold commas, quotes and line breaks; CRLF and LF line ends are both read.",
    "A file without a final newline loses no row.",
    "A missing file ends with exit code 2 and one line on standard error.",
)

_TASKS = (
    ("T-01", "Read CSV rows", "M1"),
    ("T-02", "Align columns", "M1"),
    ("T-03", "Command line", "M2"),
    ("T-04", "Errors and exit codes", "M2"),
)


@dataclass
class Story:
    """Updates in order, and where each named moment ends. `cli` makes the worker's window a terminal."""

    rehearsal: bool = True
    cli: bool = False
    gate: GateMode = "assisted"
    now: float = START
    updates: list[Update] = field(default_factory=list)
    moments: dict[str, int] = field(default_factory=dict)
    artefacts: dict[str, bytes] = field(default_factory=dict)
    _seq: int = 0
    _ids: int = 0
    _node: str = ""
    _visits: dict[str, int] = field(default_factory=dict)

    def log(self, *events: Event, after: float = 0.0) -> None:
        self.now += after
        records = []
        for event in events:
            self._seq += 1
            records.append(Record(self._seq, self.now, event))
        self.updates.append(Records(tuple(records), caught_up=True))

    def say(self, window: str, turn: str, text: str, kind: str = "text", after: float = 0.4) -> None:
        self.now += after
        self.updates.append(Delta(window, turn, kind, text))

    def mark(self, moment: str) -> None:
        self.moments[moment] = len(self.updates)

    def until(self, moment: str) -> "Story":
        """Return the story up to a moment, with `now` at the last thing that happened in it."""
        kept = self.updates[: self.moments[moment]]
        last = max(one.records[-1].at for one in kept if isinstance(one, Records))
        return Story(
            rehearsal=self.rehearsal,
            cli=self.cli,
            now=last + 4,
            updates=kept,
            artefacts=self.artefacts,
            moments=self.moments,
        )

    def records(self) -> list[Record]:
        return [record for one in self.updates if isinstance(one, Records) for record in one.records]

    # Scenes.

    def open(self) -> None:
        seats = tuple(
            Seat(
                window=window, number=n, role=role, title=title,
                agent="cli" if self.cli and role == "worker" else "model",
                model=model, via="pty" if self.cli and role == "worker" else "api",
                context_window=size, rehearsal=self.rehearsal,
            )
            for n, (window, role, title, model, size) in enumerate(_SEATS, start=1)
        )  # fmt: skip
        _, text = load_workflow("build-loop")
        self.log(
            SessionStarted(
                session="s-0001", project="tidytable", repository="/home/person/src/tidytable",
                idea="a small command that prints a CSV file as an aligned table", workflow_name="build-loop",
                workflow=text, base="4b825dc", branch="quarterdeck/s-0001", seats=seats, rehearsal=self.rehearsal, screen=True,
            ),
            HostStarted(epoch=1, pid=4242),
            GateModeChanged(mode=self.gate, passes=0 if self.gate == "manual" else 40, by="you"),
        )  # fmt: skip

    def enter(self, node: str, handoff: str = "", note: str = "") -> None:
        self._node = node
        self._visits[node] = self._visits.get(node, 0) + 1
        self.log(NodeEntered(node=node, visit=self._visits[node], handoff=handoff, note=note))

    def leave(self, outcome: str, to: str, rule: str = "otherwise") -> None:
        self.log(NodeLeft(node=self._node, visit=self._visits[self._node], outcome=outcome, to=to, rule=rule))

    def turn(
        self, window: str, role: str, tokens: int, *, task: str = "", attempt: int = 0, handoff: str = "", kept: int = 0
    ) -> str:
        self._ids += 1
        turn = f"turn-{self._ids}"
        parts = [PartCount(name="spec", title="resolved spec view r1", tokens=tokens // 3)]
        parts.append(PartCount(name="task", title=f"task card {task}", tokens=tokens - tokens // 3))
        if kept:
            parts.append(PartCount(name="report", title="worker report, diff, tests", tokens=kept, included=False))
        self.log(
            TurnStarted(
                turn=turn, window=window, role=role, node=self._node, task=task, attempt=attempt, handoff=handoff,
                prompt=f"prompt-{turn}", parts=tuple(parts), tokens=tokens, spec_revision=1,
            ),
            after=1,
        )  # fmt: skip
        return turn

    def call(self, turn: str, tool: str, outcome: str, reply: str = "accepted") -> None:
        event = TransitionCalled(
            turn=turn, tool=tool, key=f"{turn}-{tool}", arguments="{}", accepted=True, outcome=outcome, reply=reply
        )
        self.log(event, after=0.3)

    def end(self, turn: str, tokens_in: int, tokens_out: int, seconds: float, said: str = "") -> None:
        if said:
            self.artefacts[f"said-{turn}"] = said.encode()
        self.log(
            TurnEnded(
                turn=turn, ending="transition", input_tokens=tokens_in, output_tokens=tokens_out, cost=0.0, estimated=True,
                seconds=seconds, transcript=f"said-{turn}" if said else "", transcript_tokens=tokens_out,
            ),
            after=0.2,
        )  # fmt: skip

    def propose(self, sender: str, receiver: str, kind: PayloadClass, title: str, text: str, *, task: str = "", attempt: int = 0,
                parts: tuple[PartCount, ...] = (), redirects: tuple[str, ...] = ()) -> str:  # fmt: skip
        self._ids += 1
        handoff = f"handoff-{self._ids}"
        held = "" if flows(self.gate, kind) else why_held(self.gate, kind)
        self.log(
            HandoffProposed(
                handoff=handoff, sender=sender, receiver=receiver, redirects=redirects, held=held,
                payload=Payload(kind=kind, title=title, text=text, task=task, attempt=attempt, parts=parts),
            ),
            after=0.2,
        )  # fmt: skip
        if not held:
            self.log(HandoffApproved(handoff=handoff, by=f"gate {self.gate}"), after=0.1)
        return handoff

    def approve(self, handoff: str, after: float = 6, note: str = "") -> None:
        self.log(HandoffApproved(handoff=handoff, by="you", note=note), after=after)


def tell(*, cli: bool = False, gate: GateMode = "assisted") -> Story:
    """Return the whole story, from the idea to the end."""
    story = Story(cli=cli, gate=gate)
    story.open()
    story.mark("opened")
    handoff = _take_task(story, "T-01", 1, handoff=_spec_and_plan(story))
    _build_first(story, handoff)
    verdict = _audit(story, "T-01", 1, SubmitVerdict(
        verdict="pass", diagnosis="LF, CRLF and quoted line breaks all read; 9 of 9 tests pass", rec_action="continue",
        pointer="tidytable/reader.py / read_rows / test_crlf", notes="read the diff and the log",
    ))  # fmt: skip
    _decide(story, "T-01", 1, Decide(decision="continue", note="the reader stands"), kept=4800, handoff=verdict)
    handoff = _take_task(story, "T-02", 1)
    _build_second(story, handoff)
    story.mark("evidence")
    verdict = _audit(story, "T-02", 1, SubmitVerdict(
        verdict="partial", diagnosis="text columns align, but a column of numbers with a sign is set left", rec_action="retask",
        pointer="tidytable/align.py / is_number / test_negative_numbers_align_right", notes="one branch is missing",
    ))  # fmt: skip
    story.mark("verdict held")
    story.approve(verdict, after=44)
    story.mark("verdict approved")
    _decide(
        story,
        "T-02",
        1,
        Decide(decision="retask", note="treat a leading sign as part of the number"),
        kept=6100,
        handoff=verdict,
    )
    handoff = _retask(story)
    _halt(story)
    _question(story, _rebuild_second(story, handoff))
    _close(story)
    return story


def _spec_and_plan(story: Story) -> str:
    story.enter("write_spec")
    turn = story.turn("planner", "planner", 1900)
    story.say("planner", turn, "The idea is small, so the spec should be too.\n", "reasoning")
    story.say("planner", turn, "I read the repository: one commit, no code yet. Five clauses are enough, each of them ")
    story.say("planner", turn, "testable from the command line.\n\nWhat stays open: colours. Nobody asked for them.\n")
    story.mark("streaming")
    story.call(turn, "append_spec", "append_spec")
    entry = SpecEntry(
        revision=1, author="Planner", reason="the idea, made testable",
        clauses=tuple(Clause(id=f"S-{n:02d}", text=text) for n, text in enumerate(_CLAUSES, start=1)),
    )  # fmt: skip
    story.log(SpecAppended(entry=entry, turn=turn))
    story.end(turn, 1900, 420, 6.5, said="The idea is small, so the spec should be too.")
    story.leave("append_spec", "plan")
    parts = (PartCount(name="spec", title="spec entry r1, 5 clauses", tokens=240),)
    handoff = story.propose(
        "write_spec", "plan", "spec", "5 clauses for tidytable", "\n".join(f"S-{n:02d}  {text}" for n, text in enumerate(_CLAUSES, 1)),
        parts=parts,
    )  # fmt: skip
    story.mark("spec held")
    story.approve(handoff)
    story.enter("plan", handoff)
    turn = story.turn("manager", "manager", 2300, handoff=handoff)
    story.say(
        "manager", turn, "Two milestones: the library first, then the command. Four tasks, each with its own tests.\n"
    )
    story.call(turn, "plan_tasks", "plan_tasks")
    plan = Plan(
        number=1, summary="reader, aligner, then the command around them",
        milestones=(
            Milestone(id="M1", title="the library works", kind="minor"), Milestone(id="M2", title="the command works", kind="major"),
        ),
        tasks=tuple(
            Task(id=task, title=title, instructions=f"{title} as the spec says.", test_command="python -m pytest -q", milestone=where)
            for task, title, where in _TASKS
        ),
    )  # fmt: skip
    story.log(PlanMade(plan=plan, spec_revision=1, turn=turn))
    story.end(turn, 2300, 510, 7.2, said="Two milestones.")
    story.leave("plan_tasks", "next_task")
    handoff = story.propose("plan", "next_task", "plan", "2 milestones, 4 tasks", plan.summary)
    story.mark("plan held")
    story.approve(handoff, after=9)
    return handoff


def _take_task(story: Story, task: str, attempt: int, node: str = "next_task", handoff: str = "") -> str:
    story.enter(node, handoff)
    story.log(TaskStarted(task=task, attempt=attempt, base="a1b2c3d", spec_revision=1), after=0.2)
    story.leave("task", "build")
    title = next(title for name, title, _ in _TASKS if name == task)
    parts = (
        PartCount(name="task", title=f"task card {task}", tokens=380), PartCount(name="spec", title="resolved spec view r1", tokens=240),
    )  # fmt: skip
    return story.propose(
        node, "build", "task", title, f"{title} as the spec says.", task=task, attempt=attempt, parts=parts
    )


def _build_first(story: Story, handoff: str) -> None:
    story.enter("build", handoff)
    turn = story.turn("worker", "worker", 3100, task="T-01", attempt=1, handoff=handoff)
    if story.cli:
        story.log(
            ProcessIntended(process="p-1", window="worker", marker="m-1", argv=("rehearsal-agent",)),
            ProcessStarted(process="p-1", pid=777, started=story.now),
        )
        story.updates.append(
            PaneSnapshot(
                "worker", 100, 24, b"\x1b[2J\x1b[H\x1b[1m rehearsal agent\x1b[0m\r\n\r\n writing reader.py\r\n"
            )
        )
    story.say("worker", turn, "I write the reader on top of the csv module and its tests beside it.\n")
    story.log(
        ToolUsed(turn=turn, tool="write_file", summary="tidytable/reader.py  34 lines", ok=True, seconds=0.1), after=2
    )
    story.log(
        ToolUsed(turn=turn, tool="write_file", summary="tests/test_reader.py  51 lines", ok=True, seconds=0.1), after=2
    )
    story.say("worker", turn, "python -m pytest -q tests/test_reader.py\n", "tool")
    story.say(
        "worker",
        turn,
        ".........                                                  [100%]\n9 passed in 0.11s\n",
        "output",
    )
    story.log(
        ToolUsed(turn=turn, tool="run", summary="python -m pytest -q tests/test_reader.py", ok=True, seconds=0.8),
        after=1,
    )
    story.call(turn, "report_done", "report_done")
    story.log(WorkReported(task="T-01", attempt=1, summary="reader and nine tests", artefact="report-1", turn=turn))
    story.end(turn, 3100, 1240, 18.0, said="I write the reader on top of the csv module.")
    story.leave("report_done", "take_evidence")
    _evidence(
        story,
        "T-01",
        1,
        exit_code=0,
        passed=9,
        failed=0,
        files=("tidytable/reader.py", "tests/test_reader.py"),
        added=85,
    )


def _build_second(story: Story, handoff: str) -> None:
    story.enter("build", handoff)
    turn = story.turn("worker", "worker", 3600, task="T-02", attempt=1, handoff=handoff)
    story.say("worker", turn, "Widths first, then the side each column is set to.\n")
    story.log(
        ToolUsed(turn=turn, tool="write_file", summary="tidytable/align.py  47 lines", ok=True, seconds=0.1), after=2
    )
    story.say("worker", turn, "python -m pytest -q tests/test_align.py\n", "tool")
    story.log(StatusSeen(window="worker", activity="tool", source="tool", detail="run"), after=0.5)
    story.mark("tool running")
    story.log(
        ToolUsed(turn=turn, tool="run", summary="python -m pytest -q tests/test_align.py", ok=False, seconds=0.9),
        after=1,
    )
    story.call(turn, "report_done", "report_done")
    story.log(WorkReported(task="T-02", attempt=1, summary="aligns; one test is flaky", artefact="report-2", turn=turn))
    story.end(turn, 3600, 980, 15.0, said="Widths first.")
    story.leave("report_done", "take_evidence")
    _evidence(
        story, "T-02", 1, exit_code=1, passed=13, failed=1, files=("tidytable/align.py", "tests/test_align.py"), added=96,
        first_failure="FAILED tests/test_align.py::test_negative_numbers_align_right - AssertionError: '-4 ' != ' -4'",
    )  # fmt: skip


def _evidence(story: Story, task: str, attempt: int, *, exit_code: int, passed: int, failed: int, files: tuple[str, ...], added: int,
              first_failure: str = "") -> None:  # fmt: skip
    story.enter("take_evidence")
    story.artefacts[f"tests-{task}-{attempt}"] = (
        b"============ test session starts ============\n" + first_failure.encode()
    )
    story.artefacts[f"diff-{task}-{attempt}"] = (
        b"--- a/tidytable/align.py\n+++ b/tidytable/align.py\n@@ -0,0 +1,47 @@\n+def align():\n"
    )
    story.log(
        EvidenceTaken(
            task=task, attempt=attempt, command="python -m pytest -q", exit_code=exit_code, passed=exit_code == 0,
            counts=TestCounts(passed=passed, failed=failed), first_failure=first_failure, seconds=1.4,
            output=f"tests-{task}-{attempt}", output_tokens=620, diff=f"diff-{task}-{attempt}", diff_tokens=1450,
            files=files, added=added, removed=0, commit="d4e5f6a",
        ),
        after=1.4,
    )  # fmt: skip
    story.leave("passed" if exit_code == 0 else "failed", "audit")


def _audit(story: Story, task: str, attempt: int, verdict: SubmitVerdict) -> str:
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
    text = f"verdict: {verdict.verdict}\ndiagnosis: {verdict.diagnosis}\nrec_action: {verdict.rec_action}\npointer: {verdict.pointer}"
    card = (PartCount(name="verdict", title="verdict card", tokens=90),)
    return story.propose(
        "audit", "decide", kind, f"{verdict.verdict} on {task}", text, task=task, attempt=attempt, parts=card,
        redirects=("write_spec", "begin_attempt"),
    )  # fmt: skip


def _decide(story: Story, task: str, attempt: int, decision: Decide, *, kept: int, handoff: str = "") -> None:
    story.enter("decide", handoff)
    turn = story.turn("manager", "manager", 900, task=task, attempt=attempt, handoff=handoff, kept=kept)
    story.say("manager", turn, f"The verdict on {task} is clear.\n")
    story.call(turn, "decide", decision.decision)
    story.log(DecisionMade(task=task, attempt=attempt, decision=decision, by="Manager", turn=turn))
    story.end(turn, 900, 120, 2.4, said="The verdict is clear.")
    to = {"continue": "next_task", "retask": "begin_attempt", "halt": "ask"}[decision.decision]
    story.leave(decision.decision, to, f"outcome = {decision.decision}")


def _retask(story: Story) -> str:
    return _take_task(story, "T-02", 2, node="begin_attempt")


def _halt(story: Story) -> None:
    story.mark("before halt")
    story.log(HaltOrdered(window="worker"), after=3)
    story.mark("halting")
    story.log(
        HaltProven(window="worker", stopped=True, step="interrupt", observed="the stream closed", seconds=0.2),
        after=0.2,
    )
    story.mark("halted")
    story.log(WindowResumed(window="worker"), after=20)


def _rebuild_second(story: Story, handoff: str) -> str:
    story.enter("build", handoff)
    turn = story.turn("worker", "worker", 3900, task="T-02", attempt=2, handoff=handoff)
    story.say("worker", turn, "The sign belongs to the number; one condition changes.\n")
    story.log(ToolUsed(turn=turn, tool="edit_file", summary="tidytable/align.py  +3 -1", ok=True, seconds=0.1), after=2)
    story.call(turn, "report_done", "report_done")
    story.log(WorkReported(task="T-02", attempt=2, summary="sign counted in", artefact="report-3", turn=turn))
    story.end(turn, 3900, 410, 6.0, said="The sign belongs to the number.")
    story.leave("report_done", "take_evidence")
    _evidence(story, "T-02", 2, exit_code=0, passed=14, failed=0, files=("tidytable/align.py",), added=3)
    return _audit(story, "T-02", 2, SubmitVerdict(
        verdict="pass", diagnosis="signs align right; 14 of 14 tests pass", rec_action="continue",
        pointer="tidytable/align.py / is_number / test_negative_numbers_align_right",
    ))  # fmt: skip


def _question(story: Story, verdict: str) -> None:
    _decide(story, "T-02", 2, Decide(
        decision="halt", question="S-03 wants line breaks inside fields, S-02 wants one row a line. Which wins?",
        options=("show a mark for the break", "break the cell over two rows", "keep the break as it is"),
    ), kept=5200, handoff=verdict)  # fmt: skip
    story.enter("ask")
    story.log(
        QuestionAsked(
            question="question-1", window="manager", source="decision", task="T-02",
            text="S-03 wants line breaks inside fields, S-02 wants one row a line. Which wins?",
            options=("show a mark for the break", "break the cell over two rows", "keep the break as it is"),
        ),
        after=0.5,
    )  # fmt: skip
    story.mark("question")
    story.log(QuestionAnswered(question="question-1", choice=0, text="show a mark for the break"), after=25)
    story.leave("answered", "decide")
    _decide(story, "T-02", 2, Decide(decision="continue", note="a mark it is"), kept=300)
    story.log(MilestonePassed(milestone="M1"), after=0.2)


def _close(story: Story) -> None:
    for task in ("T-03", "T-04"):
        handoff = _take_task(story, task, 1)
        story.enter("build", handoff)
        turn = story.turn("worker", "worker", 3300, task=task, attempt=1, handoff=handoff)
        story.say("worker", turn, f"{task} is a thin layer over what stands.\n")
        story.call(turn, "report_done", "report_done")
        story.log(WorkReported(task=task, attempt=1, summary="done", artefact=f"report-{task}", turn=turn))
        story.end(turn, 3300, 600, 9.0, said="A thin layer.")
        story.leave("report_done", "take_evidence")
        _evidence(story, task, 1, exit_code=0, passed=18, failed=0, files=("tidytable/cli.py",), added=40)
        verdict = _audit(
            story,
            task,
            1,
            SubmitVerdict(verdict="pass", diagnosis="as the spec says", rec_action="continue", pointer="-"),
        )
        _decide(story, task, 1, Decide(decision="continue"), kept=4100, handoff=verdict)
    story.enter("check_session")
    turn = story.turn("exit", "exit_manager", 5200)
    story.say("exit", turn, "I install the program and run it on the sample.\n")
    story.log(ToolUsed(turn=turn, tool="run", summary="tidytable sample.csv", ok=True, seconds=0.2), after=1)
    story.log(
        SurgicalEditMade(
            commit="0a1b2c3", files=("tidytable/cli.py",), added=2, removed=1, diff="diff-exit", turn=turn
        ),
        after=2,
    )
    story.log(
        MilestonePassed(milestone="M2", report=PassMilestone(summary="the command prints the sample as the spec says"))
    )
    story.call(turn, "pass_session", "pass_session")
    story.log(
        SessionPassed(report=PassSession(summary="ran on three files", how_to_run="tidytable sample.csv"), turn=turn)
    )
    story.end(turn, 5200, 480, 8.8, said="I install the program and run it.")
    story.leave("pass_session", "passed")
    story.mark("passing")
    story.artefacts["report-end"] = (
        b"# tidytable\n\nBuilt: a command that prints a CSV file as an aligned table.\n\nRun it:\n\n    tidytable sample.csv\n"
    )
    story.log(
        SessionEnded(
            outcome="passed",
            summary="tidytable prints CSV files as aligned tables; 18 tests pass. Run it: tidytable sample.csv",
            report="report-end",
            ref="refs/quarterdeck/s-0001",
        ),
        after=1,
    )
    story.mark("ended")
