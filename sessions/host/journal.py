"""The log of a running session together with its state: append, fold, tell everyone, in that order."""

import asyncio
import gc
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from pathlib import Path
from typing import Any, Self, TypeVar

from sessions.events import Event, Record, dump_event, kind_of, load_events
from sessions.state import EMPTY, SessionState, fold, fold_all
from sessions.store.artefacts import ArtefactStore
from sessions.store.errors import LogWriteFailed
from sessions.store.log import EventLog

T = TypeVar("T")
Listener = Callable[[tuple[Record, ...]], None]


class Journal:
    """One session's events: the log on disk, the records in memory, and the state folded from them."""

    def __init__(self, log: EventLog, artefacts: ArtefactStore) -> None:
        """Take an open log and the artefacts beside it. Call `load` before anything else."""
        self._log = log
        self._artefacts = artefacts
        self._records: list[Record] = []
        self._state = EMPTY
        self._lock = asyncio.Lock()
        self._grown = asyncio.Condition()
        self._listeners: list[Listener] = []
        self._pending: set[asyncio.Task[Any]] = set()
        self._failure: asyncio.Future[LogWriteFailed] = asyncio.get_running_loop().create_future()

    @property
    def state(self) -> SessionState:
        """The state after everything committed so far."""
        return self._state

    @property
    def records(self) -> list[Record]:
        """Every record so far, in order. Not to be changed by the caller."""
        return self._records

    @property
    def artefacts(self) -> ArtefactStore:
        """The artefacts of this session."""
        return self._artefacts

    @classmethod
    async def open(cls, database: Path, artefacts: ArtefactStore) -> Self:
        """Open a session's log, check it, read it whole and fold it.

        The garbage collector rests meanwhile and forgets what was read: a hundred thousand events that live as long as
        the session cost it more than the reading does, and a later full collection would stop the loop.

        Raises:
            StoreError: If the log is missing, damaged, or of another version.
        """
        resting = gc.isenabled()
        gc.disable()
        try:
            journal = cls(await EventLog.open(database), artefacts)
            try:
                await journal.load()
            except BaseException:
                await journal.close()
                raise
            gc.freeze()
        finally:
            if resting:
                gc.enable()
        return journal

    async def load(self) -> None:
        """Read the log and fold it, in pieces, so that a long log does not hold up the loop."""
        async for rows in self._log.chunks():
            events = load_events([row.body for row in rows])
            records = [Record(row.seq, row.at, event) for row, event in zip(rows, events, strict=True)]
            self._state = fold_all(records, self._state)
            self._records += records
            await asyncio.sleep(0)

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` with new records after each commit; returns the way to stop it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    async def append(self, *events: Event) -> None:
        """Append events in one transaction; returns after commit and fold.

        Once begun an append runs to its end even when the caller is cancelled, so log and state never part.

        Raises:
            StoreError: If the log could not be written; then nothing changed.
        """
        if events:
            await self._unbroken(self._append(events))

    async def append_if(self, allowed: Callable[[SessionState], bool], events: Iterable[Event]) -> bool:
        """Append events only if the state, seen at the moment of appending, allows it; say whether it did."""
        return await self._unbroken(self._append_if(allowed, tuple(events)))

    async def append_made(self, make: Callable[[SessionState], Iterable[Event]]) -> tuple[Record, ...]:
        """Append the events that `make` finds for the state at the moment of appending, and return their records.

        What `make` raises is raised here, and nothing is appended.
        """
        return await self._unbroken(self._append_made(make))

    async def failure(self) -> LogWriteFailed:
        """Wait until an append has failed, after which the log takes no more, and return why."""
        return await asyncio.shield(self._failure)

    async def last_words(self, event: Event) -> None:
        """Append one event to a log whose disk was full, in the room kept for that, and leave the log closed.

        Raises:
            StoreError: If there was no room after all.
        """
        await self._log.release_ballast()
        await self._log.close()
        async with await EventLog.open(self._log.path) as log:
            await log.append([(kind_of(event), dump_event(event), None)])

    async def keep(self, text: str | bytes) -> str:
        """Store an artefact and return its id."""
        return await self._artefacts.put(text)

    async def text(self, artefact: str) -> str:
        """Return an artefact as text; bytes that are no UTF-8 are shown as replacement characters."""
        return (await self._artefacts.get(artefact)).decode("utf-8", "replace") if artefact else ""

    async def changed(self, seq: int) -> None:
        """Return once the log has grown past `seq`."""
        async with self._grown:
            await self._grown.wait_for(lambda: self._state.seq > seq)

    async def wait_for(self, reached: Callable[[SessionState], bool]) -> None:
        """Return once the state satisfies `reached`."""
        async with self._grown:
            await self._grown.wait_for(lambda: reached(self._state))

    async def close(self) -> None:
        """Finish what is being written and close the log."""
        while self._pending:
            await asyncio.gather(*self._pending, return_exceptions=True)
        await self._log.close()

    async def _unbroken(self, work: Coroutine[Any, Any, T]) -> T:
        task = asyncio.create_task(work)
        self._pending.add(task)
        task.add_done_callback(self._pending.discard)
        return await asyncio.shield(task)

    async def _append_if(self, allowed: Callable[[SessionState], bool], events: tuple[Event, ...]) -> bool:
        async with self._lock:
            if not allowed(self._state):
                return False
            await self._commit(events)
            return True

    async def _append(self, events: tuple[Event, ...]) -> None:
        async with self._lock:
            await self._commit(events)

    async def _append_made(self, make: Callable[[SessionState], Iterable[Event]]) -> tuple[Record, ...]:
        async with self._lock:
            return await self._commit(tuple(make(self._state)))

    async def _commit(self, events: tuple[Event, ...]) -> tuple[Record, ...]:
        try:
            rows = await self._log.append([(kind_of(event), dump_event(event), None) for event in events])
        except LogWriteFailed as error:
            if not self._failure.done():
                self._failure.set_result(error)
            raise
        records = tuple(Record(row.seq, row.at, event) for row, event in zip(rows, events, strict=True))
        for record in records:
            self._state = fold(self._state, record)
        self._records += records
        for listener in tuple(self._listeners):
            listener(records)
        async with self._grown:
            self._grown.notify_all()
        return records


Keep = Callable[[str], Awaitable[str]]
"""Stores a text and returns its artefact id."""
