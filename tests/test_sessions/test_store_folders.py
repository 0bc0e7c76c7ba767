"""Where everything lives: the roots, the projects, the sessions, and what is said when they cannot be used."""

import errno
import json
import os
import re
import stat
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import sessions
from sessions.store.errors import FolderUnusable, SessionAmbiguous, SessionNotFound
from sessions.store.files import check_private_folder, unusable
from sessions.store.folders import ProjectFolder, all_projects, find_session, new_session_id, project_name
from sessions.store.roots import SOCKET_PATH_LIMIT, Roots, config_root, runtime_root, socket_name, state_root

CODE = Path(sessions.__file__).parent.parent
MOMENT = datetime(2026, 11, 21, 14, 32, 7, tzinfo=UTC)


@pytest.fixture
def roots(tmp_path: Path) -> Roots:
    return Roots(tmp_path / "state", tmp_path / "run", tmp_path / "config")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    repository = tmp_path / "work" / "My Ship"
    repository.mkdir(parents=True)
    return repository


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


class TestRoots:
    """The three folders."""

    def test_one_variable_puts_everything_in_one_place(self, tmp_path: Path) -> None:
        home = Path("/tmp/qd-home")
        assert Roots.of({"QUARTERDECK_HOME": str(home)}) == Roots(home, home / "run", home / "config")

    def test_the_functions_ask_the_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("QUARTERDECK_HOME", "/tmp/qd-home")
        assert [state_root(), runtime_root(), config_root()] == [
            Path("/tmp/qd-home"),
            Path("/tmp/qd-home/run"),
            Path("/tmp/qd-home/config"),
        ]

    @pytest.mark.parametrize("named", ["rel/ative", "~/deck", "  /tmp/deck  ", "/tmp/a/../deck"])
    def test_the_home_is_absolute_for_whoever_inherits_the_variable(self, named: str) -> None:
        state = Roots.of({"QUARTERDECK_HOME": named}).state
        assert state.is_absolute()
        assert ".." not in state.parts

    def test_without_it_the_platform_decides(self, monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
        monkeypatch.delenv("QUARTERDECK_HOME")
        for empty in ({}, {"QUARTERDECK_HOME": "  "}):
            roots = Roots.of({**empty, "XDG_RUNTIME_DIR": str(home / "run")})
            assert roots.runtime == home / "run" / "quarterdeck"
            assert roots.state.is_relative_to(home)
            assert roots.config.is_relative_to(home)
            assert "quarterdeck" in roots.state.parts

    def test_a_home_too_deep_for_a_socket_keeps_its_sockets_elsewhere(self, home: Path) -> None:
        deep = "/" + "d" * 90
        roots = Roots.of({"QUARTERDECK_HOME": deep, "XDG_RUNTIME_DIR": str(home / "run")})
        assert roots.state == Path(deep)
        assert roots.runtime == home / "run" / "quarterdeck"

    @pytest.mark.parametrize("named", ["", "relative", "/nonexistent/run", "/dev/null"])
    def test_without_a_usable_runtime_folder_the_temporary_files_have_one(self, named: str) -> None:
        roots = Roots.of({"QUARTERDECK_HOME": "/" + "d" * 90, "XDG_RUNTIME_DIR": named})
        assert roots.runtime == Path(tempfile.gettempdir()) / f"quarterdeck-{os.geteuid()}"

    def test_a_runtime_folder_of_another_user_is_not_used(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(os, "geteuid", lambda: 4711)
        roots = Roots.of({"QUARTERDECK_HOME": "/" + "d" * 90, "XDG_RUNTIME_DIR": str(home / "run")})
        assert roots.runtime.name == "quarterdeck-4711"

    @given(st.text(st.characters(categories=["L", "Nd"]), min_size=1, max_size=120))
    def test_a_socket_fits_whatever_the_home(self, name: str) -> None:
        roots = Roots.of({"QUARTERDECK_HOME": f"/{name}"})
        session = ProjectFolder.for_repository(Path("/a/repository"), roots).session("20261121-1432-ab3f")
        assert len(os.fsencode(session.socket)) < SOCKET_PATH_LIMIT

    def test_sessions_of_two_homes_never_share_a_socket(self) -> None:
        assert socket_name(Path("/one/x")) != socket_name(Path("/two/x"))
        assert len(socket_name(Path("/one"))) == len(socket_name(Path("/much/longer/path")))


class TestSessionIds:
    """Short, and in order of time."""

    def test_an_id_says_when_in_utc(self) -> None:
        here = MOMENT.astimezone(timezone(timedelta(hours=9)))
        assert new_session_id(MOMENT, b"\x00\x05") == new_session_id(here, b"\x00\x05") == "20261121-1432-3q05"

    @given(
        st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2100, 1, 1)),  # noqa: DTZ001
        st.timedeltas(timedelta(milliseconds=59), timedelta(days=400)),
        st.binary(min_size=2, max_size=2),
        st.binary(min_size=2, max_size=2),
    )
    def test_later_ids_sort_later(self, early: datetime, gap: timedelta, one: bytes, other: bytes) -> None:
        moment = early.replace(tzinfo=UTC)
        first, second = new_session_id(moment, one), new_session_id(moment + gap, other)
        assert first < second
        assert re.fullmatch(r"\d{8}-\d{4}-[0-9a-z]{4}", first)


