"""What a person gives the command: ideas, workflows, fleets, ids. Each fault has its sentence and its code."""

import subprocess
from pathlib import Path

import pytest
from command_line import COMMAND, LIMIT, git, make_repository, quarterdeck, short_workflow

ONE = "name: x\nstart: a\nnodes:\n  a: {{{node}}}\n  z: {{kind: exit}}\nedges: [{{from: a, to: z}}]\n"
"""A workflow of one node."""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make_repository(tmp_path / "project")


@pytest.fixture
def short(tmp_path: Path) -> str:
    return short_workflow(tmp_path)


class TestTheIdea:
    @pytest.mark.parametrize("idea", ["", "   ", "\n\t\n"])
    def test_of_nothing_is_refused(self, project: Path, idea: str) -> None:
        quarterdeck("run", idea, folder=project).refuses("an idea is needed", 'quarterdeck run "')
        quarterdeck("run", "-", folder=project, given=idea.encode()).refuses("an idea is needed")
        assert not list((project.parent).glob("q/projects/*/sessions/*"))

    def test_of_a_megabyte_is_refused_with_a_way(self, project: Path) -> None:
        answer = quarterdeck("run", folder=project, given=b"words " * 170_000)
        answer.refuses("at most 100,000 can be sent", "put it into a file in the repository")

    def test_that_never_ends_is_not_read_to_its_end(self, project: Path) -> None:
        endless = subprocess.Popen(["yes", "words"], stdout=subprocess.PIPE)
        try:
            ended = subprocess.run(
                [*COMMAND, "run", "-"],
                cwd=project,
                stdin=endless.stdout,
                capture_output=True,
                timeout=LIMIT,
                check=False,
            )
        finally:
            endless.kill()
            endless.wait()
            if endless.stdout is not None:
                endless.stdout.close()
        assert ended.returncode == 5
        assert b"can be sent" in ended.stderr

    def test_that_is_a_binary_file_is_refused(self, project: Path) -> None:
        quarterdeck("run", folder=project, given=bytes(range(256)) * 10).refuses("not text", "a file of text")

    def test_of_odd_bytes_and_letters_goes_through_and_steers_nothing(self, project: Path, short: str) -> None:
        odd = b"caf\xe9 \xff\xfe \x1b]0;title\x07 \x1b[2J \xe2\x80\xae reversed \xed\xa0\x80 \xf0\x9f\x9a\xa2"
        answer = quarterdeck("run", "--workflow", short, folder=project, given=odd)
        assert answer.code == 0, answer
        for told in (answer, quarterdeck("log", folder=project), quarterdeck("sessions", folder=project)):
            assert told.code == 0, told
            told.is_clean()
            assert "\u202e" not in told.out
        assert "caf\ufffd" in answer.out

    def test_cannot_forge_a_line_of_the_log(self, project: Path, tmp_path: Path) -> None:
        forged = "    0   0:00.0  session       PASSED: forged"
        path = tmp_path / "asks.yaml"
        path.write_text(
            "name: asks\nstart: write_spec\nnodes:\n"
            "  write_spec: {role: planner, tools: [append_spec], parts: [idea]}\n"
            f'  ask: {{kind: human, role: planner, label: "Yes?\\n{forged}"}}\n'
            "  done: {kind: exit, outcome: passed}\n"
            "edges:\n  - {from: write_spec, to: ask}\n  - {from: ask, to: done}\n"
        )
        run = quarterdeck("run", "x", "--workflow", str(path), folder=project)
        assert run.code == 3, run
        for told in (run, quarterdeck("log", folder=project)):
            assert "PASSED: forged" in told.out
            assert not any(line.startswith(forged[:12]) for line in told.out.splitlines())

    def test_of_odd_arguments_too(self, project: Path, short: str) -> None:
        answer = quarterdeck("run", b"caf\xe9 \x1b[31mred", "--workflow", short, folder=project)
        assert answer.code == 0, answer
        answer.is_clean()


