"""What needs the person now, most urgent first, and what can wait. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from panes.figures import percent
from panes.roster import Roster, window_name
from sessions.handoffs import PayloadClass
from sessions.state import HandoffState, SessionState

NeedKind = Literal["question", "waiting", "failed", "handoff", "limit"]

PAYLOAD_WORDS: dict[PayloadClass, str] = {
    "task": "task",
    "report": "report",
    "verdict_pass": "verdict",
    "verdict_other": "verdict",
    "milestone": "milestone",
    "spec": "spec",
    "plan": "plan",
    "question": "question",
    "kick_back": "kick-back",
    "other": "handoff",
}
"""What each class of payload is called on screen."""


@dataclass(frozen=True, slots=True)
class Need:
    """One thing that needs the person. `key` is the id of the question, the handoff or the window it is about."""

    kind: NeedKind
    key: str
    window: str
    title: str
    text: str
    since: float


@dataclass(frozen=True, slots=True)
class Later:
    """Something worth a look that never rings."""

    window: str
    text: str


def needs(state: SessionState, roster: Roster) -> tuple[Need, ...]:
    """Return what needs the person, in the order to deal with it; nothing once the session has ended."""
    if state.ended is not None:
        return ()
    order: list[NeedKind] = ["question", "waiting", "failed", "handoff", "limit"]
    found = [*_questions(state), *_windows(state), *_handoffs(state, roster)]
    return tuple(sorted(found, key=lambda need: (order.index(need.kind), need.since)))


def later(state: SessionState) -> tuple[Later, ...]:
    """Return what can wait: contexts that fill up, windows slower than is comfortable."""
    found: list[Later] = []
    for window in state.windows.values():
        size = window.seat.context_window
        if size and window.context_tokens >= 0.75 * size:
            found.append(Later(window.seat.window, f"ctx {percent(window.context_tokens / size)}, warn at 75%"))
        if window.activity in ("thinking", "tool") and window.speed is not None and window.speed < 30:
            found.append(Later(window.seat.window, f"{window.speed:.0f} tok/s, below 30"))
    return tuple(found)


def handoff_title(state: SessionState, handoff: HandoffState, roster: Roster) -> str:
    """Return `5 Auditor > 2 Manager`, with the receiver it has now."""
    return " > ".join(roster.ends(state, handoff.proposed.sender, handoff.receiver))


def _questions(state: SessionState) -> Iterator[Need]:
    for question in state.questions.values():
        asked = question.asked
        window = state.windows.get(asked.window)
        who = window_name(window) if window else "the session"
        kind: NeedKind = "limit" if asked.source == "limit" else "question"
        title = {"limit": f"{who}: a limit", "turn": f"{who}: turn failed"}.get(asked.source, f"{who} asks")
        yield Need(kind, asked.question, asked.window, title, asked.text, question.at)


def _windows(state: SessionState) -> Iterator[Need]:
    asking = {question.asked.window for question in state.questions.values()}
    for window in state.windows.values():
        if window.seat.window in asking:
            continue
        if window.activity == "waiting":
            title, text = window_name(window), window.detail or "waits for you in its window"
            yield Need("waiting", window.seat.window, window.seat.window, title, text, window.since)
        elif window.activity == "failed":
            text = window.detail or "its turn failed"
            yield Need(
                "failed", window.seat.window, window.seat.window, f"{window_name(window)} failed", text, window.since
            )


def _handoffs(state: SessionState, roster: Roster) -> Iterator[Need]:
    for handoff in state.held():
        payload = handoff.proposed.payload
        receiver = roster.window_of(state, handoff.receiver) or roster.window_of(state, handoff.proposed.sender)
        task = f"{payload.task} " if payload.task and not payload.title.startswith(payload.task) else ""
        title = handoff_title(state, handoff, roster)
        text = f"{PAYLOAD_WORDS[payload.kind]}: {task}{payload.title}"
        yield Need(
            "handoff", handoff.proposed.handoff, receiver.seat.window if receiver else "", title, text, handoff.at
        )
