"""Folds of the workflow's events: position, handoffs, gates, questions."""

from typing import Any

from sessions.events import (
    Event,
    GateModeChanged,
    HandoffApproved,
    HandoffEdited,
    HandoffProposed,
    HandoffRedirected,
    HandoffRejected,
    HandoffWithdrawn,
    NodeEntered,
    NodeLeft,
    QuestionAnswered,
    QuestionAsked,
    Rerouted,
)
from sessions.state.model import Gate, HandoffState, Position, QuestionState, SessionState, changed
from sessions.state.windows import set_activity


def close_handoff(state: SessionState, handoff: HandoffState) -> SessionState:
    """Move a handoff from the open ones to the past ones."""
    rest = {key: one for key, one in state.handoffs.items() if key != handoff.proposed.handoff}
    return changed(state, handoffs=rest, past_handoffs=(*state.past_handoffs, handoff))


def node_entered(state: SessionState, event: NodeEntered, at: float) -> SessionState:
    """Stand at a node; the handoff that led here is delivered."""
    handoff = state.handoffs.get(event.handoff)
    if handoff is not None:
        state = close_handoff(state, changed(handoff, stage="delivered"))
    position = Position(stage="at", node=event.node, visit=event.visit, handoff=event.handoff, note=event.note)
    return changed(state, position=position, visits={**state.visits, event.node: event.visit})


def node_left(state: SessionState, event: NodeLeft, at: float) -> SessionState:
    """Leave a node towards the next, or be stuck when no edge matched."""
    stage = "between" if event.to else "stuck"
    position = changed(state.position, stage=stage, next=event.to, outcome=event.outcome, handoff="", note="")
    return changed(state, position=position)


def rerouted(state: SessionState, event: Rerouted, at: float) -> SessionState:
    """Go where the person sends the session."""
    position = changed(state.position, stage="between", next=event.to, note=event.note, handoff="")
    return changed(state, position=position)


def handoff_proposed(state: SessionState, event: HandoffProposed, at: float) -> SessionState:
    """Hold a handoff at the gate."""
    handoff = HandoffState(proposed=event, at=at, receiver=event.receiver, text=event.payload.text)
    position = changed(state.position, stage="held", handoff=event.handoff)
    return changed(state, position=position, handoffs={**state.handoffs, event.handoff: handoff})


def handoff_approved(state: SessionState, event: HandoffApproved, at: float) -> SessionState:
    """Let a handoff cross to its receiver."""
    handoff = state.handoffs.get(event.handoff)
    if handoff is None:
        return state
    approved = changed(handoff, stage="approved", by=event.by, note=event.note, decided_at=at)
    position = state.position
    if position.handoff == event.handoff:
        position = changed(position, stage="between", next=handoff.receiver, note=event.note)
    gate = state.gate
    if event.by.startswith("gate ") and gate.passes:
        gate = changed(gate, passes=gate.passes - 1)
    return changed(state, position=position, gate=gate, handoffs={**state.handoffs, event.handoff: approved})


def handoff_edited(state: SessionState, event: HandoffEdited, at: float) -> SessionState:
    """Change the text that crosses."""
    handoff = state.handoffs.get(event.handoff)
    if handoff is None:
        return state
    edited = changed(handoff, text=event.text, edited=True)
    return changed(state, handoffs={**state.handoffs, event.handoff: edited})


def handoff_redirected(state: SessionState, event: HandoffRedirected, at: float) -> SessionState:
    """Change who receives it."""
    handoff = state.handoffs.get(event.handoff)
    if handoff is None:
        return state
    redirected = changed(handoff, receiver=event.to)
    return changed(state, handoffs={**state.handoffs, event.handoff: redirected})


def handoff_rejected(state: SessionState, event: HandoffRejected, at: float) -> SessionState:
    """Send the session back to whoever the rejection goes to, with the reason as a note."""
    handoff = state.handoffs.get(event.handoff)
    if handoff is None:
        return state
    closed = close_handoff(state, changed(handoff, stage="rejected", by="you", note=event.reason, decided_at=at))
    if state.position.handoff != event.handoff:
        return closed
    position = changed(state.position, stage="between", next=event.to, note=event.reason, handoff="")
    return changed(closed, position=position)


def handoff_withdrawn(state: SessionState, event: HandoffWithdrawn, at: float) -> SessionState:
    """Close a handoff that was overtaken."""
    handoff = state.handoffs.get(event.handoff)
    if handoff is None:
        return state
    return close_handoff(state, changed(handoff, stage="withdrawn", note=event.reason, decided_at=at))


def gate_mode_changed(state: SessionState, event: GateModeChanged, at: float) -> SessionState:
    """Change the gate mode."""
    gate = Gate(mode=event.mode, passes=event.passes, by=event.by, reason=event.reason, at=at)
    return changed(state, gate=gate)


def question_asked(state: SessionState, event: QuestionAsked, at: float) -> SessionState:
    """Put a question before the person; the window that asked waits."""
    asked = QuestionState(asked=event, at=at)
    state = changed(state, questions={**state.questions, event.question: asked})
    return set_activity(state, event.window, "waiting", source="question", at=at, detail=event.text)


def question_answered(state: SessionState, event: QuestionAnswered, at: float) -> SessionState:
    """Close a question with its answer."""
    question = state.questions.get(event.question)
    if question is None:
        return state
    rest = {key: one for key, one in state.questions.items() if key != event.question}
    answered = changed(question, answered=event)
    state = changed(state, questions=rest, past_questions=(*state.past_questions, answered))
    window = state.windows.get(question.asked.window)
    if window is None or window.activity != "waiting":
        return state
    return set_activity(state, question.asked.window, "idle", source="answer", at=at)


FOLDS: dict[type[Event], Any] = {
    NodeEntered: node_entered,
    NodeLeft: node_left,
    Rerouted: rerouted,
    HandoffProposed: handoff_proposed,
    HandoffApproved: handoff_approved,
    HandoffEdited: handoff_edited,
    HandoffRedirected: handoff_redirected,
    HandoffRejected: handoff_rejected,
    HandoffWithdrawn: handoff_withdrawn,
    GateModeChanged: gate_mode_changed,
    QuestionAsked: question_asked,
    QuestionAnswered: question_answered,
}
