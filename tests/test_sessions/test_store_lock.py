"""One host per session: the kernel keeps the lock and drops it with its holder."""

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import sessions
from sessions.store.errors import FolderUnusable, SessionBusy
from sessions.store.lock import SessionLock

CODE = Path(sessions.__file__).parent.parent

HOLDER = """
import sys
from pathlib import Path
from sessions.store.lock import SessionLock
lock = SessionLock(Path(sys.argv[1])).acquire()
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    folder = tmp_path / "20261121-1432-ab3f"
    folder.mkdir()
    return folder / "lock"


@contextmanager
def holder(path: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a process that holds the lock until killed."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)],
        env={**os.environ, "PYTHONPATH": str(CODE)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == b"held\n"
        yield process
    finally:
        process.kill()
        process.stdin.close()
        process.stdout.close()
        process.wait()


def test_the_second_is_told_who_holds_it(path: Path) -> None:
    with holder(path) as process:
        with pytest.raises(SessionBusy) as told:
            SessionLock(path).acquire()
        assert told.value.pid == process.pid
        assert f"process {process.pid}" in told.value.what
        assert "quarterdeck attach 20261121-1432-ab3f" in told.value.next


def test_a_killed_holder_leaves_the_lock_free(path: Path) -> None:
    with holder(path) as process:
        process.kill()
        process.wait()
        with SessionLock(path) as lock:
            assert lock.held
            assert path.read_text() == f"{os.getpid()}\n"


def test_it_can_be_taken_again_after_release(path: Path) -> None:
    path.write_text("999999999999 left by a holder that was killed\n")
    path.chmod(0o600)
    first = SessionLock(path).acquire()
    with pytest.raises(SessionBusy):
        SessionLock(path).acquire()
    with pytest.raises(SessionBusy):
        first.acquire()
    assert path.read_text() == f"{os.getpid()}\n"
    first.release()
    first.release()
    assert not first.held
    with SessionLock(path), pytest.raises(SessionBusy) as told:
        first.acquire()
    assert told.value.pid == os.getpid()
    assert path.exists()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_program_started_meanwhile_does_not_keep_it(path: Path) -> None:
    lock = SessionLock(path).acquire()
    child = subprocess.Popen(
        [sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE, close_fds=False
    )
    try:
        lock.release()
        SessionLock(path).acquire().release()
    finally:
        child.communicate(timeout=30)
    assert child.returncode == 0


def test_a_program_that_outlives_a_killed_holder_does_not_keep_it(path: Path) -> None:
    code = HOLDER.replace(
        "print(", "import subprocess\nchild = subprocess.Popen(['sleep', '60'], close_fds=False)\nprint(child.pid, "
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(path)],
        env={**os.environ, "PYTHONPATH": str(CODE)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    left = int(process.stdout.readline().split()[0])
    try:
        process.kill()
        process.wait()
        SessionLock(path).acquire().release()
    finally:
        os.kill(left, 9)
        process.stdin.close()
        process.stdout.close()


def test_a_holder_that_has_not_said_who_it_is(path: Path) -> None:
    with SessionLock(path):
        path.write_text("not a number")
        with pytest.raises(SessionBusy, match="another process") as told:
            SessionLock(path).acquire()
    assert told.value.pid is None


def test_a_lock_that_cannot_be_made_is_told(path: Path) -> None:
    path.write_text("")
    with pytest.raises(FolderUnusable) as told:
        SessionLock(path / "lock").acquire()
    assert told.value.where == str(path / "lock")
    with pytest.raises(FolderUnusable):
        SessionLock(path.parent).acquire()
    link = path.with_name("link")
    link.symlink_to(path)
    with pytest.raises(FolderUnusable):
        SessionLock(link).acquire()
