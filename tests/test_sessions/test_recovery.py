"""A host that takes a session up closes what the last one left open, in the log and on the machine."""

import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from process_trees import PYTHON, STAYING, members, until

from sessions.events import (
    Event,
    HaltOrdered,
    HaltProven,
    HostStarted,
    Noticed,
    ProcessEnded,
    ProcessIntended,
    ProcessStarted,
    PromptReceipted,
    Seat,
    SessionStarted,
    TransitionCalled,
    TurnEnded,
    TurnStarted,
)
from sessions.host.journal import Journal
from sessions.host.recovery import recover
from sessions.processes.leftovers import mark_process
from sessions.processes.supervision import MARKER_VARIABLE, new_marker
from sessions.store.artefacts import ArtefactStore
from sessions.store.log import EventLog


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[Journal]:
    journal = Journal(await EventLog.create(tmp_path / "session.db"), ArtefactStore(tmp_path / "artefacts"))
    await journal.load()
    await journal.append(started())
    yield journal
    await journal.close()


def started(*, rehearsal: bool = True) -> SessionStarted:
    seats = tuple(
        Seat(window=one, number=n, role=one, title=one, agent="model", model="m", via="api", rehearsal=rehearsal)
        for n, one in enumerate(("worker", "auditor"), 1)
    )
    return SessionStarted(
        session="s", project="p", repository="/r", idea="i", workflow_name="w", workflow="", base="b", branch="x",
        seats=seats, rehearsal=rehearsal, screen=True,
    )  # fmt: skip


def turn(name: str, window: str = "worker") -> TurnStarted:
    return TurnStarted(turn=name, window=window, role=window, node="build", prompt="", parts=(), tokens=70)


def accepted(name: str) -> TransitionCalled:
    return TransitionCalled(turn=name, tool="report_done", key="k", arguments="{}", accepted=True, reply="ok")


def since(journal: Journal, count: int) -> list[Event]:
    return [record.event for record in journal.records[count:]]


async def test_the_first_start_only_notes_the_host(journal: Journal) -> None:
    await recover(journal, 42)
    assert since(journal, 1) == [HostStarted(epoch=1, pid=42)]


async def test_a_turn_under_way_is_interrupted_and_one_that_was_accepted_is_not(journal: Journal) -> None:
    await journal.append(turn("t001"), accepted("t001"), turn("t002", "auditor"))
    await journal.append(PromptReceipted(turn="t002", stage="accepted", source="stream"))
    await recover(journal, 42)
    ended = [event for event in since(journal, 5) if isinstance(event, TurnEnded)]
    assert [(one.turn, one.ending, one.input_tokens) for one in ended] == [
        ("t001", "transition", 70),
        ("t002", "interrupted", 70),
    ]
    assert not journal.state.turns
    noticed = next(event for event in since(journal, 5) if isinstance(event, Noticed))
    assert "in the middle of a turn of auditor" in noticed.text


async def test_a_prompt_that_was_never_sent_cost_nothing_and_one_that_was_cost_nobody_knows_what(
    tmp_path: Path,
) -> None:
    journal = Journal(await EventLog.create(tmp_path / "session.db"), ArtefactStore(tmp_path / "artefacts"))
    await journal.append(started(rehearsal=False), turn("t001"), turn("t002", "auditor"))
    await journal.append(PromptReceipted(turn="t002", stage="written", source="pty"))
    await recover(journal, 42)
    ended = {event.turn: event for event in since(journal, 4) if isinstance(event, TurnEnded)}
    assert (ended["t001"].input_tokens, ended["t001"].cost) == (0, 0.0)
    assert (ended["t002"].input_tokens, ended["t002"].cost) == (70, None)
    await journal.close()


async def test_a_program_left_running_is_ended_with_its_tree_and_told_so(journal: Journal) -> None:
    marker = new_marker()
    intended = ProcessIntended(process="p-1", window="worker", marker=marker, argv=("agent",))
    program = subprocess.Popen(  # noqa: ASYNC220
        [*PYTHON, STAYING], stdout=subprocess.PIPE, env={MARKER_VARIABLE: marker}, start_new_session=True
    )
    try:
        assert program.stdout is not None
        program.stdout.readline()
        mark = mark_process(program.pid, marker)
        await journal.append(intended, ProcessStarted(process="p-1", pid=mark.pid, started=mark.started))
        await recover(journal, 42)
        # Its own parent, which we are, reaps it.
        program.wait()
        assert not members(marker)
        ended = next(event for event in since(journal, 3) if isinstance(event, ProcessEnded))
        assert ended.how == "found running after a crash and ended"
        assert not journal.state.processes
        assert journal.state.windows["worker"].activity == "exited"
    finally:
        program.kill()
        program.wait()
        if program.stdout is not None:
            program.stdout.close()


async def test_a_program_only_intended_is_found_by_its_marker(journal: Journal) -> None:
    marker = new_marker()
    await journal.append(ProcessIntended(process="p-1", window="worker", marker=marker, argv=("agent",)))
    code = "import time; print('ready', flush=True); time.sleep(1000)"
    program = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, env={MARKER_VARIABLE: marker})  # noqa: ASYNC220
    try:
        assert program.stdout is not None
        program.stdout.readline()
        await recover(journal, 42)
        until(lambda: program.poll() is not None)
    finally:
        program.kill()
        program.wait()
        if program.stdout is not None:
            program.stdout.close()


async def test_one_that_is_gone_is_told_to_be_gone(journal: Journal) -> None:
    await journal.append(
        ProcessIntended(process="p-1", window="worker", marker=new_marker(), argv=("agent",)),
        ProcessStarted(process="p-1", pid=999_999_999, started=1.0),
    )
    await recover(journal, 42)
    assert [event.how for event in since(journal, 3) if isinstance(event, ProcessEnded)] == [
        "gone when the host came back"
    ]


async def test_a_halt_that_was_not_proven_yet_is_proven_by_the_end_of_the_host(journal: Journal) -> None:
    proven = HaltProven(window="auditor", stopped=True, step="cancel", observed="stream closed", seconds=0.1)
    await journal.append(HaltOrdered(window=""), proven)
    await recover(journal, 42)
    proofs = [event for event in since(journal, 3) if isinstance(event, HaltProven)]
    assert [(one.window, one.stopped, one.step) for one in proofs] == [("worker", True, "host ended")]
    assert journal.state.windows["worker"].halted, "halted stays halted"


async def test_each_start_counts(journal: Journal) -> None:
    for _ in range(3):
        await recover(journal, 42)
    assert journal.state.epoch == 3
