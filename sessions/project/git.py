"""Running git: by argument list, with hooks and every other way to start a program switched off."""

import asyncio
import contextlib
import os
import re
import signal
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sessions.errors import ProjectError
from sessions.processes.environment import clean_environment

OLDEST_GIT = (2, 32)
"""GIT_CONFIG_GLOBAL, without which the person's configuration reaches the session's repository, came with it (2021)."""

DEFAULT_TIMEOUT = 300.0
"""Seconds one git command may take. The first copy of a very large repository needs minutes."""

_SETTINGS = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.untrackedCache=false",
    "core.quotePath=true",
    "commit.gpgSign=false",
    "tag.gpgSign=false",
    "log.showSignature=false",
    "diff.external=",
    "diff.submodule=short",
    "status.submoduleSummary=false",
    "submodule.recurse=false",
    "fetch.recurseSubmodules=false",
    # A background `git gc` would outlive us.
    "gc.auto=0",
    "maintenance.auto=false",
    "color.ui=false",
    "advice.detachedHead=false",
    # Lets a commit be fetched by its id, also from a repository whose HEAD is detached.
    "protocol.version=2",
)

FIXED_ENVIRONMENT = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",  # a look at the person's repository must not refresh their index
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_DEFAULT_REF_FORMAT": "files",
    "GIT_ASKPASS": "true",
    "GIT_EDITOR": "true",
    "GIT_PAGER": "cat",
    "LC_ALL": "C",  # messages are read below, and in the modules beside
}
"""What every git of ours runs with. The host's own GIT_* variables never reach it."""

_SHOWN_ERROR = 2_000
_END_GRACE = 2.0
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # controls but newline and tab
    "\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff"  # bidirectional, zero-width, line separators
    "\ud800-\udfff\ufff9-\ufffb\U000e0000-\U000e007f]"  # halves of characters, annotations, tags
)


class GitFailed(ProjectError):
    """A git command failed. `what` has the command and the first line git said, `message` all of it, made safe."""

    def __init__(self, command: Sequence[str], where: str, exit_code: int, message: str) -> None:
        first = next((line for line in message.splitlines() if line.strip()), f"exit status {exit_code}")
        super().__init__(f"git {safe_text(' '.join(command[:3]))} failed: {first}", where=where, next=_advice(message))
        self.exit_code = exit_code
        self.message = message


@dataclass(frozen=True, slots=True)
class GitAnswer:
    """What a git command gave."""

    exit_code: int
    output: bytes
    error: bytes
    cut: bool
    """Output went over the limit; git was ended there."""


@dataclass(frozen=True, slots=True)
class Git:
    """Runs git in one folder. Await it with git's arguments to get the output."""

    folder: Path
    """Where git runs. With `git_dir` it is the work tree."""

    git_dir: Path | None = None
    """The repository to use whatever lies in the folder; None to let git find it from there."""

    isolated: bool = False
    """The person's own configuration (~/.gitconfig) is not read either."""

    lock: int | None = None
    """A descriptor that every git inherits, so that a lock on it tells whether any still runs."""

    async def __call__(
        self,
        *arguments: str,
        input: bytes | None = None,
        environment: Mapping[str, str] | None = None,
        settings: Sequence[str] = (),
    ) -> bytes:
        """Run a command and return its output.

        Args:
            input: Bytes for its standard input; empty when not given.
            environment: More variables, such as an author's name.
            settings: More configuration, each `name=value`.

        Raises:
            GitFailed: If it exits with another status than 0.
            ProjectError: If git is missing, the folder is gone, or it took longer than `DEFAULT_TIMEOUT`.
        """
        answer = await self.ask(*arguments, input=input, environment=environment, settings=settings)
        if answer.exit_code:
            raise GitFailed(arguments, str(self.folder), answer.exit_code, safe_text(answer.error))
        return answer.output

    async def line(self, *arguments: str) -> str:
        """Run a command and return its output as text, without the line's end."""
        return os.fsdecode((await self(*arguments)).removesuffix(b"\n"))

    async def ask(
        self,
        *arguments: str,
        input: bytes | None = None,
        environment: Mapping[str, str] | None = None,
        settings: Sequence[str] = (),
        limit: int | None = None,
    ) -> GitAnswer:
        """Run a command whose failure is an answer too. Output beyond `limit` bytes is cut.

        Raises:
            ProjectError: If git could not run at all.
        """
        process = await self._start(arguments, environment or {}, settings)
        try:
            async with asyncio.timeout(DEFAULT_TIMEOUT):
                return await _exchange(process, input or b"", limit)
        except TimeoutError:
            raise ProjectError(
                f"git {safe_text(' '.join(arguments[:2]))} did not end in {DEFAULT_TIMEOUT:.0f} s",
                where=str(self.folder),
                next="Is the disk or network file system slow? Try the same command by hand",
            ) from None
        finally:
            await _end(process)

    def _command(self, arguments: Sequence[str], settings: Sequence[str]) -> list[str]:
        command = ["git"]
        if self.git_dir is not None:
            command += [f"--git-dir={self.git_dir}", f"--work-tree={self.folder}"]
        for setting in (*_SETTINGS, *settings):
            command += ["-c", setting]
        return [*command, *arguments]

    async def _start(
        self, arguments: Sequence[str], environment: Mapping[str, str], settings: Sequence[str]
    ) -> asyncio.subprocess.Process:
        alone = {"GIT_CONFIG_GLOBAL": os.devnull} if self.isolated else {}
        starting = asyncio.create_task(
            asyncio.create_subprocess_exec(
                *self._command(arguments, settings),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                cwd=self.folder,
                env=clean_environment(set={**FIXED_ENVIRONMENT, **alone, **environment}),
                start_new_session=True,
                pass_fds=() if self.lock is None else (self.lock,),
            ),
            name=f"git {arguments[0]}",
        )
        try:
            return await asyncio.shield(starting)
        except asyncio.CancelledError:
            # Half a start cannot be taken back: wait for the process, then end it.
            with contextlib.suppress(OSError):
                await _end(await starting)
            raise
        except FileNotFoundError:
            if not self.folder.is_dir():
                raise ProjectError("The folder is gone", where=str(self.folder)) from None
            raise ProjectError("git is not installed", next=_install()) from None
        except NotADirectoryError:
            raise ProjectError("This is not a folder", where=str(self.folder)) from None
        except PermissionError as error:
            raise ProjectError(
                "The folder may not be entered", where=str(self.folder), next=f"Check its permissions: {error.strerror}"
            ) from error


