"""The journal: append, fold, tell everyone, in that order, whatever is cancelled and whatever fails."""

import asyncio
import gc
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sessions.events import Event, HostStopped, Noticed, Record
from sessions.host.journal import Journal
from sessions.state import EMPTY, fold_all
from sessions.store.artefacts import ArtefactStore
from sessions.store.errors import LogWriteFailed
from sessions.store.log import EventLog


def note(text: str) -> Noticed:
    return Noticed(level="info", text=text)


def texts(records: list[Record]) -> list[str]:
    return [record.event.text for record in records if isinstance(record.event, Noticed)]


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[Journal]:
    journal = Journal(await EventLog.create(tmp_path / "session.db"), ArtefactStore(tmp_path / "artefacts"))
    await journal.load()
    yield journal
    await journal.close()


async def test_what_is_appended_is_folded_and_told_after_the_commit(journal: Journal, tmp_path: Path) -> None:
    told: list[int] = []
    journal.listen(lambda records: told.extend(record.seq for record in records))
    await journal.append(note("one"), note("two"))
    assert told == [1, 2]
    assert journal.state == fold_all(journal.records)
    async with await EventLog.read_only(tmp_path / "session.db") as reader:
        assert [row.seq for row in await reader.rows()] == [1, 2]


async def test_a_listener_that_stopped_listening_is_told_nothing(journal: Journal) -> None:
    told: list[int] = []
    stop = journal.listen(lambda records: told.extend(record.seq for record in records))
    await journal.append(note("one"))
    stop()
    await journal.append(note("two"))
    assert told == [1]


async def test_an_append_runs_to_its_end_though_its_caller_is_cancelled(journal: Journal) -> None:
    appending = asyncio.create_task(journal.append(note("one")))
    await asyncio.sleep(0)
    appending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await appending
    await journal.append(note("two"))
    assert texts(journal.records) == ["one", "two"]
    assert journal.state.seq == 2


async def test_closing_waits_for_what_is_being_written(tmp_path: Path) -> None:
    journal = Journal(await EventLog.create(tmp_path / "other.db"), ArtefactStore(tmp_path / "artefacts"))
    appending = [asyncio.create_task(journal.append(note(str(n)))) for n in range(20)]
    await asyncio.sleep(0)
    for one in appending:
        one.cancel()
    await journal.close()
    async with await EventLog.read_only(tmp_path / "other.db") as reader:
        assert len(await reader.rows()) == 20


async def test_of_two_that_want_the_same_the_first_gets_it(journal: Journal) -> None:
    wins = await asyncio.gather(
        *(journal.append_if(lambda state: state.seq == 0, [note(str(n))]) for n in range(5)),
    )
    assert wins == [True, False, False, False, False]
    assert texts(journal.records) == ["0"]


async def test_events_made_at_the_moment_of_appending_see_what_came_before_them(journal: Journal) -> None:
    records = await asyncio.gather(
        *(journal.append_made(lambda state: [note(f"after {state.seq}")]) for _ in range(4)),
    )
    assert [texts(list(one)) for one in records] == [["after 0"], ["after 1"], ["after 2"], ["after 3"]]


async def test_what_cannot_be_made_is_raised_and_nothing_is_appended(journal: Journal) -> None:
    def refuse(_: object) -> list[Event]:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await journal.append_made(refuse)
    assert journal.state is EMPTY
    await journal.append(note("and it goes on"))


async def test_waiting_for_a_change_ends_with_the_next_event(journal: Journal) -> None:
    waiting = asyncio.create_task(journal.changed(0))
    reached = asyncio.create_task(journal.wait_for(lambda state: state.seq >= 2))
    await journal.append(note("one"))
    await waiting
    assert not reached.done()
    await journal.append(note("two"))
    await reached


async def test_a_log_that_cannot_be_written_is_told_to_whoever_watches_and_changes_nothing(
    journal: Journal, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    failing = asyncio.create_task(journal.failure())
    await journal.append(note("one"))

    async def full(*_: object) -> object:
        raise LogWriteFailed(tmp_path / "session.db", "No space left", remedy="Free some space.", disk_full=True)

    with monkeypatch.context() as patch:
        patch.setattr(journal._log, "append", full)
        with pytest.raises(LogWriteFailed):
            await journal.append(note("two"))
    assert (await failing).disk_full
    assert (await journal.failure()).disk_full, "also for who asks later"
    assert (journal.state.seq, len(journal.records)) == (1, 1)
    await journal.last_words(HostStopped(reason="No space left"))
    async with await EventLog.read_only(tmp_path / "session.db") as reader:
        assert [row.kind for row in await reader.rows()] == ["noticed", "host_stopped"]


async def test_a_log_is_read_again_as_it_was_and_the_collector_works_on(journal: Journal, tmp_path: Path) -> None:
    for n in range(0, 300, 100):
        await journal.append(*(note(str(one)) for one in range(n, n + 100)))
    again = Journal(await EventLog.open(tmp_path / "session.db"), ArtefactStore(tmp_path / "artefacts"))
    try:
        await again.load()
        assert again.records == journal.records
        assert again.state == journal.state
        assert gc.isenabled()
    finally:
        gc.unfreeze()
        await again.close()


async def test_artefacts_are_kept_whole_and_shown_as_text(journal: Journal) -> None:
    kept = await journal.keep(b"caf\xe9")
    assert await journal.text(kept) == "caf�"
    assert await journal.text("") == ""
