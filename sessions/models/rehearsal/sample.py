"""The sample that is built, read from the data files beside this module. Never imported, only copied out."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

NAME = "barchart"
SPARE_NAME = "barchart_rehearsal"
"""Used where the project has a folder `barchart` of its own."""

MEND = "Mend: "
"""Begins the title of a task that writes the last, right version of another."""
CHECK = "Check: "
"""Begins the title of a task that only runs the tests of another."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """What the Worker does in one attempt: `files` in the order of writing, the first is the test."""

    files: tuple[str, ...]
    opening: str
    code: str
    summary: str
    red_first: bool


@dataclass(frozen=True, slots=True)
class SampleTask:
    """One task of the sample's plan and what the Worker does in each attempt."""

    slug: str
    title: str
    instructions: str
    test: str
    criteria: tuple[str, ...]
    scope: tuple[str, ...]
    milestone: str
    attempts: tuple[Attempt, ...]

    @property
    def test_command(self) -> str:
        """The command that proves the task."""
        return test_command(self.test)


@dataclass(frozen=True, slots=True)
class Trial:
    """A command to run, and what a right answer shows."""

    command: str
    seen: str


@dataclass(frozen=True, slots=True)
class Defect:
    """What the Exit Manager finds by `command`, and the edit that mends it."""

    command: str
    clause: str
    path: str
    function: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Sample:
    """The whole sample, with the name of its package put in."""

    package: str
    summary: str
    clauses: tuple[str, ...]
    milestones: tuple[Mapping[str, str], ...]
    tasks: tuple[SampleTask, ...]
    library: Trial
    program: Trial
    how_to_run: str
    defect: Defect

    def file_text(self, task: SampleTask, attempt: int, path: str) -> str:
        """Return what a file holds after an attempt: its newest version up to `attempt`, which counts from 1."""
        stored = path.replace(self.package, NAME)
        for number in range(attempt, 0, -1):
            source = _folder().joinpath(task.slug, f"attempt-{number}", f"{stored}.txt")
            if source.is_file():
                return source.read_text(encoding="utf-8").replace(NAME, self.package)
        raise FileNotFoundError(f"the sample has no {path} for the task {task.slug}")


def test_command(*paths: str) -> str:
    """Return the command that runs test files apart from the project's own pytest settings, plug-ins and conftest."""
    return f"python -B -m pytest -q -c /dev/null --rootdir=. --noconftest {' '.join(paths)}"


def package_in_spec(spec: str) -> str:
    """Return the package that a spec of the sample names; empty when it is another spec."""
    found = re.search(rf"python -m ({SPARE_NAME}|{NAME})\b", spec)
    return found[1] if found else ""


def package_in_tree(project: str) -> str:
    """Return the package of the sample that a project's file list shows; empty when it was not built there."""
    built = {found[1] for found in re.finditer(r"\b(\w+)/(?:cli|chart|totals|table)\.py\b", project)}
    return next((name for name in (SPARE_NAME, NAME) if name in built), "")


def free_package(project: str) -> str:
    """Return a package name that a project's file list does not have yet."""
    taken = re.search(rf"(?m)(?:^|[\s/│├└─]){NAME}(?:/|\.py\b|\s*$)|\btest_{NAME}_\w+\.py", project)
    return SPARE_NAME if taken else NAME


@cache
def load_sample(package: str = NAME) -> Sample:
    """Return the sample with its package called `package`."""
    source = _folder().joinpath("plan.toml").read_text(encoding="utf-8").replace(NAME, package)
    data = tomllib.loads(source)
    return Sample(
        package=package,
        summary=data["summary"],
        clauses=tuple(data["clauses"]),
        milestones=tuple(data["milestones"]),
        tasks=tuple(_task(task) for task in data["tasks"]),
        library=Trial(data["library"]["command"], data["library"]["seen"]),
        program=Trial(data["program"]["command"], data["program"]["seen"]),
        how_to_run=data["program"]["how_to_run"],
        defect=Defect(**data["defect"]),
    )


def find_task(title: str, command: str = "") -> tuple[Sample, SampleTask] | None:
    """Return the sample's task of this title or with exactly this test command; None for a task of another plan.

    Ids are not asked: another plan has a T-01 too, and a changed plan numbers on.
    """
    sample = load_sample(SPARE_NAME if f"test_{SPARE_NAME}_" in command else NAME)
    plain = title.removeprefix(MEND).removeprefix(CHECK).strip()
    for task in sample.tasks:
        if plain == task.title or command == task.test_command:
            return sample, task
    return None


def _task(data: Mapping[str, Any]) -> SampleTask:
    attempts = tuple(
        Attempt(
            files=tuple(attempt["files"]),
            opening=attempt["opening"],
            code=attempt["code"],
            summary=attempt["summary"],
            red_first=attempt.get("red_first", False),
        )
        for attempt in data["attempts"]
    )
    return SampleTask(
        slug=data["slug"],
        title=data["title"],
        instructions=data["instructions"].strip(),
        test=data["test"],
        criteria=tuple(data["criteria"]),
        scope=tuple(data["scope"]),
        milestone=data["milestone"],
        attempts=attempts,
    )


def _folder() -> Traversable:
    return files("sessions.models.rehearsal").joinpath("sample")
