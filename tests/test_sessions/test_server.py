"""The session's socket: private, patient with strange clients, and never without an answer."""

import asyncio
import json
import socket
import stat
from pathlib import Path
from typing import Any

import pytest
from session_stage import LIMIT, SPEC, Stage, running_session
from websockets.asyncio.client import ClientConnection, unix_connect
from websockets.asyncio.server import ServerConnection, unix_serve

from sessions import wire
from sessions.client.attached import AttachedSession
from sessions.client.updates import HostLost, Records, Typist, Update
from sessions.errors import HostError, StoreError
from sessions.events import Noticed
from sessions.host.server import SessionServer
from sessions.orders import ApproveHandoff, Halt


async def ask(connection: ClientConnection, frame: str, kind: str = "reply") -> dict[str, Any]:
    """Send a frame and return the first answer of a kind."""
    await connection.send(frame)
    async with asyncio.timeout(LIMIT):
        while True:
            heard = await connection.recv()
            if isinstance(heard, str) and (fields := json.loads(heard))["t"] == kind:
                return fields


def connect(stage: Stage) -> Any:
    return unix_connect(str(stage.folder.parent / "s.sock"))


async def test_the_socket_is_its_owners_alone(home: Path) -> None:
    async with running_session(home):
        assert stat.S_IMODE((home / "s.sock").stat().st_mode) == 0o600


async def test_a_socket_left_by_a_dead_host_is_replaced(home: Path) -> None:
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(str(home / "s.sock"))
    dead.close()
    async with running_session(home) as stage:
        await stage.until(lambda state: state.turns)


async def test_a_place_where_no_socket_can_be_is_told_with_what_to_do(home: Path) -> None:
    async with running_session(home) as stage:
        other = SessionServer(stage.journal, stage.session.turns, stage.session.door, {}, refuse)
        for path in (home / ("x" * 120), home / "missing" / "s.sock"):
            with pytest.raises(HostError) as caught:
                await other.start(path)
            assert "socket cannot be made" in caught.value.what
            assert "QUARTERDECK_HOME" in caught.value.next


async def refuse(_: object) -> Any:
    raise AssertionError


@pytest.mark.parametrize(
    "strange",
    [
        b"",
        b"\x01",
        b"\x07\x00",
        b"\xff" * 50,
        "not json",
        "[1, 2]",
        '{"no": "type"}',
        "[" * 100_000,
        b"\x01\xffshort",
    ],
    ids=["empty", "cut", "kind", "bytes", "text", "list", "no type", "deep", "long name"],
)
async def test_a_client_that_talks_nonsense_is_sent_away_and_nobody_else_notices(
    home: Path, strange: str | bytes
) -> None:
    async with running_session(home) as stage:
        async with connect(stage) as other:
            await other.send(strange)
            async with asyncio.timeout(LIMIT):
                await other.wait_closed()
        await (await stage.agents["planner"].turn()).end(SPEC)
        await stage.approve("spec")


@pytest.mark.parametrize(
    ("frame", "says"),
    [
        ({"t": "order", "id": 7}, "not an order"),
        ({"t": "order", "id": 7, "order": {"name": "launch_missiles"}}, "not an order"),
        ({"t": "order", "id": 7, "order": {"name": "approve_handoff", "handoff": 5}}, "not an order"),
        ({"t": "order", "id": 7, "order": [1]}, "not an order"),
        ({"t": "artefact", "id": 7, "artefact": "0" * 64}, "is not here"),
        ({"t": "artefact", "id": 7, "artefact": "../../etc/passwd"}, ""),
        ({"t": "artefact", "id": 7, "artefact": "\x00"}, ""),
        ({"t": "artefact", "id": 7}, ""),
        ({"t": "dance", "id": 7}, "unknown request 'dance'"),
        ({"t": "tool", "id": 7, "token": "guessed", "tool": "append_spec", "arguments": "{}", "key": "k"}, "is over"),
        ({"t": "tool", "id": 7}, "is over"),
    ],
)
async def test_every_request_gets_an_answer(home: Path, frame: dict[str, Any], says: str) -> None:
    async with running_session(home) as stage, connect(stage) as other:
        reply = await ask(other, json.dumps(frame))
        assert (reply["id"], reply["done"]) == (7, False)
        assert says in reply["text"].lower()