async def require_git() -> None:
    """Check that git is there and new enough.

    Raises:
        ProjectError: If it is not, with the way to get it.
    """
    answer = await Git(Path("/")).ask("--version")
    match = re.search(rb"(\d+)\.(\d+)", answer.output)
    if answer.exit_code or match is None:
        raise ProjectError("git does not run", next=f"It said: {safe_text(answer.error)[:200]}")
    if (int(match[1]), int(match[2])) < OLDEST_GIT:
        wanted = ".".join(str(part) for part in OLDEST_GIT)
        raise ProjectError(f"git {match[0].decode()} is too old, {wanted} or newer is needed", next=_install())


def safe_text(text: str | bytes, limit: int = _SHOWN_ERROR) -> str:
    """Foreign text for a message: control, bidirectional and zero-width characters replaced, and cut at `limit`."""
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    return _UNSAFE.sub("\ufffd", text).strip()[:limit]


async def _exchange(process: asyncio.subprocess.Process, given: bytes, limit: int | None) -> GitAnswer:
    """Write the input and read both outputs at the same time, so that no full pipe can stop git."""
    if process.stdin is None or process.stdout is None or process.stderr is None:
        raise TypeError("git is always started with three pipes")
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_write(process.stdin, given))
        reading_error = tasks.create_task(_read(process.stderr, None))
        output, cut = await _read(process.stdout, limit)
        if cut:
            _signal(process, signal.SIGTERM)
    error, _ = reading_error.result()
    return GitAnswer(0 if cut else await process.wait(), output, error, cut)


async def _write(stream: asyncio.StreamWriter, given: bytes) -> None:
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # git refused early, and says why
        stream.write(given)
        await stream.drain()
    stream.close()


async def _read(stream: asyncio.StreamReader, limit: int | None) -> tuple[bytes, bool]:
    parts = bytearray()
    while chunk := await stream.read(65_536):
        parts += chunk
        if limit is not None and len(parts) > limit:
            return bytes(parts[:limit]), True
    return bytes(parts), False


async def _end(process: asyncio.subprocess.Process) -> None:
    """Leave no git behind: end what still runs, and reap it, also when cancelled meanwhile."""
    if process.returncode is not None:
        return
    _signal(process, signal.SIGTERM)  # git removes its lock files before it dies of it
    cancelled = False
    deadline = time.monotonic() + _END_GRACE
    while process.returncode is None:
        try:
            async with asyncio.timeout(max(0.0, deadline - time.monotonic())):
                await process.wait()
        except TimeoutError:
            if not _exists(process.pid):
                break  # It is gone; only the loop's notice of it was lost, as a start broken off half-way can make it.
            _signal(process, signal.SIGKILL)
            deadline += _END_GRACE
        except asyncio.CancelledError:
            cancelled = True
    if cancelled:
        raise asyncio.CancelledError


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _signal(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)  # its own group: the programs that git starts are in it


def _install() -> str:
    wanted = ".".join(str(part) for part in OLDEST_GIT)
    return f"Install git {wanted} or newer: https://git-scm.com/downloads"


def _advice(message: str) -> str:
    if "No space left on device" in message or "Disk quota exceeded" in message:
        return "Free some space on the disk; nothing was lost, the step is done again"
    if "Read-only file system" in message or "Permission denied" in message:
        return "Make the folder writable for you, then try again"
    if "dubious ownership" in message:
        return "If you trust the repository, tell git so: git config --global --add safe.directory <folder>"
    return ""
