"""The model agent under a halt: everything it had open is closed, and that is proven."""

import asyncio
from pathlib import Path

import psutil
import pytest
from scripted_model import (
    VERDICT_CALL,
    Artefacts,
    RecordingSink,
    ScriptedClient,
    agent,
    audit_order,
    call,
    says,
)

from sessions.agents.protocol import HaltProof, TurnOrder
from sessions.models.protocol import TextDelta


@pytest.fixture
def sink() -> RecordingSink:
    return RecordingSink()


@pytest.fixture
def artefacts() -> Artefacts:
    return Artefacts()


@pytest.fixture
def order(tmp_path: Path) -> TurnOrder:
    return audit_order(tmp_path)


class TestHalting:
    async def test_halting_a_stream_closes_it_and_proves_it(
        self, order: TurnOrder, sink: RecordingSink, artefacts: Artefacts
    ) -> None:
        begun = asyncio.Event()

        async def hang() -> None:
            begun.set()
            await asyncio.Event().wait()

        client = ScriptedClient([[TextDelta("I begin"), hang]])
        one = agent(client, artefacts)
        turn = asyncio.create_task(one.run_turn(order, sink))
        await begun.wait()
        proof = await one.halt()
        assert client.open == 0
        assert (proof.stopped, proof.step, proof.observed) == (True, "cancel", "stream closed")
        assert proof.seconds >= 0
        report = await turn
        assert (report.ending, report.detail) == ("interrupted", "halted")
        assert "I begin" in report.said
        assert report.usage.cost is None
        assert await one.halt() == HaltProof(True, "none", "nothing was running", 0.0)

    async def test_halting_a_program_ends_it_and_what_it_started(
        self, order: TurnOrder, sink: RecordingSink, artefacts: Artefacts, tmp_path: Path
    ) -> None:
        command = "sleep 300 & echo $! > new; mv new pid; sleep 300"
        client = ScriptedClient([says("", call("run", {"command": command}))])
        one = agent(client, artefacts)
        turn = asyncio.create_task(one.run_turn(order, sink))
        async with asyncio.timeout(30):
            while not (tmp_path / "pid").exists():  # noqa: ASYNC110  another process makes it
                await asyncio.sleep(0.01)
        proof = await one.halt(grace=20)
        assert proof.stopped
        assert proof.observed == "run ended, stream closed"
        assert not psutil.pid_exists(int((tmp_path / "pid").read_text()))
        assert (await turn).ending == "interrupted"

    async def test_cancelling_the_turn_closes_the_stream(
        self, order: TurnOrder, sink: RecordingSink, artefacts: Artefacts
    ) -> None:
        begun = asyncio.Event()

        async def hang() -> None:
            begun.set()
            await asyncio.Event().wait()

        client = ScriptedClient([[hang], says("", VERDICT_CALL)])
        one = agent(client, artefacts)
        turn = asyncio.create_task(one.run_turn(order, sink))
        await begun.wait()
        turn.cancel()
        with pytest.raises(asyncio.CancelledError):
            await turn
        assert client.open == 0
        assert (await one.run_turn(order, sink)).ending == "transition"

    async def test_a_backend_that_will_not_close_is_not_called_stopped(
        self, order: TurnOrder, sink: RecordingSink, artefacts: Artefacts
    ) -> None:
        begun, let_go = asyncio.Event(), asyncio.Event()

        async def cling() -> None:
            begun.set()
            while not let_go.is_set():
                try:
                    await let_go.wait()
                except asyncio.CancelledError:
                    continue

        client = ScriptedClient([[cling, *says("", VERDICT_CALL)]])
        one = agent(client, artefacts)
        turn = asyncio.create_task(one.run_turn(order, sink))
        await begun.wait()
        proof = await one.halt(grace=0.01)
        assert not proof.stopped
        assert "stream is still open" in proof.observed
        let_go.set()
        assert (await turn).ending == "interrupted"
        assert client.open == 0
        assert sink.calls == []

    async def test_a_transition_at_the_door_is_not_cut_in_two(self, order: TurnOrder, artefacts: Artefacts) -> None:
        sink = RecordingSink(at_the_door=asyncio.Event(), open_door=asyncio.Event())
        assert sink.at_the_door is not None
        assert sink.open_door is not None
        one = agent(ScriptedClient([says("", VERDICT_CALL)]), artefacts)
        turn = asyncio.create_task(one.run_turn(order, sink))
        await sink.at_the_door.wait()
        halt = asyncio.create_task(one.halt(grace=20))
        await asyncio.sleep(0)
        sink.open_door.set()
        assert (await halt).stopped
        report = await turn
        assert (report.ending, report.detail) == ("transition", "submit_verdict")
        assert len(sink.accepted) == 1

    async def test_closing_is_safe_at_any_time(self, artefacts: Artefacts) -> None:
        one = agent(ScriptedClient([]), artefacts)
        await one.close()
        await one.close()