async def test_even_a_fault_of_ours_is_an_answer(
    home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def break_down(*_: object, **__: object) -> None:
        raise RuntimeError("a fault")

    async with running_session(home) as stage:
        monkeypatch.setattr(stage.session.turns, "halt", break_down)
        reply = await stage.give(Halt(window="planner"))
        assert not reply.done
        assert "RuntimeError (see host.log)" in reply.text
        assert "a fault" in caplog.text


@pytest.mark.parametrize("size", ["wide", None, -5, 10**9, 3.5, True])
async def test_odd_sizes_and_keys_for_windows_without_a_terminal_do_nothing(home: Path, size: object) -> None:
    async with running_session(home) as stage, connect(stage) as other:
        await other.send(json.dumps({"t": "resize", "window": "worker", "columns": size, "rows": size}))
        await other.send(wire.pack(wire.INPUT, "nobody", b"x"))
        await other.send(wire.pack(wire.OUTPUT, "planner", b"x"))
        assert (await ask(other, json.dumps({"t": "dance", "id": 1})))["id"] == 1


@pytest.mark.parametrize("after", ["many", None, -3, {}])
async def test_an_odd_place_in_the_log_means_from_the_start(home: Path, after: object) -> None:
    async with running_session(home) as stage, connect(stage) as other:
        records = await ask(other, json.dumps({"t": "attach", "after": after}), "records")
        assert records["records"][0][0] == 1


async def test_a_screen_that_leaves_in_the_middle_of_its_order_does_not_break_it_off(home: Path) -> None:
    async with running_session(home) as stage:
        await (await stage.agents["planner"].turn()).end(SPEC)
        held = await stage.held("spec")
        async with connect(stage) as other:
            order = ApproveHandoff(handoff=held).model_dump()
            await other.send(json.dumps({"t": "order", "id": 1, "order": order}))
        await stage.agents["manager"].turn()


async def test_closing_tells_every_screen_why(home: Path) -> None:
    async with running_session(home) as stage:
        await stage.until(lambda state: state.turns)
        await stage.server.close("the test says so")
        async with asyncio.timeout(LIMIT):
            while stage.lost is None:  # noqa: ASYNC110  told by the same task that sets it
                await asyncio.sleep(0.01)
        assert (stage.lost.reason, stage.lost.ended) == ("the test says so", True)
        with pytest.raises(HostError, match="host is gone"):
            await stage.client.order(Halt())


class TestTheClient:
    async def heard(self, path: Path, *frames: str | bytes) -> list[Update]:
        """Attach to a host that says these frames and hangs up."""

        async def serve(connection: ServerConnection) -> None:
            await connection.recv()
            for frame in frames:
                await connection.send(frame)

        async with await unix_serve(serve, str(path)):
            client = await AttachedSession.attach(path)
            updates = [update async for update in client.updates()]
            await client.close()
        return updates

    async def test_nobody_there_is_told_with_what_to_do(self, home: Path) -> None:
        with pytest.raises(HostError, match="does not answer"):
            await AttachedSession.attach(home / "nobody.sock")

    async def test_a_host_of_another_version_is_named_as_the_reason(self, home: Path) -> None:
        (lost,) = await self.heard(home / "s.sock", wire.say("welcome", protocol=99))
        assert isinstance(lost, HostLost)
        assert "another version" in lost.reason
        assert not lost.ended

    async def test_an_event_it_does_not_know_is_named_as_the_reason(self, home: Path) -> None:
        frame = wire.say("records", records=[[1, 0.0, '{"kind": "teleported"}']], caught_up=True)
        (lost,) = await self.heard(home / "s.sock", frame)
        assert isinstance(lost, HostLost)
        assert "cannot be read" in lost.reason
        assert "another version" in lost.reason

    async def test_what_it_does_not_know_beside_is_passed_over(self, home: Path) -> None:
        record = json.loads(wire.say_records([], caught_up=True))
        updates = await self.heard(
            home / "s.sock",
            wire.say("welcome", protocol=wire.PROTOCOL),
            wire.say("fashion", colour="green"),
            json.dumps(record),
            wire.say("reply", id=99, done=True),
            wire.say("typist", you=True),
            wire.say("ending", reason="over"),
        )
        assert [type(update) for update in updates] == [Records, Typist, HostLost]
        assert updates[-1] == HostLost("over", ended=True)

    async def test_a_broken_connection_is_no_orderly_end_and_fails_who_waits(self, home: Path) -> None:
        async def vanish(connection: ServerConnection) -> None:
            await connection.recv()
            await connection.recv()
            connection.transport.abort()

        async with await unix_serve(vanish, str(home / "s.sock")):
            client = await AttachedSession.attach(home / "s.sock")
            with pytest.raises(HostError, match="is gone"):
                await client.order(Halt())
            updates = [update async for update in client.updates()]
            assert isinstance(updates[-1], HostLost)
            assert not updates[-1].ended
            await client.close()

    async def test_an_artefact_that_is_not_there_is_an_error_of_the_store(self, home: Path) -> None:
        async with running_session(home) as stage:
            with pytest.raises(StoreError):
                await stage.client.artefact("0" * 64)

    async def test_records_of_a_long_log_come_whole(self, home: Path) -> None:
        async with running_session(home) as stage:
            for n in range(0, 2000, 500):
                await stage.journal.append(
                    *(Noticed(level="info", text=f"{one} \x1b[31m") for one in range(n, n + 500))
                )
            late = await AttachedSession.attach(home / "s.sock")
            seqs: list[int] = []
            async with asyncio.timeout(LIMIT):
                async for update in late.updates():
                    if isinstance(update, Records):
                        seqs += [record.seq for record in update.records]
                        if update.caught_up:
                            break
            assert seqs == list(range(1, len(seqs) + 1))
            assert len(seqs) >= 2000
            await late.close()
