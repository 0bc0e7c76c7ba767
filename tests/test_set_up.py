"""Setting up, as a newcomer meets it: with an interpreter that only notes what it was asked to do."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parent.parent
_TOOLS = (
    *("sh", "cat", "cksum", "cp", "dirname", "find", "grep"),
    *("ln", "mkdir", "mv", "readlink", "rm", "sleep", "touch"),
)

# Stands for python3, for the python inside .venv, and under another name for uv.
_INTERPRETER = """#!/bin/sh
echo "${0##*/} $*" >>"$NOTES"
case "$*" in
    *venv*" .venv") mkdir -p .venv/bin && cp "$0" .venv/bin/python ;;
    *"pip install"*--require-hashes*)
        touch "$NOTES.installing"
        while [ -e "$NOTES.hold" ]; do sleep 0.02; done
        [ ! -e "$NOTES.broken" ] || { echo "no route to anywhere" >&2; exit 1; } ;;
    "-c "*sqlite3*) echo "$VERSION_SEEN" ;;
esac
"""
_BROKEN_UV = """#!/bin/sh
echo "uv $*" >>"$NOTES"
exit 2
"""


class Newcomer:
    """A person with a fresh checkout, in a folder whose name has a space, and few programs."""

    def __init__(self, home: Path) -> None:
        self.checkout = home / "my projects" / "quarterdeck"
        self.programs = home / "bin"
        self.notes = home / "notes"
        for folder in ("scripts", "requirements", "sessions"):
            (self.checkout / folder).mkdir(parents=True)
        for name in ("scripts/setup", "pyproject.toml", "sessions/version.py"):
            shutil.copy(_ROOT / name, self.checkout / name)
        for name in ("run", "dev"):
            (self.checkout / f"requirements/{name}.txt").write_text("textual==8.2.8\n")
        self.programs.mkdir()
        for tool in _TOOLS:
            (self.programs / tool).symlink_to(shutil.which(tool) or pytest.fail(f"no {tool} here"))
        for name in ("python3", "python3.14", "python3.13", "python3.12", "python3.11"):
            self.has(name, _INTERPRETER)
        self.version_seen = "3.12.1"

    def has(self, program: str, text: str) -> None:
        path = self.programs / program
        path.write_text(text)
        path.chmod(0o755)

    def sets_up(self, level: str = "run") -> tuple[int, str]:
        process = self.starts_to_set_up(level)
        _, said = process.communicate(timeout=60)
        return process.returncode, said

    def starts_to_set_up(self, level: str = "run") -> "subprocess.Popen[str]":
        self.notes.write_text("")
        self.mark("installing").unlink(missing_ok=True)
        return subprocess.Popen(
            [self.checkout / "scripts" / "setup", level],
            env={
                "PATH": str(self.programs),
                "HOME": os.environ["HOME"],
                "NOTES": str(self.notes),
                "VERSION_SEEN": self.version_seen,
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def mark(self, name: str) -> Path:
        return self.notes.with_name(f"notes.{name}")

    def did(self, what: str) -> bool:
        return any(what in line for line in self.notes.read_text().splitlines())


def _wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end, "waited 30 s in vain"
        time.sleep(0.01)


@pytest.fixture
def newcomer(home: Path) -> Newcomer:
    return Newcomer(home)


def test_the_first_time_says_each_step_and_the_second_does_nothing(newcomer: Newcomer) -> None:
    code, said = newcomer.sets_up()
    assert code == 0
    assert [line.partition(":")[0] for line in said.splitlines()] == [
        "set-up 1/3",
        "set-up 2/3",
        "set-up 3/3",
        "set-up",
    ]
    assert newcomer.sets_up() == (0, "")
    assert not newcomer.did("install")


def test_development_adds_to_what_running_needs(newcomer: Newcomer) -> None:
    newcomer.sets_up("run")
    code, _ = newcomer.sets_up("dev")
    assert code == 0
    assert newcomer.did("requirements/dev.txt")
    assert not newcomer.did("venv .venv")
    assert newcomer.sets_up("run") == newcomer.sets_up("dev") == (0, "")


@pytest.mark.parametrize("changed", ["requirements/run.txt", "pyproject.toml", "sessions/version.py"])
def test_a_changed_input_is_installed_again(newcomer: Newcomer, changed: str) -> None:
    newcomer.sets_up()
    path = newcomer.checkout / changed
    times = path.stat()
    path.write_text(path.read_text() + "# changed\n")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    code, _ = newcomer.sets_up()
    assert code == 0
    assert newcomer.did("install")


def test_a_failure_is_explained_and_not_taken_for_success(newcomer: Newcomer) -> None:
    newcomer.mark("broken").touch()
    for _ in range(2):
        code, said = newcomer.sets_up()
        assert code == 1
        assert "no route to anywhere" in said
        assert "run the same command again" in said
    newcomer.mark("broken").unlink()
    assert newcomer.sets_up()[0] == 0
    assert newcomer.did("install")


@pytest.mark.parametrize("stroke", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_after_an_interruption_it_starts_afresh(newcomer: Newcomer, stroke: signal.Signals) -> None:
    newcomer.mark("hold").touch()
    process = newcomer.starts_to_set_up()
    _wait_for(newcomer.mark("installing").exists)
    os.killpg(process.pid, stroke)
    _, said = process.communicate(timeout=30)
    assert process.returncode != 0
    assert stroke is signal.SIGKILL or "interrupted" in said
    newcomer.mark("hold").unlink()
    assert newcomer.sets_up()[0] == 0
    assert newcomer.did("venv .venv")


def test_two_at_once_take_turns(newcomer: Newcomer) -> None:
    newcomer.mark("hold").touch()
    first = newcomer.starts_to_set_up()
    _wait_for(newcomer.mark("installing").exists)
    second = newcomer.starts_to_set_up()
    assert second.stderr is not None
    assert "waiting" in second.stderr.readline()
    newcomer.mark("hold").unlink()
    for process in (first, second):
        process.communicate(timeout=30)
        assert process.returncode == 0
    assert not newcomer.mark("installing").exists(), "the second one installed as well"


def test_an_interpreter_that_is_gone_is_replaced(newcomer: Newcomer) -> None:
    newcomer.sets_up()
    interpreter = newcomer.checkout / ".venv/bin/python"
    interpreter.unlink()
    interpreter.symlink_to("/nowhere/python3")
    assert newcomer.sets_up()[0] == 0
    assert newcomer.did("venv .venv")


def test_a_moved_checkout_gets_a_new_environment(newcomer: Newcomer) -> None:
    newcomer.sets_up()
    newcomer.checkout = newcomer.checkout.rename(newcomer.checkout.with_name("elsewhere"))
    assert newcomer.sets_up()[0] == 0
    assert newcomer.did("venv .venv")


def test_an_environment_made_by_hand_is_used(newcomer: Newcomer) -> None:
    (newcomer.checkout / ".venv/bin").mkdir(parents=True)
    shutil.copy(newcomer.programs / "python3", newcomer.checkout / ".venv/bin/python")
    assert newcomer.sets_up()[0] == 0
    assert newcomer.did("install")
    assert not newcomer.did("venv .venv")


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        ("3.9.2 old", ["python3 is 3.9.2, which is too old", "apt install python3"]),
        ("3.11.2 ensurepip", ["python3 is 3.11.2, but lacks: ensurepip", "apt install python3-venv"]),
        ("3.12.1 sqlite3", ["lacks: sqlite3", "headers of SQLite"]),
    ],
)
def test_an_unfit_python_is_refused_with_the_way_out(newcomer: Newcomer, seen: str, words: list[str]) -> None:
    newcomer.version_seen = seen
    code, said = newcomer.sets_up()
    assert code != 0
    assert [word for word in words if word not in said] == []
    assert "network" not in said


def test_a_newer_python_beside_an_old_one_is_found(newcomer: Newcomer) -> None:
    newcomer.has("python3", "#!/bin/sh\necho 3.9.2 old\n")
    newcomer.has("python3.14", "#!/bin/sh\nexit 127\n")
    code, said = newcomer.sets_up()
    assert code == 0
    assert "with python3.13 (3.12.1)" in said


def test_a_python_newer_than_the_packages_is_taken_only_when_it_is_alone(newcomer: Newcomer) -> None:
    newcomer.has("python3", "#!/bin/sh\necho 3.15.0 new\n")
    code, said = newcomer.sets_up()
    assert (code, "with python3.14 (3.12.1)" in said) == (0, True)
    shutil.rmtree(newcomer.checkout / ".venv")
    newcomer.has("python3", _INTERPRETER)
    newcomer.version_seen = "3.15.0 new"
    code, said = newcomer.sets_up()
    assert (code, "newer than any Python this release was tried with" in said) == (0, True)


def test_no_python_at_all_is_said(newcomer: Newcomer) -> None:
    for program in newcomer.programs.glob("python3*"):
        program.unlink()
    code, said = newcomer.sets_up()
    assert code != 0
    assert "there is no python3 in PATH" in said


def test_uv_does_the_work_where_there_is_one(newcomer: Newcomer) -> None:
    newcomer.has("uv", _INTERPRETER)
    code, said = newcomer.sets_up()
    assert code == 0
    assert "with uv" in said
    assert newcomer.did("uv pip install")


def test_pip_takes_over_where_uv_fails(newcomer: Newcomer) -> None:
    newcomer.has("uv", _BROKEN_UV)
    code, said = newcomer.sets_up()
    assert code == 0
    assert "trying pip" in said
    assert newcomer.did("-m pip install")
