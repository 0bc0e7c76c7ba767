"""Recordings are asciicasts of version 3 that survive a crash and bring an emulator back to what was seen."""

import json
import os
from pathlib import Path

import pytest
from terminal_corpora import CORPORA

from sessions.errors import AgentError
from sessions.terminal.emulator import Emulator
from sessions.terminal.recording import RecordedEvent, Recording, read_recording
from sessions.terminal.replay import replay


class Clock:
    """A clock that moves when told."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def recorded(path: Path) -> list[tuple[float, str, str]]:
    return [(round(event.at, 6), event.code, event.data) for event in read_recording(path)[1]]


def test_the_file_is_an_asciicast(tmp_path: Path) -> None:
    path, clock = tmp_path / "1.cast", Clock()
    recording = Recording(path, 80, 24, title="Worker", clock=clock)
    clock.now += 0.25
    recording.output(b"hi\x1b[31m\r\n")
    clock.now += 1
    recording.resize(100, 30)
    recording.mark("turn 2")
    clock.now += 0.5
    recording.exit(3)

    head, *events = [json.loads(line) for line in path.read_text().splitlines()]
    assert (head["version"], head["title"]) == (3, "Worker")
    assert head["term"] == {"cols": 80, "rows": 24, "type": "xterm-256color"}
    assert isinstance(head["timestamp"], int)
    assert events == [
        [0.25, "o", "hi\x1b[31m\r\n"],
        [1.0, "r", "100x30"],
        [0.0, "m", "turn 2"],
        [0.5, "x", "3"],
    ]
    assert path.stat().st_mode & 0o777 == 0o600


def test_characters_cut_between_chunks_are_recorded_whole(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "1.cast", 80, 24)
    for byte in "a中é👍".encode():
        recording.output(bytes([byte]))
    recording.output(b"\xe4\xb8")
    recording.exit(0)

    texts = [data for _, code, data in recorded(tmp_path / "1.cast") if code == "o"]
    assert texts == ["a", "中", "é", "👍", "\ufffd"]


def test_intervals_do_not_drift(tmp_path: Path) -> None:
    clock = Clock()
    recording = Recording(tmp_path / "1.cast", 80, 24, clock=clock)
    for _ in range(10_000):
        clock.now += 0.0000004
        recording.output(b"x")

    *_, last = recorded(tmp_path / "1.cast")
    assert last[0] == pytest.approx(0.004, abs=1e-6)


def test_input_is_recorded_only_when_asked_for(tmp_path: Path) -> None:
    quiet, full = Recording(tmp_path / "1.cast", 80, 24), Recording(tmp_path / "2.cast", 80, 24, keystrokes=True)
    for recording in (quiet, full):
        recording.input(b"secret")
        recording.exit(0)

    assert [code for _, code, _ in recorded(tmp_path / "1.cast")] == ["x"]
    assert [code for _, code, _ in recorded(tmp_path / "2.cast")] == ["i", "x"]


def test_a_recording_cut_off_by_a_crash_is_read_up_to_there(tmp_path: Path) -> None:
    path = tmp_path / "1.cast"
    recording = Recording(path, 80, 24)
    recording.output(b"first")
    recording.output("zweitens ü".encode())
    recording.close()
    whole = path.read_bytes()
    path.write_bytes(whole[:-6])

    assert [data for _, _, data in recorded(path)] == ["first"]


def test_comments_and_unknown_events_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "1.cast"
    path.write_text(
        '{"version": 3, "term": {"cols": 9, "rows": 4}}\n# a comment\n[1, "z", "?"]\n[1, "o", "x"]\n{}\n[1]\n'
    )
    head, events = read_recording(path)

    assert (head.cols, head.rows, head.started) == (9, 4, 0.0)
    assert list(events) == [RecordedEvent(2.0, "o", "x")]


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"version": 2, "width": 80}', "hello", "\x00\x01"])
def test_what_is_no_recording_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "1.cast"
    path.write_text(content)
    with pytest.raises(AgentError) as caught:
        read_recording(path)
    assert caught.value.where == str(path)


def test_an_existing_recording_is_never_written_over(tmp_path: Path) -> None:
    Recording(tmp_path / "1.cast", 80, 24).exit(0)
    before = (tmp_path / "1.cast").read_bytes()
    with pytest.raises(AgentError):
        Recording(tmp_path / "1.cast", 80, 24)
    assert (tmp_path / "1.cast").read_bytes() == before


def test_the_limit_stops_the_recording_and_says_so(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "1.cast", 80, 24, limit=10_000)
    for _ in range(100):
        recording.output(b"x" * 1000)
    recording.exit(0)

    events = recorded(tmp_path / "1.cast")
    assert "limit" in recording.stopped
    assert (tmp_path / "1.cast").stat().st_size < 10_000
    assert [code for _, code, _ in events][-2:] == ["m", "x"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_ends_the_recording_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recording = Recording(tmp_path / "1.cast", 80, 24)
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, recording._descriptor)  # pyright: ignore[reportPrivateUsage]
    os.close(full)
    recording.output(b"x")
    recording.output(b"y")
    recording.exit(0)

    assert "No space left" in recording.stopped


@pytest.mark.parametrize("name", CORPORA)
def test_a_replay_ends_where_the_program_did(name: str, tmp_path: Path) -> None:
    live, recording = Emulator(40, 10), Recording(tmp_path / "1.cast", 40, 10)
    data = CORPORA[name]
    for at in range(0, len(data), 7):
        live.feed(data[at : at + 7])
        recording.output(data[at : at + 7])
    live.resize(50, 12)
    recording.resize(50, 12)
    recording.close()

    again = replay(tmp_path / "1.cast")
    assert again.screen() == live.screen()
    assert (again.cols, again.rows, again.title) == (50, 12, live.title)


def test_a_replay_stops_at_a_time(tmp_path: Path) -> None:
    clock = Clock()
    recording = Recording(tmp_path / "1.cast", 40, 10, clock=clock)
    for second in range(5):
        recording.output(b"%d" % second)
        clock.now += 1
    recording.exit(0)

    assert replay(tmp_path / "1.cast", until=2.5).text() == "012"