class TestProjects:
    """One folder per repository."""

    def test_every_path_to_a_repository_leads_to_one_folder(
        self, roots: Roots, repository: Path, tmp_path: Path
    ) -> None:
        (tmp_path / "link").symlink_to(repository)
        folder = ProjectFolder.for_repository(repository, roots)
        assert ProjectFolder.for_repository(tmp_path / "link", roots) == folder
        assert ProjectFolder.for_repository(repository / ".." / "My Ship", roots) == folder
        assert re.fullmatch(r"My-Ship-[0-9a-f]{8}", folder.path.name)
        assert folder.path.parent == roots.state / "projects"

    @pytest.mark.parametrize(
        ("name", "plain"),
        [("a b/é", "project"), ("..", "project"), ("漢字", "project"), ("-x-", "x"), ("a" * 90, "a" * 40)],
    )
    def test_any_name_makes_a_plain_folder(self, name: str, plain: str) -> None:
        assert re.fullmatch(rf"{plain}-[0-9a-f]{{8}}", project_name(Path("/repositories") / name))

    def test_two_repositories_of_one_name_are_two_projects(self) -> None:
        assert project_name(Path("/one/ship")) != project_name(Path("/two/ship"))

    def test_looking_makes_nothing(self, roots: Roots, repository: Path) -> None:
        folder = ProjectFolder.for_repository(repository, roots)
        assert folder.sessions() == []
        assert folder.repository() is None
        assert all_projects(roots) == []
        assert not roots.state.exists()

    def test_a_project_knows_its_repository(self, roots: Roots, repository: Path) -> None:
        folder = ProjectFolder.for_repository(repository, roots)
        folder.create(repository)
        folder.create(repository)
        assert folder.repository() == repository.resolve()
        assert all_projects(roots) == [folder]
        assert mode(folder.path) == mode(folder.path / "sessions") == mode(roots.state) == 0o700
        assert mode(folder.path / "project.json") == 0o600

    @pytest.mark.parametrize("note", ["", "{", "[]", "{}", '{"repository": 5}', '{"repository": ""}', "\udcff"])
    def test_a_broken_note_is_no_repository_and_is_mended(self, roots: Roots, repository: Path, note: str) -> None:
        folder = ProjectFolder.for_repository(repository, roots)
        folder.create(repository)
        (folder.path / "project.json").write_bytes(note.encode(errors="surrogateescape"))
        assert folder.repository() is None
        folder.create(repository)
        assert folder.repository() == repository.resolve()

    def test_a_path_that_is_no_text_survives(self, roots: Roots, tmp_path: Path) -> None:
        odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9\n"))
        folder = ProjectFolder.for_repository(odd, roots)
        folder.create(odd)
        assert folder.repository() == odd.resolve()


