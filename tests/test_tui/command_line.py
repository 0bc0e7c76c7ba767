"""The real command in a process of its own, as a shell would start it, and what a person may ask of what it prints."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

# What stands before the command, so that a folder of the project cannot hide our own modules.
COMMAND = (sys.executable, "-P", "-m", "tui.cli")
LIMIT = 90.0
ESCAPES = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")

SHORT = """
name: short
description: the Planner alone
start: write_spec
nodes:
  write_spec: {role: planner, tools: [append_spec], parts: [idea, project, spec, note]}
  done: {kind: exit, outcome: passed}
edges:
  - {from: write_spec, to: done, handoff: spec}
"""
"""A workflow that passes in a second."""


@dataclass(frozen=True)
class Answer:
    """What a command came to."""

    code: int
    out: str
    err: str

    @property
    def session(self) -> str:
        """The id of the session that the command told of."""
        found = re.search(r"\d{8}-\d{4}-[0-9a-z]{4}", self.out + self.err)
        assert found is not None, self
        return found[0]

    def refuses(self, what: str, next_step: str = "", code: int = 5) -> None:
        """Assert that it is an error of ours: what, where, what to do next, on standard error, and no traceback."""
        assert self.code == code, self
        assert self.err.startswith("quarterdeck: "), self
        assert what.lower() in self.err.lower(), self
        assert next_step.lower() in self.err.lower(), self
        lines = self.err.splitlines()
        assert any(line.startswith("  next  ") for line in lines), self
        self.is_clean()

    def is_clean(self) -> None:
        """Assert that nothing would steer the terminal, and that nothing of our insides is shown."""
        assert "Traceback" not in self.out + self.err, self
        assert not ESCAPES.search(self.out + self.err), self


def quarterdeck(
    *arguments: str | bytes,
    folder: Path | None = None,
    given: bytes | None = None,
    environment: Mapping[str, str | None] | None = None,
    before: Sequence[str] = (),
) -> Answer:
    """Run the command to its end.

    Args:
        given: Standard input; empty when left out.
        environment: Changes to the environment; None takes a variable away.
        before: A command that runs ours.
    """
    ended = subprocess.run(
        [*before, *COMMAND, *arguments],
        cwd=folder,
        input=given or b"",
        capture_output=True,
        env=changed(environment),
        timeout=LIMIT,
        check=False,
    )
    return Answer(ended.returncode, ended.stdout.decode("utf-8", "replace"), ended.stderr.decode("utf-8", "replace"))


def changed(environment: Mapping[str, str | None] | None) -> dict[str, str]:
    """Return this process's environment with changes."""
    wanted: dict[str, str | None] = {**os.environ, **(environment or {})}
    return {name: value for name, value in wanted.items() if value is not None}


def make_repository(folder: Path) -> Path:
    """Make a repository with one commit."""
    folder.mkdir(parents=True)
    (folder / "README.md").write_text("sample\n")
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "Begin")
    return folder


def git(folder: Path, *arguments: str) -> str:
    ended = subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return ended.stdout.strip()


def short_workflow(folder: Path) -> str:
    """Write the short workflow and return its path."""
    path = folder / "short.yaml"
    path.write_text(SHORT)
    return str(path)


def without_powers() -> tuple[str, ...]:
    """Return the command that takes root's powers over permissions away; empty for a person who has none."""
    if os.geteuid() != 0:
        return ()
    if shutil.which("setpriv") is None:
        pytest.skip("root may write everywhere here, and there is no setpriv to run without its powers")
    return ("setpriv", "--bounding-set=-all", "--inh-caps=-all")