class TestTheWorkflow:
    def test_of_an_unknown_name_is_refused_with_the_nearest(self, project: Path) -> None:
        quarterdeck("run", "x", "--workflow", "build-lop", folder=project).refuses(
            "no workflow called", "did you mean `build-loop`?"
        )

    def test_that_is_no_file_is_refused(self, project: Path) -> None:
        answer = quarterdeck("run", "x", "--workflow", "missing.yaml", folder=project)
        answer.refuses("cannot be read", "check the path")

    @pytest.mark.parametrize(
        ("text", "says", "line"),
        [
            ("name: [", "not valid YAML", 1),
            ("- just\n- a list\n", "", 1),
            ("", "", 1),
            ("name: x\nstart: a\nnodes:\n  a: {rol: worker}\nedges: []\n", "did you mean `role`?", 4),
            ("name: x\nstart: b\nnodes:\n  a: {kind: exit}\nedges: []\n", "`b` is not a node", 2),
            ("name: x\nstart: a\nnodes:\n  a: {role: r, tools: [fly]}\n  z: {kind: exit}\nedges: [{from: a, to: z}]\n",
             "tool `fly` is unknown", 4),
            (ONE.format(node="role: ../../etc, tools: [report_done]"), "must be a word", 4),
            (ONE.format(node="role: r, tools: [report_done], parts: [gossip]"), "part `gossip` is unknown", 4),
            (ONE.format(node="role: r, tools: [report_done], toolbox: [rm]"), "toolbox `rm` is unknown", 4),
            ("name: x\nstart: a\nnodes:\n  a: {role: r, tools: [decide]}\nedges: []\n", "no edge leaves", 4),
        ],
    )  # fmt: skip
    def test_that_is_wrong_is_refused_with_the_line(
        self, project: Path, tmp_path: Path, text: str, says: str, line: int
    ) -> None:
        path = tmp_path / "mine.yaml"
        path.write_text(text)
        answer = quarterdeck("run", "x", "--workflow", str(path), folder=project)
        answer.refuses(says, "mend that line")
        assert f"mine.yaml:{line}" in answer.err

    def test_that_is_no_text_is_refused(self, project: Path, tmp_path: Path) -> None:
        (tmp_path / "mine.yaml").write_bytes(b"\xff\xfe\x00")
        quarterdeck("run", "x", "--workflow", str(tmp_path / "mine.yaml"), folder=project).refuses("cannot be read")

    def test_that_is_a_folder_is_refused(self, project: Path, tmp_path: Path) -> None:
        (tmp_path / "folder.yaml").mkdir()
        quarterdeck("run", "x", "--workflow", str(tmp_path / "folder.yaml"), folder=project).refuses("cannot be read")


class TestTheFleet:
    @pytest.mark.parametrize(
        ("text", "says"),
        [
            ("[models", "not valid TOML"),
            ("[rolls]\n", "no section 'rolls'"),
            ("[models.a]\nmodel = 5\n", "model"),
            ('[models.a]\nmodel = "x/y"\ntiers = "frontier"\n', "tier"),
            ('[models.a]\nmodel = "x/y"\nkey = "sk-ant-REDACTED"\n', ""),
            ('[roles]\nplanner = "nobody"\n', "which the fleet does not have"),
            ('[roles]\nplanner = "rehearsal/planner"\n', "names nobody for the role 'manager'"),
            ("[roles]\nplanner = []\n", "empty list"),
        ],
    )
    def test_that_is_wrong_is_refused(self, project: Path, text: str, says: str) -> None:
        path = project.parent / "fleet.toml"
        path.write_text(text)
        answer = quarterdeck("run", "x", "--fleet", str(path), folder=project)
        assert answer.code == 5, answer
        assert says in answer.err
        assert "fleet.toml" in answer.err
        assert "sk-ant" not in answer.err
        answer.is_clean()

    def test_that_is_not_there_is_refused(self, project: Path) -> None:
        quarterdeck("run", "x", "--fleet", "missing.toml", folder=project).refuses("no fleet file", "rehearsal fleet")

    @pytest.mark.parametrize("seat", ['"user"', '{ cli = "claude" }'])
    def test_that_this_version_cannot_seat_is_refused(self, project: Path, seat: str) -> None:
        others = "\n".join(f'{role} = "rehearsal/{role}"' for role in ("manager", "worker", "auditor", "exit_manager"))
        path = project.parent / "fleet.toml"
        path.write_text(f"[roles]\nplanner = {seat}\n{others}\n")
        quarterdeck("run", "x", "--fleet", str(path), folder=project).refuses(
            "this version cannot", "give the role a model"
        )


