"""Folds of the machinery's events: session, host, windows, turns, processes."""

from typing import Any

from sessions.events import (
    Activity,
    Event,
    HaltOrdered,
    HaltProven,
    HostStarted,
    HostStopped,
    Noticed,
    ProcessEnded,
    ProcessIntended,
    ProcessStarted,
    PromptReceipted,
    SessionEnded,
    SessionStarted,
    StatusSeen,
    ToolUsed,
    TransitionCalled,
    TurnEnded,
    TurnStarted,
    WindowResumed,
)
from sessions.state.model import ContextFilter, ProcessState, SessionState, Totals, TurnState, WindowState, changed
from sessions.state.windows import put_window, set_activity

_AFTER: dict[str, Activity] = {
    "transition": "done",
    "interrupted": "idle",
    "failed": "failed",
    "no_transition": "failed",
}
"""What a window shows after a turn, by how the turn ended."""


def session_started(state: SessionState, event: SessionStarted, at: float) -> SessionState:
    """Open the session with its windows."""
    windows = {seat.window: WindowState(seat=seat, since=at) for seat in event.seats}
    return changed(state, started=event, started_at=at, windows=windows)


def session_ended(state: SessionState, event: SessionEnded, at: float) -> SessionState:
    """Close the session."""
    return changed(state, ended=event, position=changed(state.position, stage="ended", next="", handoff=""))


def host_started(state: SessionState, event: HostStarted, at: float) -> SessionState:
    """Note which host serves the session."""
    return changed(state, epoch=event.epoch, host_pid=event.pid)


def host_stopped(state: SessionState, event: HostStopped, at: float) -> SessionState:
    """Note that no host serves the session."""
    return changed(state, host_pid=0)


def turn_started(state: SessionState, event: TurnStarted, at: float) -> SessionState:
    """Open a turn; count what went in and what was kept out."""
    state = changed(state, turns={**state.turns, event.turn: TurnState(started=event, at=at)})
    kept = sum(part.tokens for part in event.parts if not part.included)
    counted = state.filter
    if event.role == "auditor":
        counted = changed(counted, auditor_read=counted.auditor_read + event.tokens)
    if event.role == "manager":
        counted = ContextFilter(
            counted.auditor_read,
            counted.manager_received + event.tokens,
            counted.kept_out + kept,
            counted.pulled,
        )
    state = changed(state, filter=counted)
    window = state.windows.get(event.window)
    if window is None:
        return state
    window = changed(
        window,
        turn=event.turn,
        task=event.task,
        attempt=event.attempt,
        context_tokens=event.tokens,
        speed=None,
    )
    return set_activity(put_window(state, window), event.window, "thinking", source="turn", at=at)


def prompt_receipted(state: SessionState, event: PromptReceipted, at: float) -> SessionState:
    """Note how far a prompt got."""
    turn = state.turns.get(event.turn)
    if turn is None:
        return state
    receipted = changed(turn, receipt=event.stage, receipt_source=event.source)
    return changed(state, turns={**state.turns, event.turn: receipted})


def tool_used(state: SessionState, event: ToolUsed, at: float) -> SessionState:
    """Count a toolbox call."""
    turn = state.turns.get(event.turn)
    if turn is None:
        return state
    return changed(state, turns={**state.turns, event.turn: changed(turn, tools=turn.tools + 1)})


def transition_called(state: SessionState, event: TransitionCalled, at: float) -> SessionState:
    """Keep an accepted transition with its turn."""
    turn = state.turns.get(event.turn)
    if turn is None or not event.accepted:
        return state
    return changed(state, turns={**state.turns, event.turn: changed(turn, accepted=event)})


