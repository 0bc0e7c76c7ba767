"""The end of an exit turn, done again after a crash in the middle of it: it comes to the same."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from project_repositories import git
from session_stage import END, Played, Stage, running_session

from sessions.events import EditSetAside, KickedBack, SessionPassed, SurgicalEditMade, TransitionCalled
from sessions.host.exits import judge_exit
from sessions.host.turns import finished_turn
from sessions.workflow.graph import Limits
from sessions.workflow.runner import NodeResult


@pytest.fixture
async def stage(home: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    """A session whose exit turn is over, and whose host does nothing about it yet."""
    async with running_session(home, gate="auto", unattended=True) as stage:
        stage.play()
        stage.agents["exit-manager"].plays.clear()
        await stage.agents["exit-manager"].turn()
        monkeypatch.setattr("sessions.host.session.judge_exit", never)
        yield stage


async def never(*_: object) -> NodeResult:
    await asyncio.Event().wait()
    raise AssertionError


async def judge(stage: Stage) -> NodeResult:
    state = stage.journal.state
    window = state.windows["exit-manager"]
    turn = finished_turn(window, state.position.node, state.position.visit)
    assert turn is not None
    called = next(one for one in stage.of(TransitionCalled) if one.turn == turn.started.turn)
    return await judge_exit(stage.journal, stage.clone, turn, called, Limits(edit_files=2, edit_lines=20))


async def edit_and_pass(stage: Stage, lines: int) -> Played:
    turn = await stage.agents["exit-manager"].turn()
    (stage.clone.folder / "src" / "app.py").write_text("def answer():\n" + "    x = 1\n" * lines + "    return 42\n")
    await turn.end(END)
    await stage.until(lambda state: not state.turns)
    return turn


async def test_an_edit_is_committed_once_and_told_each_time(stage: Stage) -> None:
    await edit_and_pass(stage, 1)
    first = await judge(stage)
    # The host died here: the commit is made, its event is not in the log.
    again = await judge(stage)
    made = [event for event in first.events if isinstance(event, SurgicalEditMade)]
    assert len(made) == 1
    assert [event for event in again.events if isinstance(event, SurgicalEditMade)] == made
    assert made[0].files == ("src/app.py",)
    assert [type(event) for event in again.events][-1] is SessionPassed
    keys = git(stage.clone.record_folder, "log", "--all", "--format=%(trailers:key=Checkpoint-Key,valueonly)").split()
    assert keys.count("edit/check_session/1") == 1


async def test_an_edit_over_the_budget_is_not_passed_because_a_crash_came_while_it_was_taken_back(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    await edit_and_pass(stage, 40)
    monkeypatch.setattr(stage.clone, "restore", crash)
    with pytest.raises(KeyboardInterrupt):
        await judge(stage)
    monkeypatch.undo()
    again = await judge(stage)
    assert again.outcome == "kick_back"
    assert [type(event) for event in again.events] == [KickedBack]
    aside = stage.of(EditSetAside)
    assert len(aside) == 1
    assert (stage.clone.folder / "src" / "app.py").read_text() == "def answer():\n    return 41\n"
    patch = stage.folder / "aside.patch"
    patch.write_bytes(await stage.client.artefact(aside[0].diff))
    git(stage.clone.folder, "apply", "--check", str(patch))
    assert (await judge(stage)).outcome == "kick_back", "and once more, with the files long taken back"


async def crash(*_: object) -> None:
    raise KeyboardInterrupt


async def test_a_turn_that_changed_nothing_passes(stage: Stage) -> None:
    turn = await stage.agents["exit-manager"].turn()
    await turn.end(END)
    await stage.until(lambda state: not state.turns)
    result = await judge(stage)
    assert (result.outcome, [type(event) for event in result.events]) == ("pass_session", [SessionPassed])
