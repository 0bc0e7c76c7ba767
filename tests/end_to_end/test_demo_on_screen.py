"""The demo as a person would watch it: in a real terminal, a whole loop, with halt, retask and detach on the way."""

import asyncio
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from terminal_person import Person

from sessions.client.attached import AttachedSession
from sessions.events import HaltProven, HandoffApproved, Rerouted, SessionEnded, TaskStarted
from sessions.orders import StopHost
from sessions.store.folders import SessionFolder, all_projects
from tui.session_list import read_records


def the_session() -> SessionFolder:
    [folder] = [folder for project in all_projects() for folder in project.sessions()]
    return folder


def events() -> list[object]:
    return [record.event for record in asyncio.run(read_records(the_session()))]


def approve_what_waits(person: Person) -> None:
    """Go to what waits, look at it, approve it."""
    person.press("F7", "a")
    person.wait("WHAT GOES ACROSS")
    person.read()
    person.press("a")
    person.wait(lambda text: "WHAT GOES ACROSS" not in text)


def approve_until_the_end(person: Person, limit: float = 120.0) -> None:
    """Approve whatever is held, one look at a time, until the session is over."""
    deadline = time.monotonic() + limit
    while not any(isinstance(event, SessionEnded) for event in events()):
        text = person.look(0.3)
        assert time.monotonic() < deadline, text
        if "WHAT GOES ACROSS" in text:
            person.read()
            person.press("a")
        elif re.search(r"! \d", text.splitlines()[0]):
            person.press("F7", "a")
            person.read()


def wait_for_event(reached: Callable[[object], bool], limit: float = 60.0) -> None:
    deadline = time.monotonic() + limit
    while time.monotonic() < deadline:
        if any(reached(event) for event in events()):
            return
        time.sleep(0.1)
    raise AssertionError("the log never showed it")


@pytest.fixture
def stopped_afterwards() -> Iterator[None]:
    yield
    folder = the_session()

    async def stop() -> None:
        host = await AttachedSession.caller(folder.socket)
        await host.order(StopHost(reason="the test is over"))
        await host.close()

    if folder.host_file.exists():
        asyncio.run(stop())


@pytest.mark.timeout(300)
@pytest.mark.usefixtures("stopped_afterwards")
def test_a_person_watches_halts_retasks_detaches_and_comes_back(tmp_path: Path) -> None:
    with Person("demo", "--pace", "0.25", "--folder", str(tmp_path / "sample")) as person:
        person.wait("REHEARSAL: scripted, no AI")
        person.wait("ASSISTED")
        person.wait("HELD FOR YOU")
        approve_what_waits(person)
        person.wait(lambda text: bool(re.search(r"plan.*HELD FOR YOU", text)))
        approve_what_waits(person)

        person.wait("permission: Allow")
        person.press("F7")
        person.wait("Allow once")
        person.press("2")
        person.wait(lambda text: bool(re.search(r"T-02 .*build", text)), 90)
        person.press("3", "F8")
        person.wait("⊘ HALT")
        wait_for_event(lambda event: isinstance(event, HaltProven) and event.window == "worker" and event.stopped)
        person.press("^G")
        person.wait("COMMANDS")
        person.press("t")
        person.wait("keeps the text")
        person.press("take the separators out first", "Enter")
        wait_for_event(lambda event: isinstance(event, Rerouted) and "separators" in event.note)
        wait_for_event(lambda event: isinstance(event, TaskStarted) and (event.task, event.attempt) == ("T-02", 2))

        person.press("^G")
        person.wait("COMMANDS")
        person.press("D")
        code, _ = person.leave()
        assert code == 0

    seen = len(events())
    wait_for_event(lambda event: isinstance(event, TaskStarted) and event.task == "T-03", 90)
    assert len(events()) > seen

    with Person("attach", the_session().id[-4:], columns=80, rows=24) as person:
        person.wait("REHEARSAL")
        approve_until_the_end(person)
        person.wait("PASSED")
        person.press("Esc")
        person.wait(lambda text: "SESSION PASSED" not in text)
        person.press("q")
        code, _ = person.leave()
        assert code == 0

    happened = events()
    assert isinstance(happened[-1], SessionEnded) or any(isinstance(event, SessionEnded) for event in happened)
    assert any(isinstance(event, HandoffApproved) and event.by == "you" for event in happened)
    assert any(isinstance(event, HandoffApproved) and event.by == "gate assisted" for event in happened)
