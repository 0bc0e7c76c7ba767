"""The whole build, played by the scripts: real files, real git, real pytest, in a repository that is not friendly."""

from pathlib import Path

import pytest
from rehearsal_stage import EXIT_TOOLS, Build, commands_folder, make_repository

from sessions.contract import PassMilestone, PassSession

HOSTILE = {
    "pyproject.toml": '[tool.pytest.ini_options]\naddopts = "--cov=nothing"\nrequired_plugins = "no-such"\n',
    "conftest.py": "import a_module_that_nobody_has\n",
    "tests/__init__.py": "",
    "tests/conftest.py": "raise RuntimeError('the project needs its own environment')\n",
}


@pytest.fixture
def build(tmp_path: Path) -> Build:
    project = tmp_path / "project"
    project.mkdir()
    return Build(project, commands_folder(tmp_path / "bin"))


def test_the_loop_builds_a_program_that_runs(build: Build) -> None:
    make_repository(build.folder, HOSTILE)
    spec, plan = build.plan("a space game with dragons")

    assert 6 <= len(spec.splitlines()) <= 8
    assert [task.id for task in plan.tasks] == ["T-01", "T-02", "T-03", "T-04"]
    assert [milestone.kind for milestone in plan.milestones] == ["major", "minor"]

    for task in plan.tasks:
        build.build(task, spec, plan)
        if task.id == "T-02":
            parts = {"spec": spec, "progress": build.progress(plan), "project": build.run("git ls-files")[1]}
            milestone = build.turn("exit_manager", [*EXIT_TOOLS, "pass_milestone", "kick_back"], parts)
            assert isinstance(milestone, PassMilestone)
            assert "Group(name='Harbour', total=30376.0, count=4)" in milestone.summary

    assert build.verdicts == ["T-01 pass", "T-02 fail", "T-02 pass", "T-03 pass", "T-04 partial", "T-04 pass"]
    assert build.decisions == [
        "T-01 continue", "T-02 retask", "T-02 continue", "T-03 continue", "T-04 retask", "T-04 continue",
    ]  # fmt: skip
    assert any("parse_number('1,204.50') gave None, expected 1204.5" in said for said in build.said)

    parts = {"spec": spec, "progress": build.progress(plan), "project": build.run("git ls-files")[1]}
    passed = build.turn("exit_manager", [*EXIT_TOOLS, "pass_session", "kick_back"], parts)
    assert isinstance(passed, PassSession)
    assert "Tests: 30 passed" in passed.summary
    assert "cannot read nowhere.csv: No such file or directory" in passed.summary
    assert "Harbour ██" in passed.summary

    changed = build.run("git diff --numstat")[1].split()
    assert changed == ["5", "1", "barchart/cli.py"]
    code, chart = build.run(passed.how_to_run)
    assert code == 0
    assert chart.splitlines()[2].startswith("Harbour █")
    code, said = build.run("python -B -m barchart nowhere.csv --by region --value amount")
    assert (code, said) == (2, "barchart: cannot read nowhere.csv: No such file or directory\n")
    build.run("find . -name __pycache__ -prune -exec rm -r {} +")
    assert build.run("git status --short")[1] == " M barchart/cli.py\n"


def test_a_project_with_a_barchart_of_its_own_keeps_it(build: Build) -> None:
    make_repository(build.folder, {"barchart/__init__.py": "OURS = True\n"})
    build.worker_tools = ("write_file", "report_done")
    spec, plan = build.plan("whatever")
    assert "python -m barchart_rehearsal FILE" in spec
    build.build(plan.tasks[0], spec, plan)
    assert (build.folder / "barchart/__init__.py").read_text() == "OURS = True\n"
    assert build.verdicts == ["T-01 pass"]
    assert "barchart_rehearsal/table.py" in build.run("git ls-files")[1]
