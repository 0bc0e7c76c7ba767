"""Whatever the callers do, in whatever order: no gap in the seqs, every call whole, and on disk what was said."""

import asyncio
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from sessions.store.log import Event, EventLog, KeyConflict, Row

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
keys = st.none() | st.sampled_from(["k1", "k2", "k3"])
kinds = st.sampled_from(["told", "asked"])


@dataclass(frozen=True)
class Act:
    """What one caller does next."""

    events: tuple[Event, ...]
    pauses: int
    cancelled: bool


acts = st.builds(
    Act,
    events=st.lists(st.tuples(kinds, texts, keys), max_size=4).map(tuple),
    pauses=st.integers(0, 3),
    cancelled=st.booleans(),
)


async def perform(log: EventLog, acts: Sequence[Act]) -> list[tuple[Act, list[Row]]]:
    """Do one caller's acts, each pausing a while before it; give those that were acknowledged."""
    done: list[tuple[Act, list[Row]]] = []
    for act in acts:
        for _ in range(act.pauses):
            await asyncio.sleep(0)
        appending = asyncio.create_task(log.append(act.events))
        await asyncio.sleep(0)
        if act.cancelled:
            appending.cancel()
        try:
            done.append((act, await appending))
        except (KeyConflict, asyncio.CancelledError):
            continue
    return done


@settings(max_examples=40)
@given(callers=st.lists(st.lists(acts, max_size=5), min_size=1, max_size=4), reopened=st.integers(1, 2))
def test_any_interleaving_leaves_one_whole_history(callers: list[list[Act]], reopened: int) -> None:
    async def story(path: Path) -> None:
        log = await EventLog.create(path)
        said: list[tuple[Act, list[Row]]] = []
        for _ in range(reopened):
            for done in await asyncio.gather(*(perform(log, acts) for acts in callers)):
                said += done
            in_memory = await log.rows()
            await log.close()
            log = await EventLog.open(path)
            assert await log.rows() == in_memory
            assert log.last_seq == len(in_memory)
        rows = await log.rows()
        await log.close()

        assert [row.seq for row in rows] == list(range(1, len(rows) + 1))
        used = [row.key for row in rows if row.key is not None]
        assert len(used) == len(set(used))
        for act, acknowledged in said:
            assert tuple((row.kind, row.body, row.key) for row in acknowledged) == act.events
            if acknowledged:
                first = acknowledged[0].seq
                assert rows[first - 1 : first - 1 + len(acknowledged)] == acknowledged
        unkeyed = [row.seq for act, got in said for row in got if all(key is None for _, _, key in act.events)]
        assert len(unkeyed) == len(set(unkeyed))

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(story(Path(folder) / "session.db"))
