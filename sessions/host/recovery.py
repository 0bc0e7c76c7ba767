"""Taking a session up again: what the last host left open is closed in the log, what it left running is ended."""

from sessions.events import Event, HostStarted, Noticed, ProcessEnded
from sessions.host.journal import Journal
from sessions.host.turns import recovered
from sessions.processes.leftovers import ProcessMark, end_leftovers


async def recover(journal: Journal, pid: int) -> None:
    """Bring log and machine to one truth: open turns are ended, leftover processes are gone and recorded so.

    Runs before anything else of a new host, also on the first start, where it only notes the host.
    """
    state = journal.state
    events: list[Event] = [HostStarted(epoch=state.epoch + 1, pid=pid)]
    events += [recovered(turn) for turn in state.turns.values()]
    marks = [ProcessMark(one.pid, one.started, one.marker) for one in state.processes.values()]
    if marks:
        left = await end_leftovers(marks)
        how = "found running after a crash and ended" if left else "gone when the host came back"
        events += [ProcessEnded(process=one, exit_code=None, how=how) for one in state.processes]
    if state.turns:
        names = ", ".join(turn.started.window for turn in state.turns.values())
        events.append(
            Noticed(level="warning", text=f"the host ended in the middle of a turn of {names}; it is run again")
        )
    await journal.append(*events)
