"""The host is killed at any moment, again and again: nothing is lost, nothing is done twice, nothing is left."""

import asyncio
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from host_stage import attached, make_project, make_session, nothing_left, read_log, serving

from sessions.events import (
    EvidenceTaken,
    HandoffApproved,
    HostStarted,
    NodeEntered,
    PromptReceipted,
    Record,
    SessionEnded,
    SessionPassed,
    SpecAppended,
    SurgicalEditMade,
    TaskStarted,
    ToolUsed,
    TransitionCalled,
    TurnEnded,
    TurnStarted,
    VerdictSubmitted,
    WorkReported,
)
from sessions.host.starting import running_host
from sessions.store.folders import SessionFolder

Moment = Callable[[Record], bool]


def entered(node: str) -> Moment:
    return lambda one: isinstance(one.event, NodeEntered) and one.event.node == node


def accepted(tool: str) -> Moment:
    return lambda one: isinstance(one.event, TransitionCalled) and one.event.accepted and one.event.tool == tool


def taken_by(window: str) -> Moment:
    return lambda one: (
        isinstance(one.event, PromptReceipted) and one.event.stage == "accepted" and window in one.event.source
    )


def begun(role: str) -> Moment:
    return lambda one: isinstance(one.event, TurnStarted) and one.event.role == role


def crossed(one: Record) -> bool:
    return isinstance(one.event, HandoffApproved)


def used_a_tool(one: Record) -> bool:
    return isinstance(one.event, ToolUsed)


def passed(one: Record) -> bool:
    return isinstance(one.event, SessionPassed)


WORKING = taken_by("osc")
# When, and up to how many seconds later. The host is killed at each of these moments, in this order.
MOMENTS: list[tuple[str, Moment | None, float]] = [
    ("before it has said anything", None, 0.15),
    ("in its first second", None, 0.5),
    ("while the Planner writes", begun("planner"), 0.2),
    ("between a handoff and its delivery", crossed, 0.01),
    ("while the Worker's program starts", begun("worker"), 0.2),
    ("while the Worker works in its terminal", WORKING, 0.6),
    ("as the Worker reports", accepted("report_done"), 0.01),
    ("while the tests run", entered("take_evidence"), 0.4),
    ("while the Auditor reads", begun("auditor"), 0.1),
    ("as the verdict is in", accepted("submit_verdict"), 0.01),
    ("while the Manager decides", begun("manager"), 0.05),
    ("while the tests run once more", entered("take_evidence"), 0.7),
    ("while the Exit Manager tries the program", used_a_tool, 0.2),
    ("as the Exit Manager passes the session", accepted("pass_session"), 0.02),
    ("while the report is written", passed, 0.01),
]


async def kill_at(folder: SessionFolder, moment: Moment | None, after: float, known: list[Record]) -> None:
    """Serve the session, kill the host at a moment, and keep what a client was shown before."""
    async with serving(folder) as host:
        if moment is None:
            await asyncio.sleep(after)
        else:
            async with attached(await host.socket(), after=len(known)) as client:
                await client.until(lambda one: any(moment(record) for record in one.records if record.seq > len(known)))
                await asyncio.sleep(after)
                running = running_host(folder)
                assert running is not None
                assert running.pid == host.process.pid
                host.kill()
                await client.until_lost()
                known += client.records
        host.kill()


