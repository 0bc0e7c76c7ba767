"""The runner: does what `next_step` says, until the session is over.

It owns no state. Everything it does is an event first, so that a runner started on the same log goes on at the same
place.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Protocol

from sessions.events import (
    Event,
    GateModeChanged,
    HandoffApproved,
    HandoffProposed,
    NodeEntered,
    NodeLeft,
    QuestionAsked,
)
from sessions.handoffs import Payload, flows, why_held
from sessions.state import SessionState
from sessions.workflow.graph import Edge, Node, Workflow, choose_edge
from sessions.workflow.steps import AwaitGate, AwaitPerson, Enter, Finish, Pause, Rest, Work, next_step


@dataclass(frozen=True, slots=True)
class NodeResult:
    """What a node's work came to.

    `context` holds further words that edges may test; `events` are appended in one transaction with leaving the node.
    """

    outcome: str
    detail: str = ""
    events: tuple[Event, ...] = ()
    context: dict[str, str] = field(default_factory=dict[str, str])


class NodeInterrupted(Exception):
    """Raised by `work` when a node's work was broken off: the runner waits for the next change and asks again."""


class Stage(Protocol):
    """What the runner needs of the session around it."""

    @property
    def state(self) -> SessionState:
        """The state as it stands."""
        ...

    @property
    def unattended(self) -> bool:
        """True when nobody watches: structural handoffs are then approved by the run itself."""
        ...

    async def append(self, *events: Event) -> None:
        """Append events; returns after the commit and the fold."""
        ...

    async def changed(self, seq: int) -> None:
        """Return once the log has grown past `seq`."""
        ...

    async def work(self, name: str, node: Node) -> NodeResult:
        """Do a node's work.

        Raises:
            NodeInterrupted: If it was broken off.
        """
        ...

    def payload(self, edge: Edge, result: NodeResult) -> Payload:
        """Return what crosses an edge, as the state will be once `result.events` are appended."""
        ...

    async def finish(self, name: str, node: Node) -> None:
        """End the session at an exit node."""
        ...


class Runner:
    """Runs one session's workflow."""

    def __init__(self, stage: Stage, workflow: Workflow) -> None:
        """Take the session to run and its graph."""
        self._stage = stage
        self._workflow = workflow

    async def run(self) -> None:
        """Run until the session is over. Cancel to stop; the log says where to go on."""
        while True:
            seq = self._stage.state.seq
            match next_step(self._stage.state, self._workflow):
                case Enter(node, visit, handoff, note):
                    await self._stage.append(NodeEntered(node=node, visit=visit, handoff=handoff, note=note))
                case Work(node, visit):
                    await self._work(node, visit, seq)
                case AwaitGate(handoff):
                    await self._gate(handoff, seq)
                case Finish(node):
                    await self._stage.finish(node, self._workflow.nodes[node])
                case Pause(node, limit, text):
                    await self._pause(node, limit, text)
                case AwaitPerson():
                    await self._stage.changed(seq)
                case Rest():
                    return

    async def _work(self, name: str, visit: int, seq: int) -> None:
        node = self._workflow.nodes[name]
        try:
            result = await self._stage.work(name, node)
        except NodeInterrupted:
            if self._stage.state.seq == seq:
                await self._stage.changed(seq)
            return
        position = self._stage.state.position
        if position.stage != "at" or position.node != name or position.visit != visit:
            return
        context = {"outcome": result.outcome, **result.context}
        edge = choose_edge(self._workflow.edges_from(name), context)
        if edge is None:
            left = NodeLeft(node=name, visit=visit, outcome=result.outcome, to="", rule="no edge", detail=result.detail)
            await self._stage.append(*result.events, left)
            return
        left = NodeLeft(
            node=name, visit=visit, outcome=result.outcome, to=edge.target, rule=edge.rule(), detail=result.detail
        )
        if not edge.handoff:
            await self._stage.append(*result.events, left)
            return
        await self._stage.append(*result.events, left, self._propose(name, edge, result))

    def _propose(self, name: str, edge: Edge, result: NodeResult) -> HandoffProposed:
        state = self._stage.state
        payload = self._stage.payload(edge, result)
        number = len(state.handoffs) + len(state.past_handoffs) + 1
        held = "" if flows(state.gate.mode, payload.kind) else why_held(state.gate.mode, payload.kind)
        return HandoffProposed(
            handoff=f"H-{number:03d}",
            sender=name,
            receiver=edge.target,
            payload=payload,
            redirects=edge.redirects,
            rejects_to=edge.rejects_to or name,
            held=held,
        )

    async def _gate(self, handoff_id: str, seq: int) -> None:
        state = self._stage.state
        handoff = state.handoffs.get(handoff_id)
        if handoff is None:
            await self._stage.changed(seq)
            return
        if flows(state.gate.mode, handoff.proposed.payload.kind):
            approved = HandoffApproved(handoff=handoff_id, by=f"gate {state.gate.mode}")
            spent = state.gate.passes == 1
            fallen = GateModeChanged(mode="manual", by="gate", reason=f"{state.gate.mode} used up its handoffs")
            await self._stage.append(approved, *([fallen] if spent else []))
        elif self._stage.unattended:
            await self._stage.append(HandoffApproved(handoff=handoff_id, by="run"))
        else:
            await self._stage.changed(seq)

    async def _pause(self, node: str, limit: str, text: str) -> None:
        options = ("go on", "end the session") if limit == "visits" else ("end the session",)
        number = len(self._stage.state.questions) + len(self._stage.state.past_questions) + 1
        await self._stage.append(
            QuestionAsked(question=f"Q-{number:02d}", window="", source="limit", text=text, options=options)
        )


async def cancel_and_wait(task: "asyncio.Task[object] | None") -> None:
    """Cancel a task and wait until it has ended; its own cancellation is not an error, anything else is raised."""
    if task is None:
        return
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        if not task.cancelled():
            raise
