"""From a session's updates to what the screen shows: the one place that folds, and that turns a flood into frames."""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from panes.blocks import BLOCK_LIMIT
from panes.chronicle import chronicle
from panes.entries import Entry, Said
from panes.roster import Roster, read_roster
from panes.speed import SpeedMeter
from sessions.client.updates import Delta, HostLost, PaneOutput, PaneSnapshot, Records, SessionSource, Typist, Update
from sessions.events import Record, SessionStarted, TurnEnded
from sessions.prompts import estimate_tokens
from sessions.state import EMPTY, SessionState, fold

FRAME = 0.05
"""Seconds between two frames under a flood; after silence the first update is shown at once."""
_SLICE = 0.008
"""Seconds of folding before the screen gets its turn."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What is new since the last frame, and the state as it is now.

    `entries` holds what each window's transcript gains, `panes` the terminal bytes in order. `typist` is None when
    nothing was said about it, `lost` when the source still lives.
    """

    state: SessionState
    roster: Roster
    entries: Mapping[str, tuple[Entry, ...]]
    panes: tuple[PaneSnapshot | PaneOutput, ...] = ()
    speeds: Mapping[str, float | None] = field(default_factory=dict[str, float | None])
    typist: bool | None = None
    lost: HostLost | None = None


@dataclass(slots=True)
class _Pending:
    """What has been taken and not shown."""

    entries: dict[str, deque[Entry]] = field(default_factory=dict[str, "deque[Entry]"])
    panes: list[PaneSnapshot | PaneOutput] = field(default_factory=list[PaneSnapshot | PaneOutput])
    typist: bool | None = None
    lost: HostLost | None = None

    def add(self, window: str, entry: Entry) -> None:
        kept = self.entries.setdefault(window, deque(maxlen=BLOCK_LIMIT))
        last = kept[-1] if kept else None
        if isinstance(entry, Said) and isinstance(last, Said) and (last.turn, last.kind) == (entry.turn, entry.kind):
            kept[-1] = Said(last.turn, last.kind, last.text + entry.text)
        else:
            kept.append(entry)


class Bridge:
    """Reads a source and delivers batches, at most one a frame, from the first moment everything logged before is
    known.

    Args:
        deliver: Called in the app's event loop with each batch.
        ticks: A monotonic clock in seconds, for speeds.
    """

    def __init__(self, source: SessionSource, deliver: Callable[[Batch], None], ticks: Callable[[], float]) -> None:
        self._source = source
        self._deliver = deliver
        self._ticks = ticks
        self._pending = _Pending()
        self._fresh = asyncio.Event()
        self._ended = False
        self._taking = False
        self._live = False
        self._meters: dict[str, SpeedMeter] = {}
        self.state = EMPTY
        self.roster = Roster()

    async def run(self) -> None:
        """Read until the source ends and everything is delivered. Cancel to stop earlier."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._show())
            async for update in self._source.updates():
                self._taking = True
                await self._take(update)
                self._taking = False
            self._ended = True
            self._fresh.set()

    @property
    def settled(self) -> bool:
        """Whether everything taken so far has been delivered."""
        return not self._taking and not self._fresh.is_set()

    def speeds(self) -> dict[str, float | None]:
        """Return tokens a second for the windows that speak now."""
        at = self._ticks()
        return {window: meter.rate(at) for window, meter in self._meters.items()}

    async def _show(self) -> None:
        while not (self._ended and not self._fresh.is_set()):
            await self._fresh.wait()
            self._fresh.clear()
            if self._live or self._pending.lost:
                pending, self._pending = self._pending, _Pending()
                entries = {window: tuple(found) for window, found in pending.entries.items()}
                self._deliver(
                    Batch(
                        self.state,
                        self.roster,
                        entries,
                        tuple(pending.panes),
                        self.speeds(),
                        pending.typist,
                        pending.lost,
                    )
                )
            if not self._ended:
                await asyncio.sleep(FRAME)

    async def _take(self, update: Update) -> None:
        if isinstance(update, Records):
            await self._fold(update.records)
            self._live = self._live or update.caught_up
        elif isinstance(update, Delta):
            self._hear(update)
        elif isinstance(update, PaneSnapshot | PaneOutput):
            self._pending.panes.append(update)
        elif isinstance(update, Typist):
            self._pending.typist = update.you
        else:
            self._pending.lost = update
        self._fresh.set()

    async def _fold(self, records: tuple[Record, ...]) -> None:
        """Fold records in slices short enough for the screen to stay awake."""
        began = self._ticks()
        for record in records:
            if isinstance(record.event, SessionStarted):
                self.roster = await asyncio.to_thread(read_roster, record.event.workflow)
            if isinstance(record.event, TurnEnded) and record.event.turn in self.state.turns:
                self._meters.pop(self.state.turns[record.event.turn].started.window, None)
            for window, entry in chronicle(self.state, self.roster, record):
                self._pending.add(window, entry)
            self.state = fold(self.state, record)
            if self._ticks() - began > _SLICE:
                await asyncio.sleep(0)
                began = self._ticks()

    def _hear(self, delta: Delta) -> None:
        self._pending.add(delta.window, Said(delta.turn, delta.kind, delta.text))
        if not delta.replayed and delta.kind in ("text", "reasoning"):
            meter = self._meters.setdefault(delta.window, SpeedMeter())
            meter.add(estimate_tokens(delta.text), self._ticks())
