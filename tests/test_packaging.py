"""What a person installs: the wheel, the locks and the list of things make can do."""

import re
import subprocess
import sys
import tomllib
import zipfile
from email.parser import Parser
from importlib.metadata import packages_distributions
from pathlib import Path

import grimp
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from sessions.version import VERSION

_ROOT = Path(__file__).resolve().parent.parent
_PACKAGES = ("panes", "sessions", "themes", "tui")
_LOCKS = [_ROOT / "requirements" / name for name in ("run.txt", "dev.txt")]
_EXACT = re.compile(r"[a-z0-9.-]+==[^ ]+ ( *;[^#]+)? *--hash=sha256:")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    built = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    (path,) = folder.glob("quarterdeck-*.whl")
    return path


def _pins(lock: Path) -> dict[str, Requirement]:
    entries = lock.read_text().replace("\\\n", " ").splitlines()
    texts = [entry.partition(" --hash")[0] for entry in entries if entry[:1].isalnum()]
    return {canonicalize_name(pin.name): pin for pin in map(Requirement, texts)}


class TestWheel:
    def test_holds_every_file_of_the_packages_and_nothing_else(self, wheel: Path) -> None:
        here = {
            path.relative_to(_ROOT).as_posix()
            for package in _PACKAGES
            for path in (_ROOT / package).rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        }
        with zipfile.ZipFile(wheel) as archive:
            packed = {name for name in archive.namelist() if ".dist-info/" not in name}
        assert packed == here

    def test_names_its_version_its_commands_and_its_licence(self, wheel: Path) -> None:
        with zipfile.ZipFile(wheel) as archive:
            about = f"quarterdeck-{VERSION}.dist-info"
            metadata = Parser().parsestr(archive.read(f"{about}/METADATA").decode())
            commands = archive.read(f"{about}/entry_points.txt").decode()
            licence = archive.read(f"{about}/licenses/LICENSE").decode()
        assert metadata["Version"] == VERSION
        assert metadata["Requires-Python"] == ">=3.11"
        assert set(commands.split("\n")) >= {"quarterdeck = tui.cli:main", "qd = tui.cli:main"}
        assert licence.startswith("MIT License")

    def test_works_away_from_the_checkout(self, wheel: Path, home: Path) -> None:
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(home / "installed")
        code = (
            f"import sys; sys.path.insert(0, {str(home / 'installed')!r})\n"
            "import tui.cli; print(tui.cli.__file__, file=sys.stderr)\n"
            "sys.argv = ['quarterdeck', '--version']; tui.cli.main()"
        )
        ended = subprocess.run(
            [sys.executable, "-P", "-c", code], cwd=home, capture_output=True, text=True, check=False
        )
        assert ended.returncode == 0, ended.stderr
        assert str(home) in ended.stderr
        assert VERSION in ended.stdout


def test_declares_what_it_imports_and_imports_what_it_declares() -> None:
    graph = grimp.build_graph(*_PACKAGES, include_external_packages=True, cache_dir=None)
    roots = {name for name in graph.modules if "." not in name} - {*_PACKAGES, *sys.stdlib_module_names}
    origins = packages_distributions()
    imported = {canonicalize_name(origins[root][0]) for root in roots}
    project = tomllib.loads((_ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["api"]]
    declared = {canonicalize_name(Requirement(text).name) for text in wanted}
    # The first comes with pydantic, at an exact version. The others are opened as a library, started as a program,
    # and needed by litellm.
    assert imported - {"pydantic-core"} == declared - {"pyghostty", "pytest", "mcp"}


class TestLocks:
    @pytest.mark.parametrize("lock", _LOCKS, ids=lambda lock: lock.name)
    def test_pin_each_package_to_one_version_with_hashes(self, lock: Path) -> None:
        entries = [line for line in lock.read_text().replace("\\\n", "").splitlines() if line[:1].isalnum()]
        assert entries
        assert [entry for entry in entries if not _EXACT.match(entry)] == []

    @pytest.mark.parametrize("lock", _LOCKS, ids=lambda lock: lock.name)
    def test_name_no_address_and_no_folder(self, lock: Path) -> None:
        text = lock.read_text()
        assert "://" not in text
        assert "--index" not in text
        assert "--find-links" not in text
        assert re.search(r"(?m)(^|[ @])/", text) is None

    def test_fit_what_the_project_asks_for(self) -> None:
        settings = tomllib.loads((_ROOT / "pyproject.toml").read_text())
        groups = settings["dependency-groups"]
        run = [*settings["project"]["dependencies"], *groups["build"]]
        api = settings["project"]["optional-dependencies"]["api"]
        dev = [*run, *api, *(entry for entry in groups["dev"] if isinstance(entry, str))]
        for lock, wanted in zip(_LOCKS, (run, dev), strict=True):
            pins = _pins(lock)
            for requirement in map(Requirement, wanted):
                pin = pins[canonicalize_name(requirement.name)]
                (version,) = (specifier.version for specifier in pin.specifier)
                assert requirement.specifier.contains(version), f"{lock.name}: {pin} for {requirement}"

    def test_agree_with_each_other(self) -> None:
        run, dev = map(_pins, _LOCKS)
        assert {name: str(pin.specifier) for name, pin in run.items()}.items() <= {
            name: str(pin.specifier) for name, pin in dev.items()
        }.items()

    def test_leave_litellm_out_of_a_plain_install(self) -> None:
        run, dev = map(_pins, _LOCKS)
        assert "litellm" not in run
        assert "litellm" in dev


def test_make_alone_explains_every_target() -> None:
    shown = subprocess.run(["make"], cwd=_ROOT, capture_output=True, text=True, check=True).stdout
    explained = dict(re.findall(r"^  make (\w+) +(\S.*)$", shown, re.MULTILINE))
    listed = re.search(r"^\.PHONY: (.+)$", (_ROOT / "Makefile").read_text(), re.MULTILINE)
    assert listed is not None
    assert set(explained) == {name for name in listed[1].split() if not name.startswith("ready-")}
