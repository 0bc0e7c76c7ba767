"""Damaged logs, logs of another version, and disks that are full: what is whole stays, and the session goes on."""

import asyncio
import contextlib
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import LIMIT, Answer, make_repository, quarterdeck, short_workflow

from sessions.events import Record, SessionEnded
from sessions.host.starting import running_host
from sessions.store.folders import SessionFolder, find_session
from tui.session_list import read_records

FOLLOW = (
    "import asyncio, sys\nfrom sessions.store.folders import find_session\nfrom tui.headless import follow\n"
    "sys.exit(asyncio.run(follow(find_session(sys.argv[1]))))"
)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make_repository(tmp_path / "project")


@pytest.fixture
def short(tmp_path: Path) -> str:
    return short_workflow(tmp_path)


@pytest.fixture
def session(project: Path, short: str) -> SessionFolder:
    """A session that has passed."""
    answer = quarterdeck("run", "an idea", "--workflow", short, folder=project)
    assert answer.code == 0, answer
    return find_session(answer.session)


def follow(session: SessionFolder) -> Answer:
    """Take a session up again with no screen."""
    ended = subprocess.run(
        [sys.executable, "-P", "-c", FOLLOW, session.id], capture_output=True, text=True, timeout=LIMIT, check=False
    )
    return Answer(ended.returncode, ended.stdout, ended.stderr)


def records(session: SessionFolder) -> list[Record]:
    return asyncio.run(read_records(session))


def change(session: SessionFolder, statement: str) -> None:
    with contextlib.closing(sqlite3.connect(session.database)) as sql:
        sql.execute(statement)
        sql.commit()


def flip_in_a_row(session: SessionFolder, seq: int) -> None:
    """Change one letter of one event, as a failing disk would: only the chain of hashes can see it."""
    with contextlib.closing(sqlite3.connect(session.database)) as sql:
        (body,) = sql.execute("SELECT body FROM event WHERE seq = ?", (seq,)).fetchone()
        sql.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    data = session.database.read_bytes()
    at = data.index(body.encode())
    session.database.write_bytes(data[: at + 20] + bytes([data[at + 20] ^ 1]) + data[at + 21 :])


class TestADamagedLog:
    def damage(self, session: SessionFolder, how: str) -> None:
        size = session.database.stat().st_size
        if how == "cut":
            os.truncate(session.database, size // 2)
        elif how == "overwritten":
            with session.database.open("r+b") as file:
                file.seek(size // 2)
                file.write(os.urandom(4096))
        elif how == "empty":
            os.truncate(session.database, 0)
        elif how == "no database":
            session.database.write_text("This was a log once.\n" * 300)
        else:
            flip_in_a_row(session, 6)

    @pytest.mark.parametrize("how", ["cut", "overwritten", "flipped", "empty", "no database"])
    def test_is_told_everywhere_and_what_is_whole_is_saved(
        self, project: Path, session: SessionFolder, short: str, how: str
    ) -> None:
        before = records(session)
        self.damage(session, how)
        listed = quarterdeck("sessions", folder=project)
        assert listed.code == 0, listed
        if how != "overwritten":  # which may have hit a page that holds nothing
            assert "damaged" in listed.out
            assert f"quarterdeck recover {session.id}" in listed.out
            quarterdeck("log", session.id, folder=project).refuses(
                "log is damaged", f"quarterdeck recover {session.id}"
            )
            refused = follow(session)
            assert refused.code != 0
            assert "damaged" in refused.out + refused.err
            assert running_host(session) is None
        assert quarterdeck("run", "another", "--workflow", short, folder=project).code == 0, (
            "another session is not hurt"
        )

        mended = quarterdeck("recover", session.id, folder=project)
        assert mended.code == 0, mended
        assert "events saved" in mended.out
        assert (session.path / "session.damaged-1.db").exists()
        whole = records(session)
        assert whole == before[: len(whole)]
        if how == "flipped":
            assert len(whole) == 5
            assert "lost from event 6 on" in mended.out
        again = follow(session)
        assert again.code == 0, again
        assert records(session)[: len(whole)] == whole
        assert any(isinstance(one.event, SessionEnded) for one in records(session))

    def test_a_whole_log_loses_nothing_by_being_saved(self, project: Path, session: SessionFolder) -> None:
        before = records(session)
        assert "nothing lost" in quarterdeck("recover", session.id, folder=project).out
        assert records(session) == before
        quarterdeck("recover", session.id, folder=project)
        assert (session.path / "session.damaged-2.db").exists()

    def test_a_rescue_cut_short_is_finished_by_the_next(self, project: Path, session: SessionFolder) -> None:
        before = records(session)
        shutil.copyfile(session.database, session.path / "session.recovered.db")
        session.database.rename(session.path / "session.damaged-1.db")
        mended = quarterdeck("recover", session.id, folder=project)
        assert mended.code == 0, mended
        assert "an earlier rescue is finished" in mended.out
        assert records(session) == before

    def test_one_that_is_not_there_yet_is_nothing_to_be_saved(self, project: Path, session: SessionFolder) -> None:
        session.database.unlink()
        quarterdeck("recover", session.id, folder=project).refuses("no log yet", "quarterdeck attach")
        listed = quarterdeck("sessions", folder=project)
        assert "open" in listed.out
        assert "an idea" in listed.out

    def test_without_its_order_a_session_says_which_file_is_missing(self, session: SessionFolder) -> None:
        (session.path / "order.json").write_text("{")
        refused = follow(session)
        assert "order cannot be read" in refused.err
        assert "order.json" in refused.err


class TestALogOfAnotherVersion:
    def test_newer_in_its_form_is_left_alone(self, project: Path, session: SessionFolder) -> None:
        change(session, "PRAGMA user_version = 99")
        before = session.database.read_bytes()
        listed = quarterdeck("sessions", folder=project)
        assert "newer" in listed.out
        assert "damaged" not in listed.out
        quarterdeck("log", session.id, folder=project).refuses("a newer quarterdeck wrote", "update this one")
        quarterdeck("recover", session.id, folder=project).refuses("a newer quarterdeck wrote", "update this one")
        assert "newer" in follow(session).err
        assert session.database.read_bytes() == before


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of two megabytes, which only root can make."""
    if os.geteuid() != 0 or shutil.which("mount") is None or not sys.platform.startswith("linux"):
        pytest.skip("only root on Linux can make a small disk")
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "none", str(disk)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no small disk can be mounted here: {mounted.stderr.decode().strip()}")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


class TestAFullDisk:
    def fill(self, disk: Path, leave: int) -> None:
        """Leave only so many bytes."""
        room = os.statvfs(disk)
        with (disk / "filler").open("wb") as file:
            file.write(b"x" * max(room.f_bavail * room.f_frsize - leave, 0))

    @pytest.mark.parametrize("leave", [0, 64_000, 300_000])
    def test_is_told_and_once_there_is_room_the_session_goes_on(
        self, project: Path, short: str, small_disk: Path, leave: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("QUARTERDECK_HOME", str(small_disk))
        self.fill(small_disk, leave)
        answer = quarterdeck("run", "an idea " * 8000, "--workflow", short, folder=project)
        assert answer.code not in (0, 1), answer
        assert "space" in answer.out + answer.err
        answer.is_clean()
        (small_disk / "filler").unlink()
        started = [path.name for path in small_disk.glob("projects/*/sessions/*") if (path / "order.json").exists()]
        for name in started:
            session = find_session(name)
            assert running_host(session) is None
            again = follow(session)
            assert again.code == 0, again
