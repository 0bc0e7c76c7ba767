"""The emulation library opens fast, from a cache that only this user can write, and refuses what it does not know."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sessions.errors import AgentError
from sessions.terminal.ghostty import library
from sessions.terminal.ghostty.library import Library, check_cell_layout, load


@pytest.fixture(autouse=True)
def nothing_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have every `load` open the library anew."""
    monkeypatch.setattr(library, "_loaded", {})


def loaded_anew(monkeypatch: pytest.MonkeyPatch, cache: Path) -> Library:
    monkeypatch.setattr(library, "_loaded", {})
    return load(cache)


def layout(**changes: dict[str, int]) -> str:
    bits = {name: {"lsb": lsb, "width": width} for name, (lsb, width) in library._CELL_BITS.items()}  # pyright: ignore[reportPrivateUsage]
    return json.dumps({"types": {"GhosttyCell": {"bits": bits | changes}}})


def test_the_known_layout_is_accepted() -> None:
    check_cell_layout(layout())


@pytest.mark.parametrize(
    "description",
    [layout(style_id={"lsb": 27, "width": 16}), layout(wide={"lsb": 42, "width": 3}), "{}", "[]", "not json"],
)
def test_any_other_layout_is_refused_with_what_to_do(description: str) -> None:
    with pytest.raises(AgentError) as caught:
        check_cell_layout(description)
    assert "pyghostty" in caught.value.next


def test_a_missing_wheel_is_refused_with_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(library.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(AgentError) as caught:
        load(tmp_path / "cache")
    assert "not installed" in caught.value.what
    assert "pyghostty" in caught.value.next


def test_a_library_file_that_cannot_be_opened_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PYGHOSTTY_LIB", str(tmp_path / "none.so"))
    with pytest.raises(AgentError):
        load(tmp_path / "cache")


def test_the_parsed_declarations_are_kept_for_this_user_only(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    first = load(cache)
    (kept,) = cache.glob("ghostty_*.py")

    assert cache.stat().st_mode & 0o777 == 0o700
    assert kept.stat().st_mode & 0o777 == 0o600
    assert first.fingerprint in kept.name
    assert not list(cache.glob(".*"))


def test_the_second_start_does_not_parse(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    load(cache)
    told = subprocess.run(
        [sys.executable, "-c", _LOADS_FROM, str(cache)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert told.stdout == "pycparser False pyghostty False\n"


_LOADS_FROM = """
import sys
from pathlib import Path
from sessions.terminal.ghostty.library import load
load(Path(sys.argv[1]))
print("pycparser", "pycparser" in sys.modules, "pyghostty", "pyghostty" in sys.modules)
"""


@pytest.mark.parametrize(("folder", "file"), [(0o700, 0o666), (0o777, 0o600)])
def test_code_that_others_could_have_written_is_never_run(
    folder: int, file: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    cache = tmp_path / "cache"
    load(cache)
    (kept,) = cache.glob("ghostty_*.py")
    kept.write_text("raise SystemExit('foreign code ran')")
    kept.chmod(file)
    cache.chmod(folder)

    assert loaded_anew(monkeypatch, cache).fingerprint
    assert "foreign" not in kept.read_text()


def test_what_is_kept_is_what_is_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    load(cache)
    (kept,) = cache.glob("ghostty_*.py")
    kept.write_text("raise SystemExit('our own code ran')")

    with pytest.raises(SystemExit, match="our own code ran"):
        loaded_anew(monkeypatch, cache)


def test_a_cache_that_cannot_be_written_only_costs_time(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")

    assert load(blocked / "cache").fingerprint == loaded_anew(monkeypatch, tmp_path / "cache").fingerprint