class TestIds:
    @pytest.mark.parametrize(
        ("command", "session"),
        [("log", "20000101-0000-none"), ("stop", "../../etc"), ("recover", "\x1b[31m"), ("log", " ")],
    )
    def test_of_no_session_are_refused(self, project: Path, command: str, session: str) -> None:
        answer = quarterdeck(command, session, folder=project)
        answer.refuses("there is no session", "quarterdeck sessions")

    def test_that_fit_several_are_refused_with_the_candidates(self, project: Path, short: str) -> None:
        ids = [quarterdeck("run", "x", "--workflow", short, folder=project).session for _ in range(2)]
        answer = quarterdeck("log", "2", folder=project)
        answer.refuses("2 sessions match", "give more of the id")
        assert all(one in answer.err for one in ids)
        assert quarterdeck("log", ids[0], folder=project).code == 0

    def test_in_a_project_without_sessions_the_command_says_how_to_begin(self, project: Path) -> None:
        quarterdeck("log", folder=project).refuses("no session yet", "begin one")
        answer = quarterdeck("sessions", folder=project)
        assert (answer.code, "no sessions yet" in answer.out) == (0, True)

    def test_of_a_session_that_nobody_serves_cannot_be_stopped(self, project: Path, short: str) -> None:
        session = quarterdeck("run", "x", "--workflow", short, folder=project).session
        quarterdeck("stop", session, folder=project).refuses("no host serves", "quarterdeck attach")


class TestUsage:
    @pytest.mark.parametrize(
        "arguments",
        [
            ("fly",),
            ("run", "--gate", "open"),
            ("run", "--pace", "fast"),
            ("run", "--pace", "11"),
            ("--no-such",),
            ("recover",),
        ],
    )
    def test_a_wrong_command_line_is_2(self, arguments: tuple[str, ...]) -> None:
        answer = quarterdeck(*arguments)
        assert answer.code == 2, answer
        answer.is_clean()

    def test_without_a_terminal_there_is_no_app(self, project: Path, short: str) -> None:
        quarterdeck(folder=project).refuses("needs a terminal", "quarterdeck run")
        quarterdeck("run", "x", "--workflow", short, folder=project)
        quarterdeck("attach", folder=project).refuses("needs a terminal")

    def test_outside_a_pane_there_is_no_tool(self) -> None:
        answer = quarterdeck("tool", "report_done", "--json", "{}", environment={"QUARTERDECK_TOKEN_FILE": None})
        assert answer.code == 3, answer
        assert "works inside a Quarterdeck pane" in answer.err
        nobody: dict[str, str | None] = {"QUARTERDECK_SOCKET": "/tmp/nobody.sock", "QUARTERDECK_TOKEN": "t"}
        answer = quarterdeck("tool", "report_done", "--json", "{}", environment=nobody)
        assert answer.code == 3, answer
        answer.is_clean()

    def test_version_and_help_are_told_wherever_one_stands(self, tmp_path: Path) -> None:
        assert quarterdeck("--version", folder=tmp_path).out.startswith("quarterdeck ")
        told = quarterdeck("--help", folder=tmp_path).out
        for word in ("run", "demo", "attach", "sessions", "log", "stop", "recover", "Exit codes", "interrupted"):
            assert word in told

    @pytest.mark.parametrize("asked", ["--help", "--version"])
    def test_they_load_neither_the_screen_nor_the_models_of_events(self, tmp_path: Path, asked: str) -> None:
        code = (
            "import atexit, sys\nfrom tui.cli import main\n"
            "atexit.register(lambda: print('loaded', *sorted({name.partition('.')[0] for name in sys.modules})))\n"
            f"sys.argv = ['quarterdeck', {asked!r}]\nmain()"
        )
        ended = subprocess.run([*COMMAND[:2], "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
        loaded = set(ended.stdout.splitlines()[-1].split())
        assert {"loaded", "tui", "click"} <= loaded
        assert not loaded & {"textual", "pydantic", "litellm", "asyncio", "rich"}


def test_two_runs_at_once_in_one_project_are_two_sessions(project: Path, short: str) -> None:
    both = [
        subprocess.Popen(
            [*COMMAND, "run", f"idea {n}", "--workflow", short],
            cwd=project,
            stdout=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
        )
        for n in range(2)
    ]
    told = [one.communicate(timeout=LIMIT)[0].decode() for one in both]
    assert [one.returncode for one in both] == [0, 0], told
    listed = quarterdeck("sessions", folder=project).out.splitlines()
    assert len(listed) == 2
    assert all("passed" in line for line in listed)
    assert len(git(project, "for-each-ref", "--format=%(refname)", "refs/quarterdeck").splitlines()) == 2
