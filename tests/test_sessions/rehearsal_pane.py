"""A terminal with the rehearsal agent in it, for tests that drive it as a person or a host would."""

import os
import re
import select
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pexpect
from pyghostty import Terminal
from rehearsal_stage import commands_folder, prompt, task_card

from sessions.plan import Task

LIMIT = 30.0
"""Seconds a condition may take on a busy machine."""
ROOT = Path(__file__).parents[2]
AGENT = ("-P", "-m", "sessions.agents.rehearsal_agent")


class Pane:
    """The agent in a PTY of its own; `project` is the folder it works in, `reports` what it told the host.

    Args:
        refusals: How many reports the stand-in for the host refuses before it accepts one.
    """

    def __init__(
        self,
        folder: Path,
        *arguments: str,
        columns: int = 100,
        rows: int = 40,
        environment: Mapping[str, str] | None = None,
        refusals: int = 0,
        program: tuple[str, ...] = AGENT,
    ) -> None:
        self.project = folder / "project"
        self.project.mkdir()
        subprocess.run(["git", "init", "-q"], cwd=self.project, check=True)
        self._calls = folder / "calls"
        commands = commands_folder(folder / "bin")
        self._write_tool(commands / "quarterdeck", refusals)
        self.terminal = Terminal(columns, rows)
        self.raw = b""
        self._child: Any = pexpect.spawn(
            sys.executable,
            [*program, *arguments],
            cwd=str(self.project),
            dimensions=(rows, columns),
            env={
                **os.environ,
                "PATH": f"{commands}:{os.environ['PATH']}",
                "PYTHONPATH": str(ROOT),
                "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
                "TERM": "xterm-256color",
                **(environment or {}),
            },
        )
        self.settings_before = termios.tcgetattr(self._child.child_fd)

    def __enter__(self) -> "Pane":
        return self

    def __exit__(self, *_: object) -> None:
        self._child.close(force=True)

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def reports(self) -> list[str]:
        return self._calls.read_text().splitlines() if self._calls.exists() else []

    @property
    def states(self) -> list[str]:
        """Return the states it announced, neighbours that are equal taken as one."""
        found = re.findall(rb"\x1b\]7501;state=([a-z]+)", self.raw)
        return [one.decode() for n, one in enumerate(found) if n == 0 or found[n - 1] != one]

    @property
    def screen(self) -> str:
        return self.terminal.contents()

    def settings(self) -> list[Any]:
        return termios.tcgetattr(self._child.child_fd)

    def until(self, condition: Callable[[], bool]) -> None:
        """Read what the agent writes until a condition holds."""
        deadline = time.monotonic() + LIMIT
        while not condition():
            assert time.monotonic() < deadline, f"in vain: {self.states}\n{self.screen}"
            self.read(0.05)

    def wait(self, condition: Callable[[], bool]) -> None:
        """Wait until a condition holds and read nothing, as a stopped terminal does."""
        deadline = time.monotonic() + LIMIT
        while not condition():
            assert time.monotonic() < deadline
            select.select([], [], [], 0.02)

    def until_state(self, *states: str) -> None:
        self.until(lambda: bool(self.states) and self.states[-1] in states)

    def until_shown(self, text: str) -> None:
        self.until(lambda: text in self.screen)

    def read(self, wait: float) -> bool:
        """Read once, waiting at most so many seconds; say whether anything came."""
        if not select.select([self._child.child_fd], [], [], wait)[0]:
            return False
        try:
            data = os.read(self._child.child_fd, 65536)
        except OSError:
            return False
        self.raw += data
        self.terminal.feed(data)
        return bool(data)

    def type(self, text: str) -> None:
        """Send keys as they are typed."""
        self._child.send(text)

    def submit(self, text: str) -> None:
        """Type a prompt and press Enter."""
        self.type(f"{text}\r")

    def paste(self, text: str) -> None:
        """Send a bracketed paste."""
        self.type(f"\x1b[200~{text}\x1b[201~")

    def resize(self, columns: int, rows: int) -> None:
        self.terminal.resize(columns, rows, 8, 16)
        self._child.setwinsize(rows, columns)

    def alive(self) -> bool:
        """Say whether it still runs, without reading what it writes."""
        return self._child.isalive()

    def ended(self) -> int:
        """Read to the end and return the exit code."""
        self.until(lambda: not self.alive())
        while self.read(0):
            pass
        return self.exit_code()

    def exit_code(self) -> int:
        """Return how it ended, 128 and the number for a signal."""
        return self._child.exitstatus if self._child.exitstatus is not None else 128 + self._child.signalstatus

    def prompt_file(self, task: Task, attempt: int = 1, **parts: str) -> Path:
        """Write a prompt for a task as the host does and return its file."""
        path = self.project.parent / f"{task.id}-{attempt}.md"
        path.write_text(f"contract\n\n{prompt({'task': task_card(task, attempt), **parts})}")
        return path

    def order(self, task: Task, attempt: int = 1, **parts: str) -> str:
        """Return the one order that the agent knows, for a task."""
        return f"Read {self.prompt_file(task, attempt, **parts)} and do what it says."

    def _write_tool(self, path: Path, refusals: int) -> None:
        path.write_text(
            f"""#!/bin/sh
[ "$1 $2 $3" = "tool report_done --json" ] || exit 2
printf '%s\\n' "$4" >> {self._calls}
[ "$(wc -l < {self._calls})" -gt {refusals} ] || {{ echo "summary: too long"; exit 1; }}
echo "accepted"
"""
        )
        path.chmod(0o755)