@pytest.mark.timeout(300)
async def test_killed_at_every_moment_a_session_still_passes_and_does_nothing_twice(home: Path, tmp_path: Path) -> None:
    chance = random.Random(20261121)
    folder = make_session(make_project(tmp_path / "project"), pace=0.05)
    known: list[Record] = []
    for name, moment, longest in MOMENTS:
        await kill_at(folder, moment, chance.uniform(0.0, longest), known)
        await nothing_left(home)
        on_disk = await read_log(folder) if folder.database.exists() else []
        assert on_disk[: len(known)] == known, f"killed {name}, the log has lost something"

    followed = await asyncio.to_thread(follow, folder)
    assert followed.returncode == 0, followed.stdout + followed.stderr
    assert "PASSED" in followed.stdout
    await nothing_left(home)
    records = await read_log(folder)
    assert records[: len(known)] == known
    nothing_was_done_twice(records)
    every_turn_has_an_honest_end(records)
    assert_each_commit_is_made_once(folder)
    assert isinstance(records[-1].event, SessionEnded) or any(isinstance(one.event, SessionEnded) for one in records)
    assert len([one for one in records if isinstance(one.event, HostStarted)]) >= len(MOMENTS) - 2


def follow(folder: SessionFolder) -> "subprocess.CompletedProcess[str]":
    """Take the session up again with no screen, in a process of its own."""
    code = (
        "import asyncio, sys; from pathlib import Path; from sessions.store.folders import find_session\n"
        "from tui.headless import follow; sys.exit(asyncio.run(follow(find_session(sys.argv[1]))))"
    )
    return subprocess.run([sys.executable, "-c", code, folder.id], capture_output=True, text=True, check=False)


def nothing_was_done_twice(records: list[Record]) -> None:
    for kind in (TaskStarted, WorkReported, EvidenceTaken, VerdictSubmitted):
        seen = Counter((one.task, one.attempt) for one in of(records, kind))
        assert not [attempt for attempt, times in seen.items() if times > 1], kind
    assert len(of(records, SpecAppended)) == 1
    assert len(of(records, SessionPassed)) == 1
    assert len(of(records, SessionEnded)) == 1
    assert len(of(records, SurgicalEditMade)) == 1, "the edit of the Exit Manager is in the log, and once"
    visits = Counter((one.node, one.visit) for one in of(records, NodeEntered))
    assert max(visits.values()) == 1
    ids = Counter(one.turn for one in of(records, TurnStarted))
    assert max(ids.values()) == 1


def every_turn_has_an_honest_end(records: list[Record]) -> None:
    """A turn broken off by a kill is interrupted; one whose transition had been accepted is not."""
    took = {one.turn for one in of(records, TransitionCalled) if one.accepted}
    endings = {one.turn: one.ending for one in of(records, TurnEnded)}
    assert set(endings) == {one.turn for one in of(records, TurnStarted)}
    for turn, ending in endings.items():
        assert ending == ("transition" if turn in took else "interrupted")
    assert "interrupted" in endings.values()


def assert_each_commit_is_made_once(folder: SessionFolder) -> None:
    record = folder.clones / "record.git"
    said = subprocess.run(
        ["git", "--git-dir", str(record), "log", "--format=%(trailers:key=Checkpoint-Key,valueonly)", "--all"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    keys = Counter(line for line in said.splitlines() if line.strip())
    assert keys
    assert max(keys.values()) == 1


def of(records: list[Record], kind: type[Any]) -> list[Any]:
    return [record.event for record in records if isinstance(record.event, kind)]


async def test_a_killed_host_is_seen_and_taken_up_by_a_second_one_with_the_same_order(
    home: Path, tmp_path: Path
) -> None:
    folder = make_session(make_project(tmp_path / "project"), gate="manual")
    async with serving(folder) as host, attached(await host.socket()) as client:
        await client.until(lambda one: one.state.held())
        os.kill(host.process.pid, signal.SIGKILL)
        lost = await client.until_lost()
        assert not lost.ended
        held = client.state.held()[0].proposed.handoff
        host.process.wait()
        assert running_host(folder) is None, "its file is still there, and tells of a process that is gone"
        assert folder.host_file.exists()
    async with serving(folder) as host, attached(await host.socket()) as client:
        await client.until(lambda one: one.state.held())
        assert client.state.held()[0].proposed.handoff == held
        assert client.state.epoch == 2
        await host.stop()
    await nothing_left(home)
