"""A session as the host runs it: the stage on which the runner works."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sessions.agents.protocol import Agent, HaltProof
from sessions.errors import QuarterdeckError
from sessions.events import (
    Event,
    KickedBack,
    NodeEntered,
    QuestionAnswered,
    QuestionAsked,
    Record,
)
from sessions.handoffs import Payload
from sessions.host.acts import ACTS, ActContext
from sessions.host.exits import judge_exit
from sessions.host.finish import SessionOutcome, end_session
from sessions.host.journal import Journal
from sessions.host.payloads import make_payload
from sessions.host.turns import Turns, finished_turn
from sessions.processes.leftovers import ProcessMark, find_leftovers
from sessions.project.clone import SessionClone
from sessions.project.inspection import Repository
from sessions.state import SessionState, TurnState, WindowState, fold
from sessions.store.errors import LogClosed, LogWriteFailed
from sessions.transitions.door import Door
from sessions.workflow.graph import Edge, Node, Workflow
from sessions.workflow.runner import NodeInterrupted, NodeResult, Runner

TEST_SECONDS = 600.0
"""How long a task's test command may run."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a session works in: the person's repository, the session's clone, and the environments of programs."""

    repository: Repository
    clone: SessionClone
    test_environment: Mapping[str, str]
    agent_environment: Mapping[str, str]
    report_file: Callable[[str, str], str]
    unattended: bool


@dataclass(frozen=True, slots=True)
class _Doing:
    """The work under way: `since` is the log's length when it began, `marks` are of the programs the host started."""

    node: Node
    task: "asyncio.Task[NodeResult]"
    since: int
    marks: list[ProcessMark]


