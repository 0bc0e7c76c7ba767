"""Running one turn of a role: build the prompt, open the door, let the agent work, record the end."""

import asyncio
import logging
import secrets
from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib import resources
from pathlib import Path

from sessions.agents.protocol import Agent, DeltaKind, HaltProof, TransitionReply, TurnOrder, TurnReport
from sessions.agents.unbroken import unbroken
from sessions.errors import QuarterdeckError, StoreError
from sessions.events import Event, TurnEnded, TurnStarted
from sessions.host.counting import count_tokens
from sessions.host.journal import Journal
from sessions.host.parts import PartContext, build_parts, count_kept_out
from sessions.host.running import Running
from sessions.models.protocol import Usage
from sessions.project.clone import SessionClone
from sessions.prompts import PartCount, Prompt
from sessions.state import SessionState, TurnState, WindowState
from sessions.transitions.door import Door
from sessions.workflow.graph import Node
from sessions.workflow.runner import NodeInterrupted, cancel_and_wait

_log = logging.getLogger(__name__)

Show = Callable[[str, str, str, str], None]
"""Shows a piece of a running turn: window, turn, kind, text."""


class Turns:
    """Runs turns, one a window."""

    def __init__(
        self,
        journal: Journal,
        door: Door,
        agents: Mapping[str, Agent],
        *,
        clone: SessionClone | None,
        show: Show,
        environment: Mapping[str, str],
    ) -> None:
        """Take the session's journal, its door and its agents by window.

        Args:
            show: Called with every piece of output, on the loop.
            environment: What every agent's environment holds beside its own, such as the way back to the host.
        """
        self._journal = journal
        self._door = door
        self._agents = agents
        self._clone = clone
        self._show = show
        self._environment = environment
        self._running: dict[str, Running] = {}

    def running(self) -> tuple[Running, ...]:
        """Return the turns under way."""
        return tuple(self._running.values())

    async def halt(self, window: str, *, turn: str = "", grace: float = 2.0) -> HaltProof:
        """Interrupt what runs in a window and return the proof.

        Args:
            turn: Only this turn; when it is over, whatever follows it in the window goes on.
        """
        running = self._running.get(window)
        if turn and (running is None or running.turn != turn):
            return HaltProof(True, "none", "it had just ended", 0.0)
        if running is not None:
            running.halted = True
        return await self._agents[window].halt(grace=grace)

    async def close(self) -> None:
        """End every agent, all of them even when one cannot be ended.

        Raises:
            QuarterdeckError: What the first of them met.
        """
        ended = await asyncio.gather(*(agent.close() for agent in self._agents.values()), return_exceptions=True)
        for problem in ended:
            if problem is not None:
                raise problem

    async def run(self, window: WindowState, name: str, node: Node, *, minutes: float = 0) -> TurnState:
        """Run a turn of `node` in `window` and return it, ended.

        Args:
            minutes: How long the agent may take before it is halted and the turn has failed; 0 for no limit.

        Raises:
            NodeInterrupted: If the person moved the session on, or halted the window, before the turn began.
        """
        position = self._journal.state.position
        prompt = await self._prompt(node)
        started = await self._intend(window, name, node, prompt)
        where = window.seat.window
        running = Running(started.turn, where, self._agents[where], self._journal.state.seq)
        clock = asyncio.get_running_loop().time
        begun = clock()

        def unmoved(now: SessionState) -> bool:
            return now.position == position and not now.windows[where].halted

        # Known before it is logged, so that whoever moves the session on finds every turn there is to be stopped.
        self._running[where] = running
        logged = asyncio.ensure_future(self._journal.append_if(unmoved, (started,)))
        over = asyncio.Event()
        token = self._door.admit(started, node.tools, over)
        report = TurnReport("interrupted", "the host ended", Usage(0, 0, estimated=True), "")
        try:
            if not await asyncio.shield(logged):
                raise NodeInterrupted
            if running.halted:
                report = TurnReport("interrupted", "halted before it began", Usage(0, 0, cost=0.0), "")
            else:
                order = self._order(started, node, prompt, token, over)
                report = await self._work(running, order, _Sink(self, running, self._door, token), minutes)
        finally:
            self._door.dismiss(token)
            self._running.pop(where, None)
            if over.is_set() and report.ending != "transition":
                report = replace(report, ending="transition", detail="accepted before the turn was broken off")
            await unbroken(self._close(logged, started, report, clock() - begun))
        return self._journal.state.windows[where].turns[-1]

    def _order(self, started: TurnStarted, node: Node, prompt: Prompt, token: str, over: asyncio.Event) -> TurnOrder:
        return TurnOrder(
            turn=started.turn,
            window=started.window,
            role=node.role,
            prompt=prompt,
            transitions=node.tools,
            token=token,
            toolbox=node.toolbox,
            clone=self._clone.folder if self._clone is not None and node.edits != "none" else None,
            task=started.task,
            attempt=started.attempt,
            environment=self._environment,
            over=over,
        )

    async def _work(self, running: Running, order: TurnOrder, sink: "_Sink", minutes: float) -> TurnReport:
        """Have the agent work, for so long at most; what it raises is a failed turn, which the person is told of."""
        limit = asyncio.create_task(self._halt_when_due(running, minutes)) if minutes else None
        try:
            report = await running.agent.run_turn(order, sink)
        except StoreError:
            raise
        except QuarterdeckError as error:
            report = TurnReport("failed", error.what, Usage(0, 0, estimated=True), "", "agent")
        except Exception as error:  # noqa: BLE001  the edge to an agent: a fault in one must not end the whole session
            _log.exception("the agent of %s failed", order.window)
            what = f"a fault of Quarterdeck itself: {type(error).__name__} (see host.log)"
            report = TurnReport("failed", what, Usage(0, 0, estimated=True), "", "fault")
        finally:
            await cancel_and_wait(limit)
        if running.overdue and report.ending == "interrupted":
            return replace(report, ending="failed", detail=f"it took longer than {minutes:g} minutes", failure="time")
        return report

    async def _halt_when_due(self, running: Running, minutes: float) -> None:
        await asyncio.sleep(minutes * 60)
        running.overdue = True
        await running.agent.halt()

    async def _close(
        self, logged: "asyncio.Future[bool]", started: TurnStarted, report: TurnReport, seconds: float
    ) -> None:
        """Log the end of a turn whose beginning was logged."""
        if await logged:
            await self._journal.append(await self._end(started, report, seconds))

    async def _prompt(self, node: Node) -> Prompt:
        state = self._journal.state
        task = state.tasks.get(state.task)
        notes = [state.position.note, task.note if task is not None and "task" in node.parts else ""]
        note = "\n".join(dict.fromkeys(one for one in notes if one))
        crossed = state.handoff(state.position.handoff)
        context = PartContext(self._journal, self._clone, crossed, note)
        parts = await build_parts(node.parts, context)
        return Prompt(contract_text(node), parts, secrets.token_hex(6))

    async def _intend(self, window: WindowState, name: str, node: Node, prompt: Prompt) -> TurnStarted:
        state = self._journal.state
        text = f"{prompt.system}\n\n{prompt.text()}"
        counts = tuple(PartCount(name=one.name, title=one.title, tokens=one.tokens) for one in prompt.parts)
        task = state.tasks.get(state.task) if "task" in node.parts else None
        turns = sum(len(one.turns) for one in state.windows.values()) + len(state.turns)
        return TurnStarted(
            turn=f"t{turns + 1:03d}",
            window=window.seat.window,
            role=node.role,
            node=name,
            visit=state.position.visit,
            task=task.task.id if task else "",
            attempt=task.attempt if task else 0,
            handoff=state.position.handoff,
            prompt=await self._journal.keep(text),
            parts=counts + count_kept_out(node.kept_out, state),
            tokens=prompt.tokens,
            spec_revision=state.spec.revision,
        )

    async def _end(self, started: TurnStarted, report: TurnReport, seconds: float) -> TurnEnded:
        usage = report.usage
        return TurnEnded(
            turn=started.turn,
            ending=report.ending,
            detail=report.detail,
            failure=report.failure,
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            cached_tokens=usage.cached_tokens,
            cost=usage.cost,
            estimated=usage.estimated,
            seconds=seconds,
            transcript=await self._journal.keep(report.said) if report.said else "",
            transcript_tokens=await count_tokens(report.said),
        )

    def show(self, running: Running, kind: DeltaKind, text: str) -> None:
        """Show a piece of a turn and remember it for screens that attach while the turn runs."""
        running.say(kind, text)
        self._show(running.window, running.turn, kind, text)

    async def record(self, events: tuple[Event, ...]) -> None:
        """Append an agent's events."""
        await self._journal.append(*events)