def turn_ended(state: SessionState, event: TurnEnded, at: float) -> SessionState:
    """Close a turn and add up what it used."""
    turn = state.turns.get(event.turn)
    if turn is None:
        return state
    ended = changed(turn, ended=event, until=at)
    total = state.totals
    state = changed(
        state,
        turns={key: one for key, one in state.turns.items() if key != event.turn},
        totals=Totals(
            total.input_tokens + event.input_tokens,
            total.output_tokens + event.output_tokens,
            total.cached_tokens + event.cached_tokens,
            total.cost + (event.cost or 0.0),
            total.cost_known and event.cost is not None,
            total.turns + 1,
            total.retasks,
        ),
    )
    window = state.windows.get(turn.started.window)
    if window is None:
        return state
    window = changed(
        window,
        turn="",
        input_tokens=window.input_tokens + event.input_tokens,
        output_tokens=window.output_tokens + event.output_tokens,
        cost=window.cost + (event.cost or 0.0),
        cost_known=window.cost_known and event.cost is not None,
        context_tokens=turn.started.tokens + event.output_tokens,
        speed=event.output_tokens / event.seconds if event.seconds > 0.05 and event.output_tokens else None,
        turns=(*window.turns, ended),
    )
    state = put_window(state, window)
    return set_activity(state, turn.started.window, _AFTER[event.ending], source="turn", at=at, detail=event.detail)


def status_seen(state: SessionState, event: StatusSeen, at: float) -> SessionState:
    """Show what an agent says it does, with the evidence."""
    return set_activity(state, event.window, event.activity, source=event.source, at=at, detail=event.detail)


def _windows_of(state: SessionState, window_id: str) -> tuple[WindowState, ...]:
    """Return one window, or all when `window_id` is empty."""
    if not window_id:
        return tuple(state.windows.values())
    window = state.windows.get(window_id)
    return () if window is None else (window,)


def halt_ordered(state: SessionState, event: HaltOrdered, at: float) -> SessionState:
    """Freeze windows: they are halted from the order on, the proof follows."""
    for window in _windows_of(state, event.window):
        state = put_window(state, changed(window, halted=True, proof=None))
        state = set_activity(state, window.seat.window, "halted", source="order", at=at, detail="halting")
    return state


def halt_proven(state: SessionState, event: HaltProven, at: float) -> SessionState:
    """Keep what was seen of a window's stopping."""
    window = state.windows.get(event.window)
    if window is None:
        return state
    detail = f"{event.observed} in {event.seconds:.1f} s" if event.stopped else f"NOT STOPPED: {event.observed}"
    state = put_window(state, changed(window, proof=event))
    if not window.halted:
        return state
    return set_activity(state, event.window, "halted", source=event.step, at=at, detail=detail)


def window_resumed(state: SessionState, event: WindowResumed, at: float) -> SessionState:
    """Let windows work again."""
    for window in _windows_of(state, event.window):
        if window.halted:
            state = put_window(state, changed(window, halted=False, proof=None))
            state = set_activity(state, window.seat.window, "idle", source="resume", at=at)
    return state


def process_intended(state: SessionState, event: ProcessIntended, at: float) -> SessionState:
    """Journal a process before it runs."""
    process = ProcessState(event.process, event.window, event.marker)
    return changed(state, processes={**state.processes, event.process: process})


def process_started(state: SessionState, event: ProcessStarted, at: float) -> SessionState:
    """Journal a running process."""
    process = state.processes.get(event.process)
    if process is None:
        return state
    running = changed(process, pid=event.pid, started=event.started, recording=event.recording)
    return changed(state, processes={**state.processes, event.process: running})


def process_ended(state: SessionState, event: ProcessEnded, at: float) -> SessionState:
    """Forget an ended process; its window shows that it is gone."""
    process = state.processes.get(event.process)
    if process is None:
        return state
    rest = {key: one for key, one in state.processes.items() if key != event.process}
    state = changed(state, processes=rest)
    code = "" if event.exit_code is None else str(event.exit_code)
    return set_activity(state, process.window, "exited", source="process", at=at, detail=code)


def noticed(state: SessionState, event: Noticed, at: float) -> SessionState:
    """Keep a notice."""
    return changed(state, notices=(*state.notices, event))


FOLDS: dict[type[Event], Any] = {
    SessionStarted: session_started,
    SessionEnded: session_ended,
    HostStarted: host_started,
    HostStopped: host_stopped,
    TurnStarted: turn_started,
    PromptReceipted: prompt_receipted,
    ToolUsed: tool_used,
    TransitionCalled: transition_called,
    TurnEnded: turn_ended,
    StatusSeen: status_seen,
    HaltOrdered: halt_ordered,
    HaltProven: halt_proven,
    WindowResumed: window_resumed,
    ProcessIntended: process_intended,
    ProcessStarted: process_started,
    ProcessEnded: process_ended,
    Noticed: noticed,
}