class LiveSession:
    """Runs one session: implements the runner's `Stage` on a journal, a clone and agents."""

    def __init__(
        self,
        journal: Journal,
        workflow: Workflow,
        agents: Mapping[str, Agent],
        around: Surroundings,
        show: Callable[[str, str, str, str], None],
    ) -> None:
        """Take what the session is made of; `run` does the rest.

        Args:
            agents: The agent of each window.
            show: Shows a piece of output: window, turn, kind, text.
        """
        self.journal = journal
        self.workflow = workflow
        self.around = around
        self._show = show
        self.door = Door(lambda: journal.state, journal.append_if, journal.keep)
        self.turns = Turns(
            journal, self.door, agents, clone=around.clone, show=show, environment=around.agent_environment
        )
        self._runner = Runner(self, workflow)
        self._doing: _Doing | None = None

    @property
    def state(self) -> SessionState:
        """The state as it stands."""
        return self.journal.state

    @property
    def unattended(self) -> bool:
        """True when nobody watches."""
        return self.around.unattended

    async def run(self) -> None:
        """Run the workflow until the session is over."""
        await self._runner.run()

    async def append_if(self, allowed: Callable[[SessionState], bool], events: tuple[Event, ...]) -> bool:
        """Append events if the state allows it."""
        return await self.journal.append_if(allowed, events)

    async def changed(self, seq: int) -> None:
        """Return once the log has grown past `seq`."""
        await self.journal.changed(seq)

    async def break_off(self, window: str = "", *, before: int | None = None) -> HaltProof | None:
        """Break off what the host itself does (a test run, say), and return what was seen of its end.

        A turn under way is not touched: it is halted through its agent.

        Args:
            window: Only what is done on behalf of this window; empty for anything.
            before: Only what was begun when the log was shorter than this.

        Returns:
            None when nothing of that kind was under way.
        """
        doing = self._doing
        if doing is None or doing.node.kind == "human" or self.turns.running():
            return None
        seen = self._window(doing.node)
        if window and (seen is None or seen.seat.window != window):
            return None
        if before is not None and doing.since >= before:
            return None
        clock = asyncio.get_running_loop().time
        begun = clock()
        doing.task.cancel()
        await asyncio.wait({doing.task})
        left = await asyncio.to_thread(find_leftovers, doing.marks)
        gone = "process tree gone" if doing.marks else "the step was broken off"
        observed = f"{len(left)} processes left" if left else gone
        return HaltProof(not left, "SIGTERM" if doing.marks else "cancel", observed, clock() - begun)

    async def work(self, name: str, node: Node) -> NodeResult:
        """Do a node's work; see `Stage.work`."""
        marks: list[ProcessMark] = []
        task = asyncio.create_task(self._do(name, node, marks))
        self._doing = _Doing(node, task, self.state.seq, marks)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            me = asyncio.current_task()
            if task.cancelled() and not (me is not None and me.cancelling()):
                raise NodeInterrupted from None
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            raise
        finally:
            self._doing = None

    async def _do(self, name: str, node: Node, marks: list[ProcessMark]) -> NodeResult:
        try:
            match node.kind:
                case "agent":
                    return await self._turn(name, node)
                case "host":
                    return await self._act(node, marks)
                case _:
                    return await self._ask(name, node)
        except (LogClosed, LogWriteFailed):
            raise
        except QuarterdeckError as error:
            # A clone that is gone, a disk that is full: the person may mend it, and the session waits for them.
            where = f" at {error.where}" if error.where else ""
            advice = f". {error.next}" if error.next else ""
            window = self._window(node)
            text = f"`{name}` could not be done: {error.what}{where}{advice}"
            return await self._trouble(window.seat.window if window else "", text)

    async def _act(self, node: Node, marks: list[ProcessMark]) -> NodeResult:
        window = self._window(node)
        if window is not None and window.halted:
            raise NodeInterrupted
        context = ActContext(
            self.journal,
            self.around.clone,
            self.around.test_environment,
            lambda text: self._show(window.seat.window if window else "", "host", "output", text),
            marks.append,
            TEST_SECONDS,
        )
        return await ACTS[node.act](context)

    def _window(self, node: Node) -> WindowState | None:
        return self.state.window_of_role(node.role)

    async def _turn(self, name: str, node: Node) -> NodeResult:
        window = self._window(node)
        if window is None:
            text = f"No window has the role `{node.role}`, which `{name}` needs. Add it to the fleet file."
            return await self._trouble("", text)
        if window.halted:
            raise NodeInterrupted
        turn = finished_turn(window, name, self.state.position.visit)
        if turn is None:
            turn = await self.turns.run(window, name, node, minutes=self.workflow.limits.turn_minutes)
        ended, accepted = turn.ended, turn.accepted
        if accepted is None:
            if ended is None or ended.ending == "interrupted":
                raise NodeInterrupted
            text = f"{window.seat.title} ended its turn without a valid {' or '.join(node.tools)}: {ended.detail}"
            return await self._trouble(window.seat.window, text)
        if node.edits == "budget":
            return await judge_exit(self.journal, self.around.clone, turn, accepted, self.workflow.limits)
        return NodeResult(accepted.outcome, detail=accepted.tool, context=self._words(turn))

    def _words(self, turn: TurnState) -> dict[str, str]:
        """Return what edges may test beside the outcome: the fields of a verdict, when the turn submitted one."""
        task = self.state.tasks.get(turn.started.task)
        if task is None or not task.verdicts or task.verdicts[-1].turn != turn.started.turn:
            return {}
        submitted = task.verdicts[-1]
        verdict = submitted.verdict
        passed = verdict.verdict if not submitted.conflict else "conflict"
        return {"verdict": passed, "rec_action": verdict.rec_action}

    async def _trouble(self, window: str, text: str) -> NodeResult:
        """Ask the person what to do after a failed turn; trying again is the default, nothing is force-passed."""
        asked = QuestionAsked(
            question=self._question_id(),
            window=window,
            source="turn",
            text=text,
            options=("try again", "end the session"),
            task=self.state.task,
        )
        await self.journal.append(asked)
        raise NodeInterrupted

    def _question_id(self) -> str:
        return f"Q-{len(self.state.questions) + len(self.state.past_questions) + 1:02d}"

    async def _ask(self, name: str, node: Node) -> NodeResult:
        """Put the Manager's structural question to the person and wait for the answer."""
        window = self._window(node)
        decision = self.state.last_decision.decision if self.state.last_decision else None
        asked = self._asked_here(name)
        if asked is None:
            asked = QuestionAsked(
                question=self._question_id(),
                window=window.seat.window if window else "",
                source="decision",
                text=decision.question if decision else node.label,
                options=decision.options if decision else (),
                task=self.state.task,
            )
            await self.journal.append(asked)
        await self.journal.wait_for(lambda state: asked.question not in state.questions)
        answer = next(
            (one.answered for one in reversed(self.state.past_questions) if one.asked.question == asked.question), None
        )
        return NodeResult("answered", detail=answer.text if isinstance(answer, QuestionAnswered) else "")

    def _asked_here(self, name: str) -> QuestionAsked | None:
        """Return the question this visit already asked, so that a restarted host does not ask it twice."""
        visit = self.state.position.visit
        since = next(
            (
                record.seq
                for record in reversed(self.journal.records)
                if isinstance(record.event, NodeEntered) and (record.event.node, record.event.visit) == (name, visit)
            ),
            0,
        )
        return next(
            (
                record.event
                for record in reversed(self.journal.records)
                if record.seq > since and isinstance(record.event, QuestionAsked) and record.event.source == "decision"
            ),
            None,
        )

    def payload(self, edge: Edge, result: NodeResult) -> Payload:
        """Return what crosses an edge, as the state will be once `result.events` are appended."""
        state = self.state
        for n, event in enumerate(result.events, start=1):
            state = fold(state, Record(state.seq + n, time.time(), event))
        kicked = next((event for event in result.events if isinstance(event, KickedBack)), None)
        return make_payload(edge.handoff or "other", state, detail=result.detail, kicked=kicked)

    async def finish(self, name: str, node: Node) -> None:
        """End the session at an exit node."""
        await self.end("passed" if node.outcome == "passed" else "failed")

    async def end(self, outcome: SessionOutcome, *before: Event, summary: str = "") -> None:
        """End the session with its report, and `before` in the same transaction as the end."""
        around = self.around
        await end_session(
            self.journal, around.clone, around.repository, around.report_file, outcome, before=before, summary=summary
        )
