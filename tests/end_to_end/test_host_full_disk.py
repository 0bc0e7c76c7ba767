"""The log cannot be written any more while a session runs: the host says so, ends, and the session goes on later."""

import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest
from host_stage import Client, Host, attached, client_of, make_project, make_session, nothing_left, read_log, serving

from sessions.events import HandoffApproved, HandoffEdited, HostStopped
from sessions.orders import ApproveHandoff, EditHandoff
from sessions.store.folders import SessionFolder

LONG = "a longer text\n" * 20_000


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own, large enough that the store keeps some room back, which only root can make."""
    if os.geteuid() != 0 or shutil.which("mount") is None or not sys.platform.startswith("linux"):
        pytest.skip("only root on Linux can make a small disk")
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=72m", "none", str(place)]
    mounted = subprocess.run(mount, capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip(f"no small disk can be mounted here: {mounted.stderr.decode().strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


@asynccontextmanager
async def waiting(folder: SessionFolder) -> AsyncIterator[tuple[Host, Client, str]]:
    """A session whose first handoff waits for the person."""
    async with client_of(folder) as (host, client):
        await client.until(lambda one: one.state.held())
        yield host, client, client.state.held()[0].proposed.handoff


async def go_on(folder: SessionFolder, held: str) -> None:
    """Take the session up again: what waited still waits, and crosses."""
    async with serving(folder) as host, attached(await host.socket()) as client:
        await client.until(lambda one: one.state.held())
        assert client.state.held()[0].proposed.handoff == held
        assert (await client.give(ApproveHandoff(handoff=held))).done
        await client.until_event(HandoffApproved, handoff=held)
        await host.stop()


async def test_on_a_full_disk_the_order_is_refused_the_end_is_logged_and_nothing_acknowledged_is_lost(
    home: Path, tmp_path: Path, disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUARTERDECK_HOME", str(disk))
    folder = make_session(make_project(tmp_path / "project"), gate="manual")
    async with waiting(folder) as (host, client, held):
        fill(disk)
        reply = await client.give(EditHandoff(handoff=held, text=LONG))
        assert not reply.done
        assert "disk is full" in reply.text
        lost = await client.until_lost()
        assert lost.ended
        assert "disk is full" in lost.reason
        assert await host.ends() == 70
    await nothing_left(home)
    records = await read_log(folder)
    assert records[: len(client.records)] == client.records
    assert isinstance(records[-1].event, HostStopped), "there was room kept for a last word"
    assert "disk is full" in records[-1].event.reason
    assert not [one for one in records if isinstance(one.event, HandoffEdited)]
    (disk / "filler").unlink()
    await go_on(folder, held)
    await nothing_left(home)


def fill(disk: Path) -> None:
    with (disk / "filler").open("wb") as file:
        room = os.statvfs(disk)
        file.write(b"x" * (room.f_bavail * room.f_frsize))


@pytest.mark.skipif(not hasattr(psutil.Process, "rlimit"), reason="this system cannot limit another process's files")
async def test_a_file_that_may_not_grow_ends_the_host_with_the_reason(home: Path, tmp_path: Path) -> None:
    folder = make_session(make_project(tmp_path / "project"), gate="manual")
    async with waiting(folder) as (host, client, held):
        log = folder.database.with_name("session.db-wal")
        psutil.Process(host.process.pid).rlimit(psutil.RLIMIT_FSIZE, (log.stat().st_size, -1))
        reply = await client.give(ApproveHandoff(handoff=held))
        assert not reply.done
        lost = await client.until_lost()
        assert "could not be written" in lost.reason
        assert await host.ends() == 70
        assert "Traceback" not in (folder.path / "host.log").read_text()
    await nothing_left(home)
    assert (await read_log(folder))[: len(client.records)] == client.records
    await go_on(folder, held)
    await nothing_left(home)
