"""The screens of a session: records are never dropped, deltas of a slow one are, and one at a time types."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from sessions.events import Noticed, Record
from sessions.host.screens import Screen, Screens
from sessions.terminal.feed import Snapshot, TerminalFeed
from sessions.wire import OUTPUT, SNAPSHOT, say, unpack


class Wire:
    """The way to a screen, which a test may close for a while."""

    def __init__(self) -> None:
        self.sent: list[str | bytes] = []
        self.open = asyncio.Event()
        self.open.set()

    async def send(self, frame: str | bytes) -> None:
        await self.open.wait()
        self.sent.append(frame)

    def of(self, kind: str) -> list[dict[str, Any]]:
        frames = [json.loads(frame) for frame in self.sent if isinstance(frame, str)]
        return [frame for frame in frames if frame["t"] == kind]


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110  what is waited for has no event of its own
            await asyncio.sleep(0)


def records(count: int) -> list[Record]:
    return [Record(seq, 0.0, Noticed(level="info", text=str(seq))) for seq in range(1, count + 1)]


async def test_everything_logged_before_comes_in_order_and_the_end_of_it_is_marked() -> None:
    wire = Wire()
    screen = Screen(wire.send)
    screen.tell(say("welcome"))
    log = records(1000)
    screen.tell_records(log, after=10)
    # What is logged while the past is still being sent comes behind it, and once.
    log.append(Record(1001, 0.0, Noticed(level="info", text="new")))
    screen.tell(say("records", records=[[1001]], caught_up=True))
    sending = asyncio.create_task(screen.run())
    await until(lambda: screen.idle)
    told = wire.of("records")
    assert [one[0] for frame in told for one in frame["records"]] == list(range(11, 1002))
    assert [frame["caught_up"] for frame in told[:-1]] == [False] * (len(told) - 2) + [True]
    assert max(len(frame["records"]) for frame in told) <= 400
    sending.cancel()


@pytest.mark.parametrize("after", [0, 3, 5, 9, 1 << 40, -1])
async def test_any_place_in_the_log_can_be_asked_for(after: int) -> None:
    wire = Wire()
    screen = Screen(wire.send)
    screen.tell_records(records(5), after)
    sending = asyncio.create_task(screen.run())
    await until(lambda: screen.idle)
    (told,) = wire.of("records")
    assert told["caught_up"] is True
    assert len(told["records"]) == 5 - min(max(after, 0), 5)
    sending.cancel()


async def test_a_slow_screen_loses_deltas_and_no_records() -> None:
    wire = Wire()
    wire.open.clear()
    screen = Screen(wire.send)
    sending = asyncio.create_task(screen.run())
    for n in range(6000):
        screen.tell_delta(say("delta", text=str(n)))
    screen.tell(say("records", records=[], caught_up=True))
    assert screen.dropped == 1000
    wire.open.set()
    await until(lambda: screen.idle)
    assert len(wire.of("delta")) == 5000
    assert len(wire.of("records")) == 1
    screen.tell_delta(say("delta", text="again"))
    await until(lambda: screen.idle)
    assert wire.of("delta")[-1]["text"] == "again"
    sending.cancel()


async def test_a_flood_of_big_deltas_is_held_by_its_size() -> None:
    wire = Wire()
    wire.open.clear()
    screen = Screen(wire.send)
    sending = asyncio.create_task(screen.run())
    for _ in range(200):
        screen.tell_delta(say("delta", text="x" * 65_536))
    assert screen.dropped > 100
    wire.open.set()
    await until(lambda: screen.idle)
    sending.cancel()


async def test_a_terminal_comes_as_a_snapshot_and_then_as_it_goes_on() -> None:
    def snapshot(feed: TerminalFeed) -> Snapshot:
        feed.renew()
        return Snapshot(80, 24, b"as it stands")

    let_go: list[TerminalFeed] = []
    wire = Wire()
    screen = Screen(wire.send)
    feed = TerminalFeed(snapshot, let_go.append)
    await screen.show_terminal("worker", feed)
    await until(lambda: wire.sent)
    feed.offer(b"and on")
    await until(lambda: len(wire.sent) == 2)
    frames = [unpack(frame) for frame in wire.sent if isinstance(frame, bytes)]
    assert [(one.kind, one.window) for one in frames] == [(SNAPSHOT, "worker"), (OUTPUT, "worker")]
    assert frames[1].data == b"and on"
    other = TerminalFeed(snapshot, let_go.append)
    await screen.show_terminal("worker", other)
    assert let_go == [feed], "a window's new terminal takes the place of the old one"
    await screen.close()
    assert let_go == [feed, other]


class TestWhoTypes:
    def told(self, wire: Wire) -> list[object]:
        return [frame["you"] for frame in wire.of("typist")]

    async def test_the_first_the_one_who_types_and_after_them_whoever_is_left(self) -> None:
        screens, wires = Screens(), [Wire(), Wire()]
        first, second = (Screen(wire.send) for wire in wires)
        sending = [asyncio.create_task(screen.run()) for screen in (first, second)]
        screens.add(first)
        screens.add(second)
        screens.add(second)
        assert len(screens) == 2
        assert (screens.may_type(first), screens.may_type(second)) == (True, False)
        screens.take_keys(second)
        assert screens.may_type(second)
        screens.remove(second)
        assert screens.may_type(first)
        await until(lambda: first.idle and second.idle)
        assert self.told(wires[0]) == [True, False, True]
        assert self.told(wires[1]) == [False, True]
        for task in sending:
            task.cancel()

    async def test_one_that_is_not_attached_takes_no_keys(self) -> None:
        screens = Screens()
        screens.take_keys(Screen(Wire().send))
        assert not screens.each()

    async def test_when_the_last_has_left_it_is_known(self) -> None:
        screens = Screens()
        await screens.emptied()
        leaving = asyncio.create_task(screens.left())
        await asyncio.sleep(0)
        assert not leaving.done(), "nobody was there yet"
        screen = Screen(Wire().send)
        screens.add(screen)
        waiting = asyncio.create_task(screens.emptied())
        await asyncio.sleep(0)
        assert not waiting.done()
        assert not leaving.done()
        screens.remove(screen)
        await waiting
        await leaving
