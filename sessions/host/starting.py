"""Starting hosts: what a new session is to be, the host's process, and finding the one that runs."""

import asyncio
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from sessions.errors import HostError, ProjectError
from sessions.handoffs import GateMode
from sessions.store.files import replace_private_file, told_as_unusable
from sessions.store.folders import ProjectFolder, SessionFolder

LONGEST_IDEA = 100_000
"""Characters an idea may have. It goes into a prompt; more belongs into a file that the idea names."""

BUSY = 75
"""The exit code of a host that found another one serving its session."""
NO_SPACE = 73
"""The exit code of a host that had no space to write down why it ended."""
_CLOCK_TOLERANCE = 2.0
"""Seconds by which a process's start time may seem to have moved: it is reckoned from a wall clock that may be set."""


class SessionOrder(BaseModel):
    """What a session is to be, written beside its log before its host starts. Read again at every resume."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    repository: Path
    idea: str
    workflow: str = "build-loop"
    fleet: Path | None = None
    gate: GateMode = "manual"
    pace: float = 1.0
    screen: bool = True
    unattended: bool = False


def check_idea(idea: str) -> str:
    """Return the idea without surrounding blanks.

    Raises:
        ProjectError: If there is none, or it is too long to be sent.
    """
    text = idea.strip()
    if "\0" in text:
        raise ProjectError(
            "the idea is not text: there are zero bytes in it",
            next="give a sentence, or a file of text on standard input",
        )
    if not text:
        raise ProjectError(
            "an idea is needed", next='say what to build, such as: quarterdeck run "a CSV bar chart tool"'
        )
    if len(text) > LONGEST_IDEA:
        raise ProjectError(
            f"the idea has {len(text):,} characters, at most {LONGEST_IDEA:,} can be sent",
            next="put it into a file in the repository, commit it, and let the idea name that file",
        )
    return text.encode("utf-8", "replace").decode("utf-8")


def create_session(order: SessionOrder) -> SessionFolder:
    """Make a new session's folder with its order in it. No host runs yet.

    Raises:
        StoreError: If the state folder cannot be used.
    """
    project = ProjectFolder.for_repository(order.repository)
    project.create(order.repository)
    folder = project.create_session(datetime.now(UTC))
    write_order(folder, order)
    return folder


def write_order(folder: SessionFolder, order: SessionOrder) -> None:
    """Write what a session is to be."""
    replace_private_file(folder.path / "order.json", order.model_dump_json(indent=2).encode())


def read_order(folder: SessionFolder) -> SessionOrder:
    """Read what a session is to be.

    Raises:
        HostError: If the file is missing or damaged.
    """
    path = folder.path / "order.json"
    try:
        return SessionOrder.model_validate_json(path.read_bytes())
    except (OSError, ValueError) as error:
        raise HostError(
            "the session's order cannot be read", where=str(path), next=f"restore the file: {error}"
        ) from error


def start_host(folder: SessionFolder) -> "subprocess.Popen[bytes]":
    """Start a host for a session in a process session of its own, so that it outlives this terminal.

    What it prints goes to `host.log` beside the session's log.

    Raises:
        StoreError: If that file cannot be written.
    """
    with told_as_unusable(folder.host_log):
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        log = os.open(folder.host_log, flags, 0o600)
    try:
        return subprocess.Popen(
            # Without -P a folder called `sessions` where we stand would hide ours.
            [sys.executable, "-P", "-m", "sessions.host", str(folder.path)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            cwd="/",
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
    finally:
        os.close(log)


@dataclass(frozen=True, slots=True)
class RunningHost:
    """A host that serves a session: its process, and where it listens, which its own environment decided."""

    pid: int
    started: float
    """Seconds since the epoch; tells it from a later process of the same number."""
    socket: Path

    def runs(self) -> bool:
        """Say whether the process is still there."""
        return _runs(self.pid, self.started)


def running_host(folder: SessionFolder) -> RunningHost | None:
    """Return the host that serves a session, None when none does.

    A file that a killed host left is recognised: its process is gone, or started at another time.
    """
    try:
        facts = json.loads(folder.host_file.read_bytes())
        host = RunningHost(int(facts["pid"]), float(facts["started"]), Path(facts["socket"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return host if host.runs() and host.socket.exists() else None


def _runs(pid: int, started: float) -> bool:
    # Only needed where a host's file was found: commands that find none start faster without it.
    import psutil

    try:
        process = psutil.Process(pid)
        same = abs(process.create_time() - started) <= _CLOCK_TOLERANCE
        return same and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


async def await_host(
    folder: SessionFolder, process: "subprocess.Popen[bytes] | None", *, seconds: float = 30.0
) -> Path:
    """Return the socket of a host once it listens.

    Args:
        process: The host just started for it, which may take as long as it lives; None when another one is awaited.
        seconds: How long to wait for a host that is not ours.

    Raises:
        HostError: If it ended before, with the last lines it wrote, or did not come up in time.
    """
    clock = asyncio.get_running_loop().time
    deadline = clock() + seconds
    while process is not None or clock() < deadline:
        ended = process.poll() if process is not None else None
        host = running_host(folder)
        if host is not None:
            return host.socket
        if ended == BUSY:
            # Another one was faster, and is on its way up.
            process, deadline = None, clock() + seconds
        elif ended is not None:
            raise told(folder, ended)
        await asyncio.sleep(0.01)
    raise HostError(
        f"the session's host did not come up within {seconds:.0f} s",
        where=str(folder.host_log),
        next="read that file; `quarterdeck attach` tries again",
    )


def told(folder: SessionFolder, code: int) -> HostError:
    """Return what a host that ended at once said of the reason."""
    found = failure_file(folder)
    if not found and code == NO_SPACE:
        return HostError(
            "no space is left for the session's files", where=str(folder.path), next="free some space, then try again"
        )
    what = str(found.get("what") or f"the session's host ended at once, with {code}")
    where = str(found.get("where") or folder.host_log)
    return HostError(what, where=where, next=str(found.get("next") or f"read {folder.host_log}"))


def failure_file(folder: SessionFolder) -> dict[str, object]:
    """Return what the last host left about its failure, empty when it left nothing."""
    try:
        found: object = json.loads((folder.path / "failure.json").read_bytes())
    except (OSError, ValueError):
        return {}
    return {str(key): value for key, value in found.items()} if isinstance(found, dict) else {}  # pyright: ignore
