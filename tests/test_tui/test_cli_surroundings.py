"""What surrounds the command: locales, homes, temporary folders, closed streams, readers that go away."""

import subprocess
from pathlib import Path

import pytest
from command_line import (
    COMMAND,
    LIMIT,
    Answer,
    changed,
    git,
    make_repository,
    quarterdeck,
    short_workflow,
    without_powers,
)

NO_UTF8: dict[str, str | None] = {
    "LC_ALL": "C",
    "LANG": None,
    "PYTHONUTF8": "0",
    "PYTHONCOERCECLOCALE": "0",
    "PYTHONIOENCODING": None,
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make_repository(tmp_path / "project")


@pytest.fixture
def short(tmp_path: Path) -> str:
    return short_workflow(tmp_path)


class TestLocales:
    @pytest.mark.parametrize(
        "environment",
        [{"LC_ALL": "C"}, NO_UTF8, {"PYTHONIOENCODING": "latin-1:strict"}],
        ids=["C", "no UTF-8", "latin-1"],
    )
    def test_without_utf_8_everything_is_told_with_marks_for_what_cannot_be_written(
        self, project: Path, short: str, environment: dict[str, str | None]
    ) -> None:
        idea = "Stücke zählen, 数える ✓".encode()
        answer = quarterdeck("run", "--workflow", short, folder=project, given=idea, environment=environment)
        assert answer.code == 0, answer
        for told in (
            answer,
            quarterdeck("log", folder=project, environment=environment),
            quarterdeck("sessions", folder=project, environment=environment),
            quarterdeck("--help", environment=environment),
        ):
            assert told.code == 0, told
            assert "Traceback" not in told.err
            assert "UnicodeEncodeError" not in told.err
        refused = quarterdeck("run", "x", "--workflow", "größe", folder=project, environment=environment)
        assert refused.code == 5
        assert "Traceback" not in refused.err

    def test_with_it_the_idea_is_told_as_it_was_given(self, project: Path, short: str) -> None:
        idea = "Stücke zählen, 数える ✓"
        answer = quarterdeck("run", idea, "--workflow", short, folder=project)
        assert f"> {idea}" in answer.out
        assert idea in quarterdeck("sessions", folder=project).out


class TestHomes:
    def test_with_blanks_and_letters_of_any_kind_work(self, tmp_path: Path) -> None:
        home = tmp_path / "Frau Müller's $HOME `x` 家"
        home.mkdir()
        project = make_repository(home / "my project; rm -rf é")
        short = short_workflow(home)
        surroundings: dict[str, str | None] = {
            "HOME": str(home),
            "TMPDIR": str(home),
            **dict.fromkeys(
                ("QUARTERDECK_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR")
            ),
        }
        answer = quarterdeck("run", "x", "--workflow", short, folder=project, environment=surroundings)
        assert answer.code == 0, answer
        assert str(home) in answer.out
        answer.is_clean()
        assert quarterdeck("log", folder=project, environment=surroundings).code == 0

    def test_of_any_depth_work_though_a_sockets_path_may_be_short_only(
        self, tmp_path: Path, project: Path, short: str
    ) -> None:
        deep = tmp_path.joinpath(*["a-folder-with-a-long-name"] * 7)
        deep.mkdir(parents=True)
        (tmp_path / "state").mkdir()
        for surroundings in (
            {"QUARTERDECK_HOME": str(deep)},
            {"QUARTERDECK_HOME": str(deep), "XDG_RUNTIME_DIR": str(deep), "TMPDIR": str(deep)},
            {"QUARTERDECK_HOME": str(deep), "XDG_RUNTIME_DIR": None, "TMPDIR": "/nowhere/at/all"},
        ):
            answer = quarterdeck("run", "x", "--workflow", short, folder=project, environment=surroundings)
            assert answer.code == 0, answer

    def test_that_are_a_file_are_refused(self, tmp_path: Path, project: Path, short: str) -> None:
        (tmp_path / "file").write_text("")
        for home in (tmp_path / "file", tmp_path / "file" / "in"):
            answer = quarterdeck(
                "run", "x", "--workflow", short, folder=project, environment={"QUARTERDECK_HOME": str(home)}
            )
            answer.refuses("a file is where a folder should be", "QUARTERDECK_HOME")

    def test_that_cannot_be_written_are_refused(self, tmp_path: Path, project: Path, short: str) -> None:
        home = tmp_path / "home"
        home.mkdir()
        before = without_powers()
        home.chmod(0o500)
        try:
            answer = quarterdeck(
                "run",
                "x",
                "--workflow",
                short,
                folder=project,
                environment={"QUARTERDECK_HOME": str(home)},
                before=before,
            )
        finally:
            home.chmod(0o700)
        answer.refuses("may not write here", "QUARTERDECK_HOME")

    def test_that_become_read_only_later_refuse_to_go_on_and_say_so(
        self, tmp_path: Path, project: Path, short: str
    ) -> None:
        home = tmp_path / "home"
        surroundings: dict[str, str | None] = {"QUARTERDECK_HOME": str(home)}
        session = quarterdeck("run", "x", "--workflow", short, folder=project, environment=surroundings).session
        before = without_powers()
        folder = next(home.glob(f"projects/*/sessions/{session}"))
        folder.chmod(0o500)
        try:
            read = quarterdeck("log", session, folder=project, environment=surroundings, before=before)
            listed = quarterdeck("sessions", folder=project, environment=surroundings, before=before)
            mended = quarterdeck("recover", session, folder=project, environment=surroundings, before=before)
        finally:
            folder.chmod(0o700)
        for told in (read, listed, mended):
            told.is_clean()
        assert listed.code == 0, listed
        assert mended.code in (0, 5), mended


class TestStreams:
    def test_a_reader_that_has_enough_is_no_fault(self, project: Path, short: str) -> None:
        quarterdeck("run", "x", "--workflow", short, folder=project)
        for command in ("log", "sessions"):
            script = f'{" ".join(COMMAND)} {command} | head -n 1; exit "${{PIPESTATUS[0]}}"'
            ended = subprocess.run(
                ["bash", "-c", script], cwd=project, capture_output=True, text=True, timeout=LIMIT, check=False
            )
            assert ended.returncode == 0, ended.stderr
            assert ended.stderr == ""
            assert len(ended.stdout.splitlines()) == 1

    @pytest.mark.parametrize("closed", ["<&-", ">&-", "<&- >&- 2>&-"])
    def test_closed_streams_are_no_fault(self, project: Path, short: str, closed: str) -> None:
        script = f"{' '.join(COMMAND)} run 'an idea' --workflow {short} {closed}"
        ended = subprocess.run(
            ["bash", "-c", script], cwd=project, capture_output=True, text=True, timeout=LIMIT, check=False
        )
        assert ended.returncode == 0, ended
        assert "Traceback" not in ended.stderr
        log = quarterdeck("log", folder=project)
        assert "PASSED" in log.out, log

    def test_an_idea_from_a_closed_input_is_none(self, project: Path) -> None:
        script = f"{' '.join(COMMAND)} run <&-"
        ended = subprocess.run(
            ["bash", "-c", script], cwd=project, capture_output=True, text=True, timeout=LIMIT, check=False
        )
        Answer(ended.returncode, ended.stdout, ended.stderr).refuses("an idea is needed")

    def test_a_full_output_device_is_told(self, project: Path, short: str) -> None:
        if not Path("/dev/full").exists():
            pytest.skip("no /dev/full here")
        quarterdeck("run", "x", "--workflow", short, folder=project)
        with Path("/dev/full").open("wb") as full:
            ended = subprocess.run(
                [*COMMAND, "log"], cwd=project, stdout=full, stderr=subprocess.PIPE, timeout=LIMIT, check=False
            )
        answer = Answer(ended.returncode, "", ended.stderr.decode())
        answer.refuses("no space left", "free some space")


def test_what_is_written_is_private_and_holds_no_secret(project: Path, short: str, home: Path) -> None:
    secrets: dict[str, str | None] = {
        "OPENAI_API_KEY": "sk-very-secret",
        "MY_TOKEN": "also-secret",
        "AWS_SECRET_KEY": "and-this-one",
    }
    umask: dict[str, str | None] = dict(secrets)
    script = f"umask 000; {' '.join(COMMAND)} run 'an idea' --workflow {short}"
    ended = subprocess.run(
        ["bash", "-c", script], cwd=project, env=changed(umask), capture_output=True, timeout=LIMIT, check=False
    )
    assert ended.returncode == 0, ended.stderr
    (session,) = (home / "q").glob("projects/*/sessions/*")
    assert session.stat().st_mode & 0o077 == 0
    for path in (home / "q").rglob("*"):
        if path.is_symlink() or "clones" in path.parts:
            continue
        assert path.stat().st_mode & 0o077 == 0 or session in path.parents, f"{path} is open to others"
        if path.is_file():
            data = path.read_bytes()
            assert not [secret for secret in secrets.values() if secret and secret.encode() in data], path
    for name in ("session.db", "host.log", "order.json", "report.md", "lock"):
        assert (session / name).stat().st_mode & 0o077 == 0, name
    assert git(project, "status", "--porcelain") == ""
