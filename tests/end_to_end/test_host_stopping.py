"""The host ends in order when it is told to, lets nobody else serve its session, and serves any number of screens."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from host_stage import LIMIT, attached, client_of, make_project, make_session, nothing_left, read_log, serving

from sessions.events import HandoffApproved, HostStopped, PromptReceipted, Record, TurnEnded, TurnStarted
from sessions.host.starting import BUSY, running_host, start_host
from sessions.orders import ApproveHandoff, StopHost


def endings(records: list[Record]) -> list[str]:
    return [one.event.ending for one in records if isinstance(one.event, TurnEnded)]


def stopped_once(records: list[Record]) -> str:
    """Return why the host stopped; it is the last thing it says."""
    last = records[-1].event
    assert isinstance(last, HostStopped)
    return last.reason


async def test_told_to_end_in_the_middle_of_a_turn_it_says_so_and_leaves_nothing(home: Path, tmp_path: Path) -> None:
    folder = make_session(make_project(tmp_path / "project"), pace=0.2)
    async with client_of(folder) as (host, client):
        await client.until_event(PromptReceipted, stage="accepted", source="osc 7501")
        code = await host.stop()
        assert code == 0
        lost = await client.until_lost()
        assert lost.ended
        assert "told to stop" in lost.reason
    await nothing_left(home)
    records = await read_log(folder)
    assert "told to stop" in stopped_once(records)
    assert endings(records)[-1] == "interrupted"
    assert not folder.host_file.exists()
    assert running_host(folder) is None
    assert (folder.path / "host.log").read_text() == ""


@pytest.mark.parametrize("after", [0.0, 0.2, 0.3, 0.4])
async def test_told_to_end_before_it_serves_it_ends_too(home: Path, tmp_path: Path, after: float) -> None:
    folder = make_session(make_project(tmp_path / "project"))
    async with serving(folder) as host:
        await asyncio.sleep(after)
        code = await host.stop()
    # Before Python has come to its handlers the signal itself ends the process.
    assert code in (0, -signal.SIGTERM)
    await nothing_left(home)
    assert (folder.path / "host.log").read_text() == ""
    if folder.database.exists():
        await read_log(folder)


async def test_a_second_host_is_refused_and_the_first_does_not_notice(home: Path, tmp_path: Path) -> None:
    folder = make_session(make_project(tmp_path / "project"), gate="manual")
    async with client_of(folder) as (host, client):
        await client.until(lambda one: one.state.held())
        seen = len(client.records)
        second = start_host(folder)
        assert await asyncio.to_thread(second.wait, LIMIT) == BUSY
        running = running_host(folder)
        assert running is not None
        assert running.pid == host.process.pid
        assert (folder.path / "host.log").read_text() == ""
        held = client.state.held()[0].proposed.handoff
        assert (await client.give(ApproveHandoff(handoff=held))).done
        await client.until_event(HandoffApproved, after=seen, handoff=held)
    await nothing_left(home)


async def test_of_two_hosts_started_at_once_one_serves_and_both_starters_find_it(home: Path, tmp_path: Path) -> None:
    folder = make_session(make_project(tmp_path / "project"), gate="manual")
    async with serving(folder) as one, serving(folder) as other:
        sockets = await asyncio.gather(one.socket(), other.socket())
        assert sockets[0] == sockets[1]
        running = running_host(folder)
        assert running is not None
        async with attached(sockets[0]) as client:
            await client.until(lambda seen: seen.state.held())
            await client.give(StopHost())
            await client.until_lost()
        assert {await one.ends(), await other.ends()} == {0, BUSY}
    await nothing_left(home)


async def test_one_that_comes_while_the_old_host_is_leaving_waits_for_it_and_serves(home: Path, tmp_path: Path) -> None:
    folder = make_session(make_project(tmp_path / "project"), pace=0.2)
    async with serving(folder) as host:
        async with attached(await host.socket()) as client:
            await client.until_event(PromptReceipted, stage="accepted", source="osc 7501")
            host.process.send_signal(signal.SIGTERM)
            # Its file goes first, and ending the Worker's program takes it a while.
            async with asyncio.timeout(LIMIT):
                while running_host(folder) is not None:  # noqa: ASYNC110  it is a file that goes
                    await asyncio.sleep(0.001)
        assert host.process.poll() is None
        async with client_of(folder) as (_, client):
            await client.until(lambda one: one.state.epoch == 2)
            await client.give(StopHost())
            await client.until_lost()
        assert await host.ends() == 0
    await nothing_left(home)


async def test_two_screens_get_the_same_and_one_of_them_types(home: Path, tmp_path: Path) -> None:
    folder = make_session(make_project(tmp_path / "project"), pace=0.2)
    async with client_of(folder) as (host, first), attached(await host.socket()) as second:
        await first.until_event(PromptReceipted, stage="accepted", source="osc 7501")
        await second.until(lambda one: len(one.records) >= len(first.records))
        await first.until(lambda one: "worker" in one.terminal)
        await second.until(lambda one: "worker" in one.terminal)
        assert first.typist
        assert second.typist is False
        # The other person types: from then on the keys are theirs.
        second.source.type_into("worker", b" ")
        await second.until(lambda one: one.typist)
        await first.until(lambda one: one.typist is False)
        await second.source.close()
        await first.until(lambda one: one.typist)
        await host.stop()
        await first.until_lost()
    await nothing_left(home)
    assert first.records == (await read_log(folder))[: len(first.records)]
    assert second.records == first.records[: len(second.records)]


async def test_a_screen_that_comes_late_is_told_what_a_running_turn_has_said(home: Path, tmp_path: Path) -> None:
    folder = make_session(make_project(tmp_path / "project"), gate="manual", pace=0.5)
    async with client_of(folder) as (host, first):
        await first.until(lambda one: len(one.said("planner")) > 100)
        async with attached(await host.socket()) as second:
            await second.until(lambda one: one.said("planner"))
            assert all(one.replayed for one in second.deltas[:1])
            until_now = first.said("planner")
            await second.until(lambda one: len(one.said("planner")) >= len(until_now))
            assert second.said("planner").startswith(until_now)
        await host.stop()
    await nothing_left(home)


async def test_a_stopped_screen_does_not_hold_the_host(home: Path, tmp_path: Path) -> None:
    """A client that was suspended (ctrl-z) reads nothing and answers nothing."""
    folder = make_session(make_project(tmp_path / "project"), pace=0.1)
    code = (
        "import asyncio, sys; from pathlib import Path; from sessions.client.attached import AttachedSession\n"
        "async def watch():\n"
        "    source = await AttachedSession.attach(Path(sys.argv[1]))\n"
        "    async for update in source.updates():\n"
        "        print('seen', flush=True)\n"
        "asyncio.run(watch())"
    )
    async with serving(folder) as host:
        socket = await host.socket()
        watcher = subprocess.Popen([sys.executable, "-c", code, str(socket)], stdout=subprocess.PIPE)  # noqa: ASYNC220
        try:
            assert watcher.stdout is not None
            await asyncio.to_thread(watcher.stdout.readline)
            os.kill(watcher.pid, signal.SIGSTOP)
            async with attached(socket) as client:
                await client.until_event(TurnStarted, role="worker")
            assert await host.stop() == 0
        finally:
            watcher.kill()
            watcher.wait()
            if watcher.stdout is not None:
                watcher.stdout.close()
    await nothing_left(home)
    assert "told to stop" in stopped_once(await read_log(folder))


async def test_a_host_nobody_watches_any_more_ends_with_its_session(home: Path, tmp_path: Path) -> None:
    folder = make_session(make_project(tmp_path / "project"), workflow=str(write_short_workflow(tmp_path)))
    async with serving(folder) as host:
        async with attached(await host.socket()) as client:
            await client.until(lambda one: one.state.ended is not None)
        assert await host.ends() == 0
    assert stopped_once(await read_log(folder)) == "the session is over"
    await nothing_left(home)


def write_short_workflow(folder: Path) -> Path:
    path = folder / "short.yaml"
    path.write_text(
        "name: short\nstart: write_spec\nnodes:\n"
        "  write_spec: {role: planner, tools: [append_spec], parts: [idea]}\n"
        "  done: {kind: exit, outcome: passed}\n"
        "edges:\n  - {from: write_spec, to: done, handoff: spec}\n"
    )
    return path
