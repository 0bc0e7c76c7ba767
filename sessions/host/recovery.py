"""Taking a session up again: what the last host left open is closed in the log, what it left running is ended."""

import asyncio

from sessions.events import Event, HaltProven, HostStarted, Noticed, ProcessEnded
from sessions.host.journal import Journal
from sessions.host.turns import recovered
from sessions.processes.leftovers import ProcessMark, end_leftovers, find_leftovers
from sessions.state import SessionState, TurnState


async def recover(journal: Journal, pid: int) -> None:
    """Bring log and machine to one truth: open turns are ended, leftover processes are gone and recorded so.

    Runs before anything else of a new host, also on the first start, where it only notes the host.
    """
    state = journal.state
    events: list[Event] = [HostStarted(epoch=state.epoch + 1, pid=pid)]
    events += [recovered(turn, free=_free(state, turn)) for turn in state.turns.values()]
    ended, alive = await _end_processes(state)
    events += ended
    events += _prove_halts(state, alive)
    if state.turns:
        names = ", ".join(turn.started.window for turn in state.turns.values() if turn.accepted is None)
        if names:
            events.append(
                Noticed(level="warning", text=f"the host ended in the middle of a turn of {names}; it is run again")
            )
    if alive:
        pids = ", ".join(str(one) for one in alive)
        text = f"processes of the last host could not be ended: {pids}. End them yourself: they may still change files"
        events.append(Noticed(level="error", text=text))
    await journal.append(*events)


def _free(state: SessionState, turn: TurnState) -> bool:
    window = state.windows.get(turn.started.window)
    return window is not None and window.seat.rehearsal


async def _end_processes(state: SessionState) -> tuple[list[Event], list[int]]:
    """End what is left of journaled programs; return what to log of it, and the pids that could not be ended."""
    events: list[Event] = []
    alive: list[int] = []
    for process in state.processes.values():
        mark = ProcessMark(process.pid, process.started, process.marker)
        found = await asyncio.to_thread(find_leftovers, [mark])
        left = await end_leftovers([mark]) if found else []
        alive += [one.pid for one in left]
        how = "gone when the host came back"
        if found:
            how = (
                "found running after a crash, and could not be ended"
                if left
                else "found running after a crash and ended"
            )
        events.append(ProcessEnded(process=process.process, exit_code=None, how=how))
    return events, alive


def _prove_halts(state: SessionState, alive: list[int]) -> list[Event]:
    """Return the proofs that a crash left owing: a window that was being halted has stopped with its host."""
    if alive:
        return []
    return [
        HaltProven(window=one.seat.window, stopped=True, step="host ended", observed="process tree gone", seconds=0.0)
        for one in state.windows.values()
        if one.halted and one.proof is None
    ]
