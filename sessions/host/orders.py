"""Carrying out what the person orders, or refusing it with a reason they can act on."""

import asyncio
from collections.abc import Callable
from typing import Literal

from pydantic import ValidationError

from sessions.contract import SubmitVerdict
from sessions.errors import QuarterdeckError
from sessions.events import (
    Event,
    GateModeChanged,
    HaltOrdered,
    HaltProven,
    HandoffApproved,
    HandoffEdited,
    HandoffRedirected,
    HandoffRejected,
    HandoffWithdrawn,
    Noticed,
    QuestionAnswered,
    Rerouted,
    WindowResumed,
)
from sessions.handoffs import ASSISTED_PASSES
from sessions.host.finish import fetch_branch
from sessions.host.session import LiveSession
from sessions.orders import (
    AnswerQuestion,
    ApproveHandoff,
    EditHandoff,
    Escalate,
    FetchBranch,
    Halt,
    Order,
    OrderReply,
    RedirectHandoff,
    RejectHandoff,
    Resume,
    Retask,
    SetGate,
    StopHost,
)
from sessions.state import SessionState
from sessions.transitions.schema import explain


class _Refused(Exception):
    """An order that cannot be carried out; the text says why."""


class Orders:
    """Carries out orders on a live session, one at a time for those that move it."""

    def __init__(self, session: LiveSession, stop: Callable[[str], None]) -> None:
        """Take the session, and the way to end the host in order."""
        self._session = session
        self._stop = stop
        self._lock = asyncio.Lock()

    async def carry_out(self, order: Order) -> OrderReply:
        """Carry out an order and say what became of it. Two answers to one question: the first stands."""
        try:
            return OrderReply(done=True, text=await self._do(order))
        except _Refused as refused:
            return OrderReply(done=False, text=str(refused))
        except QuarterdeckError as error:
            return OrderReply(done=False, text=str(error).replace("\n", "; "))

    async def _do(self, order: Order) -> str:
        match order:
            case ApproveHandoff() | EditHandoff() | RedirectHandoff() | RejectHandoff():
                return await self._decide(order)
            case Halt(window=window):
                return await self._halt(window)
            case Resume(window=window):
                return await self._resume(window)
            case Retask(note=note):
                async with self._lock:
                    return await self._reroute("retask", note)
            case Escalate(note=note):
                async with self._lock:
                    return await self._reroute("escalate", note)
            case SetGate(mode=mode):
                if self._session.state.ended is not None:
                    raise _Refused("the session is over")
                passes = 0 if mode == "manual" else ASSISTED_PASSES
                await self._append(GateModeChanged(mode=mode, passes=passes, by="you"))
                return f"gate is {mode.upper()}"
            case AnswerQuestion():
                return await self._answer(order)
            case FetchBranch():
                ref, problem = await fetch_branch(
                    self._session.journal, self._session.around.clone, self._session.around.repository
                )
                if problem:
                    raise _Refused(f"the branch was not fetched: {problem}")
                await self._append(Noticed(level="info", text=f"session branch fetched as {ref}"))
                return f"fetched as {ref}"
            case StopHost(reason=reason):
                self._stop(reason or "ordered by you")
                return "stopping"
            case _:
                raise _Refused(f"unknown order {type(order).__name__}")

    async def _append(self, *events: Event) -> None:
        await self._session.journal.append(*events)

    async def _decide(self, order: ApproveHandoff | EditHandoff | RedirectHandoff | RejectHandoff) -> str:
        handoff = self._session.state.handoffs.get(order.handoff)
        if handoff is None or handoff.stage != "proposed":
            past = self._session.state.handoff(order.handoff)
            known = f"{order.handoff} was already {past.stage} by {past.by or 'the session'}" if past else ""
            raise _Refused(known or f"there is no handoff {order.handoff}")
        approved = HandoffApproved(handoff=order.handoff, by="you")
        events: tuple[Event, ...]
        match order:
            case ApproveHandoff(note=note):
                events, text = (HandoffApproved(handoff=order.handoff, by="you", note=note),), "approved"
            case EditHandoff(text=edited):
                if not edited.strip():
                    raise _Refused("an empty text cannot cross; reject the handoff instead")
                if self._session.workflow.nodes[handoff.receiver].kind != "agent":
                    raise _Refused(
                        f"the host itself carries out a {handoff.proposed.payload.kind}, as it stands; "
                        "reject it and say what should be different"
                    )
                if handoff.proposed.payload.kind in ("verdict_pass", "verdict_other"):
                    _check_verdict(edited)
                events, text = (HandoffEdited(handoff=order.handoff, text=edited), approved), "edited and approved"
            case RedirectHandoff(to=to):
                if to not in handoff.proposed.redirects:
                    ways = ", ".join(handoff.proposed.redirects) or "nowhere else"
                    raise _Refused(f"{order.handoff} can be redirected to {ways}")
                events, text = (HandoffRedirected(handoff=order.handoff, to=to), approved), f"redirected to {to}"
            case RejectHandoff(reason=reason):
                if not reason.strip():
                    raise _Refused("say in one line why; the sender reads it")
                line = " ".join(reason.split())
                back = HandoffRejected(handoff=order.handoff, to=handoff.proposed.rejects_to, reason=line)
                events, text = (back,), "rejected"

        def undecided(state: SessionState) -> bool:
            now = state.handoffs.get(order.handoff)
            return now is not None and now.stage == "proposed"

        if not await self._session.journal.append_if(undecided, events):
            raise _Refused(f"{order.handoff} was decided a moment ago")
        return f"{order.handoff} {text}"

    async def _halt(self, window: str) -> str:
        state = self._session.state
        if window and window not in state.windows:
            raise _Refused(f"there is no window {window}")
        events: list[Event] = [HaltOrdered(window=window)]
        if not window and state.gate.mode != "manual":
            events.append(GateModeChanged(mode="manual", by="you", reason="halt all"))
        await self._append(*events)
        windows = [window] if window else list(state.windows)
        proofs = await asyncio.gather(*(self._prove(one) for one in windows))
        alive = [proof.window for proof in proofs if not proof.stopped]
        if alive:
            raise _Refused(f"NOT STOPPED: {', '.join(alive)}; halt again for a harder step")
        return "halted" if window else "all halted"

    async def _prove(self, window: str, turn: str = "") -> HaltProven:
        """Stop what an agent, or the host on its behalf, does in a window, and log what was seen of it.

        Args:
            turn: Stop only this turn.
        """
        broken_off = await self._session.break_off(window) if not turn else None
        proof = await self._session.turns.halt(window, turn=turn)
        if broken_off is not None and proof.step == "none":
            proof = broken_off
        event = HaltProven(
            window=window,
            stopped=proof.stopped,
            step=proof.step,
            observed=proof.observed,
            seconds=proof.seconds,
        )
        await self._append(event)
        return event

    async def _resume(self, window: str) -> str:
        state = self._session.state
        if window and window not in state.windows:
            raise _Refused(f"there is no window {window}")
        halted = [one for one in state.windows.values() if one.halted and window in ("", one.seat.window)]
        if not halted:
            raise _Refused("nothing is halted here" if window else "nothing is halted")
        await self._append(WindowResumed(window=window))
        return "resumed"

    async def _reroute(self, verb: Literal["retask", "escalate"], note: str) -> str:
        """Move the session to where the workflow serves a verb, then stop what was running for the old way.

        The new way is in the log before anything is stopped, so that the stopped turn cannot be begun again in between.
        """
        session = self._session
        target = session.workflow.verbs.get(verb)
        if target is None:
            raise _Refused(f"the workflow {session.workflow.name} does not say where a {verb} goes (`verbs:`)")
        if verb == "escalate" and not note.strip():
            raise _Refused("say what you escalate; the receiver reads it")
        records = await session.journal.append_made(lambda state: self._moved(state, verb, target, note.strip()))
        old = [turn for turn in session.turns.running() if turn.since < records[0].seq]
        for turn in old:
            session.door.expel(turn.turn)
        await session.break_off(before=records[0].seq)
        proofs = await asyncio.gather(*(self._prove(one.window, one.turn) for one in old))
        if any(not proof.stopped for proof in proofs):
            raise _Refused(f"{verb} is under way, but {proofs[0].window} has NOT STOPPED; halt it for a harder step")
        label = session.workflow.nodes[target].label or target.replace("_", " ")
        return f"{session.state.task}: {label}"

    def _moved(
        self, state: SessionState, verb: Literal["retask", "escalate"], target: str, note: str
    ) -> tuple[Event, ...]:
        """Return what moves the session: what waited for the person is overtaken, halted windows on the way resume.

        Raises:
            _Refused: If there is nothing to be moved.
        """
        if state.ended is not None:
            raise _Refused("the session is over")
        task = state.tasks.get(state.task)
        if task is None:
            raise _Refused(f"nothing to {verb} yet: no task has been started")
        events: list[Event] = [
            HandoffWithdrawn(handoff=one, reason=f"overtaken by your {verb}") for one in state.handoffs
        ]
        events += [
            QuestionAnswered(question=one, choice=-1, text=f"overtaken by your {verb}") for one in state.questions
        ]
        events.append(Rerouted(verb=verb, to=target, note=note, task=task.task.id))
        workflow = self._session.workflow
        for name in (target, *(edge.target for edge in workflow.edges_from(target))):
            window = state.window_of_role(workflow.nodes[name].role)
            if window is not None and window.halted:
                events.append(WindowResumed(window=window.seat.window))
        return tuple(events)

    async def _answer(self, order: AnswerQuestion) -> str:
        question = self._session.state.questions.get(order.question)
        if question is None:
            raise _Refused(f"{order.question} is already answered")
        options = question.asked.options
        if order.choice >= len(options) or (order.choice < 0 and not order.text.strip()):
            raise _Refused(f"choose 1 to {len(options)}, or write an answer" if options else "write an answer")
        text = order.text.strip() or options[order.choice]
        answered = QuestionAnswered(question=order.question, choice=order.choice, text=text)
        if question.asked.source in ("turn", "limit") and text == "end the session":
            await self._session.end("stopped", answered, summary=f"ended by you: {question.asked.text}")
            return "answered; the session has ended"
        if not await self._session.journal.append_if(lambda state: order.question in state.questions, [answered]):
            raise _Refused(f"{order.question} was answered a moment ago")
        return "answered"


def _check_verdict(text: str) -> None:
    """Refuse an edited verdict that has lost its contract: the four fields, each on a line of its own.

    Raises:
        _Refused: Naming the first field that is missing or wrong.
    """
    lines = [line.partition(":") for line in text.splitlines()]
    fields = {name.strip(): value.strip() for name, colon, value in lines if colon}
    given = {name: fields[name] for name in ("verdict", "diagnosis", "rec_action", "pointer") if name in fields}
    try:
        SubmitVerdict.model_validate(given)
    except ValidationError as error:
        raise _Refused(f"the verdict must keep its four fields: {explain(error).splitlines()[0]}") from error
