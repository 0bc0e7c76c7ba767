"""Where the command is started: every kind of folder works or says what to do, and none is changed."""

from pathlib import Path

import pytest
from command_line import git, make_repository, quarterdeck, short_workflow, without_powers


@pytest.fixture
def short(tmp_path: Path) -> str:
    return short_workflow(tmp_path)


class TestWhereNoSessionCanStart:
    @pytest.mark.parametrize("command", [("run", "x"), ("sessions",), ()])
    def test_outside_a_repository(self, tmp_path: Path, command: tuple[str, ...]) -> None:
        answer = quarterdeck(*command, folder=tmp_path)
        answer.refuses("not in a git repository", "git init")

    def test_without_a_commit(self, tmp_path: Path) -> None:
        git(tmp_path, "init", "-q")
        quarterdeck("run", "x", folder=tmp_path).refuses("no commit yet", "git commit --allow-empty")

    def test_in_a_bare_repository(self, tmp_path: Path) -> None:
        git(tmp_path, "init", "-q", "--bare")
        quarterdeck("run", "x", folder=tmp_path).refuses("bare repository", "git clone")

    @pytest.mark.parametrize(("name", "says"), [("missing", "no such folder"), ("file", "a file, not a folder")])
    def test_in_no_folder(self, tmp_path: Path, name: str, says: str) -> None:
        (tmp_path / "file").write_text("")
        quarterdeck("run", "x", "--project", str(tmp_path / name)).refuses(says)

    def test_in_a_folder_that_may_not_be_read(self, tmp_path: Path) -> None:
        project = make_repository(tmp_path / "project")
        before = without_powers()
        project.chmod(0o000)
        try:
            answer = quarterdeck("run", "x", "--project", str(project), before=before)
        finally:
            project.chmod(0o700)
        answer.refuses("cannot be read", "permissions")

    def test_where_git_is_missing(self, tmp_path: Path) -> None:
        project = make_repository(tmp_path / "project")
        (tmp_path / "bin").mkdir()
        answer = quarterdeck("run", "x", folder=project, environment={"PATH": str(tmp_path / "bin")})
        answer.refuses("git is not installed", "install git")

    def test_where_the_path_is_no_utf_8(self, tmp_path: Path) -> None:
        project = make_repository(tmp_path / "caf\udce9")
        quarterdeck("run", "x", folder=project).refuses("not UTF-8", "rename the folder")


class TestWhereItWorks:
    def test_beside_uncommitted_changes_which_stay_as_they_are(self, tmp_path: Path, short: str) -> None:
        project = make_repository(tmp_path / "project")
        (project / "README.md").write_text("changed\n")
        (project / "new \x1b[31m.txt").write_text("new\n")
        before = git(project, "status", "--porcelain")
        answer = quarterdeck("run", "an idea", "--workflow", short, folder=project)
        assert answer.code == 0, answer
        assert "Your uncommitted changes in 2 files are not part of it" in answer.out
        assert git(project, "status", "--porcelain") == before
        answer.is_clean()

    def test_with_a_detached_head(self, tmp_path: Path, short: str) -> None:
        project = make_repository(tmp_path / "project")
        git(project, "checkout", "-q", "--detach")
        answer = quarterdeck("run", "an idea", "--workflow", short, folder=project)
        assert answer.code == 0, answer
        assert "HEAD is detached" in answer.out
        assert git(project, "rev-parse", "--abbrev-ref", "HEAD") == "HEAD"

    def test_from_a_folder_inside_the_repository(self, tmp_path: Path, short: str) -> None:
        project = make_repository(tmp_path / "project")
        (project / "deep" / "er").mkdir(parents=True)
        assert quarterdeck("run", "an idea", "--workflow", short, folder=project / "deep" / "er").code == 0

    def test_where_the_repository_cannot_be_written(self, tmp_path: Path, short: str) -> None:
        project = make_repository(tmp_path / "project")
        before = without_powers()
        folders = [project, *(path for path in project.rglob("*") if path.is_dir())]
        for folder in folders:
            folder.chmod(0o500)
        try:
            answer = quarterdeck("run", "an idea", "--workflow", short, folder=project, before=before)
        finally:
            for folder in folders:
                folder.chmod(0o700)
        assert answer.code == 0, answer
        assert "the branch was not fetched" in answer.out
        answer.is_clean()

    def test_where_variables_of_git_lead_astray(self, tmp_path: Path, short: str) -> None:
        project, other = make_repository(tmp_path / "project"), make_repository(tmp_path / "other")
        astray: dict[str, str | None] = {"GIT_DIR": str(other / ".git"), "GIT_WORK_TREE": str(other)}
        answer = quarterdeck("run", "an idea", "--workflow", short, folder=project, environment=astray)
        assert answer.code == 0, answer
        assert " on project " in answer.out
        assert not git(other, "for-each-ref", "refs/quarterdeck")

    def test_where_the_project_has_folders_called_like_ours(self, tmp_path: Path, short: str) -> None:
        project = make_repository(tmp_path / "project")
        for name in ("sessions", "tui", "panes"):
            (project / name).mkdir()
            (project / name / "__init__.py").write_text("raise SystemExit('the wrong module')\n")
        (project / "json.py").write_text("raise SystemExit('the wrong module')\n")
        git(project, "add", "-A")
        git(project, "commit", "-q", "-m", "Names")
        answer = quarterdeck("run", "an idea", "--workflow", short, folder=project)
        assert answer.code == 0, answer
        assert "wrong module" not in answer.out + answer.err


class TestTheDemo:
    def test_refuses_a_folder_with_something_in_it(self, tmp_path: Path) -> None:
        (tmp_path / "mine.txt").write_text("")
        quarterdeck("demo", "--folder", str(tmp_path)).refuses("empty folder", "another --folder")

    def test_refuses_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        quarterdeck("demo", "--folder", str(tmp_path / "file")).refuses("cannot be made", "writable folder")
        quarterdeck("demo", "--folder", str(tmp_path / "file" / "in")).refuses("cannot be made", "writable folder")

    def test_makes_a_repository_of_its_own_whatever_git_was_told(self, tmp_path: Path) -> None:
        from tui.demo_project import make_demo_project

        other = make_repository(tmp_path / "other")
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("GIT_DIR", str(other / ".git"))
            made = make_demo_project(tmp_path / "demo")
        assert (made / ".git").is_dir()
        assert not list((made / ".git" / "hooks").glob("*")) if (made / ".git" / "hooks").exists() else True
        assert git(other, "log", "--format=%s") == "Begin"
        assert git(made, "log", "--format=%s") == "Begin the sample"
