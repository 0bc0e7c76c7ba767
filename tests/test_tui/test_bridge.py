"""The bridge folds everything, shows at most once a frame, and keeps the order in which things came."""

import asyncio
from collections.abc import AsyncIterator, Sequence

from recorded.tidytable import tell

from panes.entries import Said, ToolDone
from sessions.client.updates import Delta, HostLost, PaneOutput, PaneSnapshot, Records, Typist, Update
from sessions.events import Record, ToolUsed
from sessions.state import fold_all
from tui.bridge import Batch, Bridge
from tui.replay_source import ReplaySource


class Trickle(ReplaySource):
    """A source that lets the screen have its turn after every update."""

    async def updates(self) -> AsyncIterator[Update]:
        async for update in super().updates():
            await asyncio.sleep(0)
            yield update


async def bridged(updates: Sequence[Update]) -> tuple[Bridge, list[Batch]]:
    batches: list[Batch] = []
    bridge = Bridge(Trickle(updates), batches.append, lambda: 0.0)
    async with asyncio.timeout(20):
        await bridge.run()
    return bridge, batches


async def test_the_state_is_the_fold_of_the_log() -> None:
    story = tell()
    bridge, batches = await bridged(story.updates)
    assert bridge.state == batches[-1].state == fold_all(story.records())
    assert bridge.roster.workflow is not None
    assert bridge.settled


async def test_nothing_is_shown_before_everything_logged_is_known() -> None:
    records = tell().records()
    half = len(records) // 2
    updates = [Records(tuple(records[:half]), caught_up=False), Records(tuple(records[half:]), caught_up=True)]
    _, batches = await bridged(updates)
    assert [batch.state.seq for batch in batches] == [len(records)]


async def test_a_flood_of_pieces_is_one_entry_a_frame() -> None:
    story = tell().until("streaming")
    pieces: list[Update] = [Delta("planner", "turn-1", "text", f"{n} ") for n in range(2000)]
    _, batches = await bridged([*story.updates, *pieces])
    heard = [entry for batch in batches for entry in batch.entries.get("planner", ()) if isinstance(entry, Said)]
    assert "".join(entry.text for entry in heard).endswith("1998 1999 ")
    assert len(batches) < 100


async def test_pieces_and_events_keep_their_order() -> None:
    story = tell().until("streaming")
    seq = len(story.records())
    tool = ToolUsed(turn="turn-1", tool="run", summary="x", ok=True, seconds=1)
    updates: list[Update] = [
        Delta("planner", "turn-1", "text", "before"),
        Records((Record(seq + 1, 0.0, tool),), caught_up=True),
        Delta("planner", "turn-1", "text", "after"),
    ]
    _, batches = await bridged([*story.updates, *updates])
    last = [entry for batch in batches for entry in batch.entries.get("planner", ())][-3:]
    assert [type(entry) for entry in last] == [Said, ToolDone, Said]


async def test_terminal_bytes_keep_their_order_and_come_through_whole() -> None:
    story = tell().until("opened")
    panes: list[Update] = [
        PaneSnapshot("worker", 80, 24, b"snap"),
        *[PaneOutput("worker", bytes([n])) for n in range(9)],
    ]
    _, batches = await bridged([*story.updates, *panes])
    arrived = [one for batch in batches for one in batch.panes]
    assert arrived == panes


async def test_who_types_and_the_end_of_the_host_are_told_once() -> None:
    story = tell().until("opened")
    _, batches = await bridged([*story.updates, Typist(you=False), HostLost("it was killed", ended=False)])
    assert [batch.typist for batch in batches if batch.typist is not None] == [False]
    assert [batch.lost.reason for batch in batches if batch.lost is not None] == ["it was killed"]


async def test_a_host_that_never_came_up_is_told_too() -> None:
    _, batches = await bridged([HostLost("it did not start", ended=False)])
    assert [batch.lost.reason for batch in batches if batch.lost is not None] == ["it did not start"]


async def test_a_long_log_is_folded_in_slices() -> None:
    """Between two slices others have their turn: a counter that runs beside the bridge gets on."""
    turns = 0
    ticks = iter(range(10_000_000))

    async def counting() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    records = tuple(tell().records())
    bridge = Bridge(ReplaySource([Records(records, caught_up=True)]), lambda batch: None, lambda: float(next(ticks)))
    beside = asyncio.get_running_loop().create_task(counting())
    await bridge.run()
    beside.cancel()
    assert turns >= len(records) // 2
