"""The runner: does what `next_step` says, until the session is over.

It owns no state. Everything it does is an event first, so that a runner started on the same log goes on at the same
place.
"""

import asyncio
from collections.abc import Callable
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
    Record,
)
from sessions.handoffs import Payload, flows, why_held
from sessions.state import SessionState, fold
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

    async def append_if(self, allowed: Callable[[SessionState], bool], events: tuple[Event, ...]) -> bool:
        """Append events if the state then allows it; returns after the commit whether it did."""
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
            state = self._stage.state
            match next_step(state, self._workflow):
                case Enter() | AwaitGate() | Pause():
                    ahead = self._ahead(state)
                    if ahead:
                        await self._append_here(state, ahead)
                    else:
                        await self._stage.changed(state.seq)
                case Work(node, visit):
                    await self._work(node, visit, state.seq)
                case Finish(node):
                    await self._stage.finish(node, self._workflow.nodes[node])
                case AwaitPerson():
                    await self._stage.changed(state.seq)
                case Rest():
                    return

    async def _work(self, name: str, visit: int, seq: int) -> None:
        try:
            result = await self._stage.work(name, self._workflow.nodes[name])
        except NodeInterrupted:
            if self._stage.state.seq == seq:
                await self._stage.changed(seq)
            return
        while True:
            state = self._stage.state
            if (state.position.stage, state.position.node, state.position.visit) != ("at", name, visit):
                return
            left = (*result.events, *self._leave(state, name, visit, result))
            if await self._append_here(state, (*left, *self._ahead(_after(state, left)))):
                return

    async def _append_here(self, state: SessionState, events: tuple[Event, ...]) -> bool:
        """Append what moves the session on, unless somebody moved it meanwhile: then ask for the next step anew.

        The gate counts too: what was to flow must not, once the person has closed it.
        """
        here = state.position, state.gate
        return await self._stage.append_if(lambda now: (now.position, now.gate) == here, events)

    def _leave(self, state: SessionState, name: str, visit: int, result: NodeResult) -> tuple[Event, ...]:
        """Return the events of leaving a node: the edge chosen and, where something crosses, the handoff."""
        edge = choose_edge(self._workflow.edges_from(name), {"outcome": result.outcome, **result.context})
        left = NodeLeft(
            node=name,
            visit=visit,
            outcome=result.outcome,
            to=edge.target if edge else "",
            rule=edge.rule() if edge else "no edge",
            detail=result.detail,
        )
        if edge is None or not edge.handoff:
            return (left,)
        return left, self._propose(state, name, edge, result)

    def _propose(self, state: SessionState, name: str, edge: Edge, result: NodeResult) -> HandoffProposed:
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

    def _ahead(self, state: SessionState) -> tuple[Event, ...]:
        """Return what follows without waiting for anybody: gates that let flow, and the next node entered.

        Appended in one transaction: a handoff that flows costs one commit between the end of a turn and the next.
        """
        events: list[Event] = []
        while True:
            now = _after(state, tuple(events))
            match next_step(now, self._workflow):
                case Enter(node, visit, handoff, note):
                    return (*events, NodeEntered(node=node, visit=visit, handoff=handoff, note=note))
                case AwaitGate(handoff):
                    passed = self._pass_gate(now, handoff)
                    if not passed:
                        return tuple(events)
                    events += passed
                case Pause(_, limit, text):
                    return (*events, _ask(now, limit, text))
                case _:
                    return tuple(events)

    def _pass_gate(self, state: SessionState, handoff_id: str) -> tuple[Event, ...]:
        handoff = state.handoffs.get(handoff_id)
        if handoff is None:
            return ()
        if flows(state.gate.mode, handoff.proposed.payload.kind):
            approved = HandoffApproved(handoff=handoff_id, by=f"gate {state.gate.mode}")
            fallen = GateModeChanged(mode="manual", by="gate", reason=f"{state.gate.mode} used up its handoffs")
            return (approved, fallen) if state.gate.passes == 1 else (approved,)
        if self._stage.unattended:
            return (HandoffApproved(handoff=handoff_id, by="run"),)
        return ()


def _after(state: SessionState, events: tuple[Event, ...]) -> SessionState:
    """Return the state as it will be once `events` are appended. Their times are unknown yet and stay as they are."""
    for number, event in enumerate(events, start=1):
        state = fold(state, Record(state.seq + number, state.last_at, event))
    return state


def _ask(state: SessionState, limit: str, text: str) -> QuestionAsked:
    options = ("go on", "end the session") if limit == "visits" else ("end the session",)
    number = len(state.questions) + len(state.past_questions) + 1
    return QuestionAsked(question=f"Q-{number:02d}", window="", source="limit", text=text, options=options)


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