class _Sink:
    """A turn's way back into the session."""

    def __init__(self, turns: Turns, running: Running, door: Door, token: str) -> None:
        self._turns = turns
        self._running = running
        self._door = door
        self._token = token

    def delta(self, kind: DeltaKind, text: str) -> None:
        self._turns.show(self._running, kind, text)

    async def record(self, *events: Event) -> None:
        await self._turns.record(events)

    async def call(self, tool: str, arguments: str, key: str) -> TransitionReply:
        return await self._door.call(self._token, tool, arguments, key)


def contract_text(node: Node, folder: Path | None = None) -> str:
    """Return the contract of a node's role: the person's own file when there is one, else the one shipped."""
    own = folder / f"{node.role}.md" if folder is not None else None
    if own is not None and own.is_file():
        return own.read_text("utf-8")
    shipped = resources.files("sessions.workflow") / "contracts" / f"{node.role}.md"
    text = shipped.read_text("utf-8") if shipped.is_file() else f"You are the {node.role.replace('_', ' ')}."
    tools = " or ".join(f"`{tool}`" for tool in node.tools)
    return f"{text.rstrip()}\n\nNow: {node.label or node.role}. Tools that end this turn: {tools}.\n"


def recovered(turn: TurnState, *, free: bool) -> TurnEnded:
    """Return how a turn ended that was under way when its host died: accepted transitions count, the rest is broken
    off.

    Args:
        free: The window's turns cost nothing. Otherwise nobody knows what this one cost, once its prompt was sent.
    """
    started = turn.started
    sent = turn.receipt != "intended" or turn.accepted is not None
    return TurnEnded(
        turn=started.turn,
        ending="transition" if turn.accepted is not None else "interrupted",
        detail="the host ended after it was accepted"
        if turn.accepted is not None
        else "the host ended in the middle; what was streamed so far is lost",
        input_tokens=started.tokens if sent else 0,
        cost=0.0 if free or not sent else None,
    )


def finished_turn(window: WindowState, node: str, visit: int) -> TurnState | None:
    """Return the turn that already did the work of this visit, so that a restarted host does not run it twice."""
    for turn in reversed(window.turns):
        if turn.started.node == node and turn.started.visit == visit:
            return turn if turn.accepted is not None else None
    return None