class TestSessions:
    """One folder per session."""

    @pytest.fixture
    def project(self, roots: Roots, repository: Path) -> ProjectFolder:
        project = ProjectFolder.for_repository(repository, roots)
        project.create(repository)
        return project

    def test_a_new_session_has_private_folders(self, project: ProjectFolder) -> None:
        session = project.create_session(MOMENT, lambda _: b"\x00\x00")
        assert session.id == "20261121-1432-3q00"
        assert session.exists()
        assert session.project == project
        folders = (session.path, session.artefacts, session.panes, session.clones, session.bin)
        assert [mode(folder) for folder in folders] == [0o700] * 5
        files = (session.database, session.host_log, session.host_file, session.lock)
        assert [file.name for file in files] == ["session.db", "host.log", "host.json", "lock"]
        assert not any(file.exists() for file in files)

    def test_sessions_are_listed_newest_first(self, project: ProjectFolder) -> None:
        made = [project.create_session(MOMENT + timedelta(seconds=n)) for n in (3, 0, 90, 40)]
        (project.path / "sessions" / "notes").mkdir()
        (project.path / "sessions" / "20261121-1432-zzzz").write_text("a file")
        assert project.sessions() == [made[2], made[3], made[0], made[1]]

    def test_a_taken_id_is_not_used_twice(self, project: ProjectFolder) -> None:
        chance: Iterator[bytes] = iter([b"\x00\x00", b"\x00\x00", b"\x00\x01"])
        ids = [project.create_session(MOMENT, lambda _: next(chance)).id for _ in range(2)]
        assert ids == ["20261121-1432-3q00", "20261121-1432-3q01"]
        with pytest.raises(FolderUnusable, match="taken"):
            project.create_session(MOMENT, lambda _: b"\x00\x00")

    @pytest.mark.parametrize(
        "name", ["", "..", "../../x", "20261121-1432-ab3", "20261121-1432-ab3f/..", "20261121-1432-ab3f\n"]
    )
    def test_what_is_no_id_leads_nowhere(self, project: ProjectFolder, name: str) -> None:
        with pytest.raises(SessionNotFound):
            project.session(name)

    def test_the_socket_s_folder_is_made_private(self, project: ProjectFolder, roots: Roots) -> None:
        session = project.create_session(MOMENT)
        assert session.prepare_socket() == session.socket == roots.runtime / socket_name(session.path)
        assert mode(roots.runtime) == 0o700


class TestFinding:
    """A session by the beginning of its id."""

    @pytest.fixture
    def made(self, roots: Roots, repository: Path, tmp_path: Path) -> list[str]:
        other = tmp_path / "work" / "boat"
        other.mkdir()
        ids: list[str] = []
        for place, seconds, chance in ((repository, 0, 1), (other, 30, 2), (other, 86400, 3)):
            project = ProjectFolder.for_repository(place, roots)
            project.create(place)
            start = MOMENT + timedelta(seconds=seconds)
            ids.append(project.create_session(start, lambda _, chance=chance: bytes([0, chance])).id)
        return ids

    def test_it_is_found_by_any_beginning_of_its_own(self, roots: Roots, made: list[str]) -> None:
        for wanted in (made[2], "20261122", made[2][:9], f" {made[2].upper()} "):
            assert find_session(wanted, roots).id == made[2]
        assert find_session(made[1][-4:], roots).id == made[1]
        assert find_session(made[1], roots).project.path.name.startswith("boat-")

    def test_several_are_listed_with_where_they_belong(self, roots: Roots, made: list[str], repository: Path) -> None:
        with pytest.raises(SessionAmbiguous) as told:
            find_session("20261121", roots)
        assert len(told.value.candidates) == 2
        assert all(one in told.value.what for one in made[:2])
        assert str(repository.resolve()) in told.value.what
        assert "more of the id" in told.value.next

    @pytest.mark.parametrize("wanted", ["", " ", "2025", "../..", "boat"])
    def test_none_is_told(self, roots: Roots, made: list[str], wanted: str) -> None:
        assert len(made) == 3
        with pytest.raises(SessionNotFound, match="There is no session") as told:
            find_session(wanted, roots)
        assert told.value.next

    def test_there_may_be_none_at_all(self, roots: Roots) -> None:
        with pytest.raises(SessionNotFound):
            find_session("2026", roots)


