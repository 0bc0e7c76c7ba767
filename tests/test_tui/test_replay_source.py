"""A recorded session looks like a live one, and takes no orders."""

import pytest
from recorded.tidytable import tell

from sessions.client.updates import Records, SessionSource
from sessions.errors import StoreError
from sessions.orders import Halt
from tui.replay_source import ReplaySource


async def test_it_yields_a_whole_log_at_once() -> None:
    records = tell().records()
    source: SessionSource = ReplaySource.of_records(records)
    updates = [update async for update in source.updates()]
    assert updates == [Records(tuple(records), caught_up=True)]


async def test_it_refuses_orders_with_a_sentence() -> None:
    reply = await ReplaySource([]).order(Halt())
    assert not reply.done
    assert "recording" in reply.text


async def test_it_gives_artefacts_and_says_when_there_is_none() -> None:
    source = ReplaySource([], {"one": b"text"})
    assert await source.artefact("one") == b"text"
    with pytest.raises(StoreError, match="no artefact"):
        await source.artefact("two")