class TestTrouble:
    """What is said when the disk or the permissions stand in the way."""

    def test_a_state_folder_below_a_file(self, tmp_path: Path, repository: Path) -> None:
        (tmp_path / "file").write_text("")
        roots = Roots(tmp_path / "file" / "state", tmp_path / "run", tmp_path / "config")
        project = ProjectFolder.for_repository(repository, roots)
        for act in (lambda: project.create(repository), lambda: project.create_session(MOMENT)):
            with pytest.raises(FolderUnusable, match="file is where a folder should be") as told:
                act()
            assert str(tmp_path / "file") in told.value.where
            assert "QUARTERDECK_HOME" in told.value.next
        with pytest.raises(FolderUnusable):
            all_projects(roots)

    @pytest.mark.parametrize(
        ("code", "what", "next_step"),
        [
            (errno.ENOSPC, "No space", "Free some space"),
            (errno.EDQUOT, "No space", "Free some space"),
            (errno.EROFS, "may not write", "Change the permissions"),
            (errno.EACCES, "may not write", "Change the permissions"),
            (errno.EIO, "cannot be used", "See to the folder"),
        ],
    )
    def test_each_refusal_of_the_system_has_its_remedy(self, code: int, what: str, next_step: str) -> None:
        told = unusable(Path("/a/folder"), OSError(code, os.strerror(code)))
        assert what in told.what
        assert os.strerror(code) in told.what
        assert told.where == "/a/folder"
        assert next_step in told.next
        assert "set QUARTERDECK_HOME" in told.next

    def test_a_folder_that_may_not_be_written(self) -> None:
        """Root may write anywhere, so another user tries when root runs the tests."""
        code = """
            import json, os, sys
            from datetime import UTC, datetime
            from pathlib import Path
            from sessions.errors import StoreError
            from sessions.store.folders import ProjectFolder, Roots, all_projects

            place = Path(sys.argv[1])
            place.chmod(0o500)
            if os.geteuid() == 0:
                os.chown(place, 65534, 65534)
                os.setgroups([])
                os.setgid(65534)
                os.setuid(65534)
            roots = Roots(place / "state", place / "run", place / "config")
            project = ProjectFolder.for_repository(place, roots)
            told = []
            for act in (lambda: project.create(place), lambda: project.create_session(datetime.now(UTC))):
                try:
                    act()
                    told.append("made")
                except StoreError as error:
                    told.append([error.what, error.where, error.next])
            print(json.dumps(told))
        """
        with tempfile.TemporaryDirectory(prefix="qd-", dir="/tmp") as place:
            done = subprocess.run(
                [sys.executable, "-c", textwrap.dedent(code), place],
                env={**os.environ, "PYTHONPATH": str(CODE)},
                capture_output=True,
                timeout=60,
                check=True,
            )
        for what, where, next_step in json.loads(done.stdout):
            assert "may not write here" in what
            assert where.startswith(place)
            assert "QUARTERDECK_HOME" in next_step

    def test_a_runtime_folder_others_could_use_is_refused(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        folder = tmp_path / "run"
        folder.mkdir(mode=0o700)
        check_private_folder(folder)
        folder.chmod(0o750)
        with pytest.raises(FolderUnusable, match="open to other users"):
            check_private_folder(folder)
        folder.chmod(0o700)
        (tmp_path / "link").symlink_to(folder)
        with pytest.raises(FolderUnusable, match="not a folder"):
            check_private_folder(tmp_path / "link")
        monkeypatch.setattr(os, "geteuid", lambda: 4711)
        with pytest.raises(FolderUnusable, match="belongs to user"):
            check_private_folder(folder)
