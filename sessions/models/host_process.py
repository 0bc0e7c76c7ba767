"""One running model host, seen from outside: its start, its lines, its end."""

import asyncio
import contextlib
import importlib.machinery
import json
import os
import signal
import sys
import sysconfig
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import IO, Any

import platformdirs

import sessions
from sessions.errors import FleetError
from sessions.models.host_lines import HostCall, line, read_event, start_line
from sessions.models.protocol import ModelEvent

_LONGEST_LINE = 2**26
_GRACE = 2.0

# Without bytecode, on a slow disk, litellm takes the better part of a minute to import.
_LONGEST_START = 180.0

Inbox = asyncio.Queue[ModelEvent | None]
"""The events of one call; None says that the host has closed its connection, or is gone."""


class HostProcess:
    """A child process that runs calls. Made by `start`; once `lost`, it stays so."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._inboxes: dict[int, Inbox] = {}
        self._ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._reading = asyncio.create_task(self._read(), name="model host")
        self.lost = False
        """Whether it has ended, or was given up."""
        self.unusable = False
        """Whether it said that it never can take calls, so that another one could not either."""

    @classmethod
    async def start(cls, environment: Mapping[str, str], log: Path | None) -> "HostProcess":
        """Start a host; returns at once, before it can take calls.

        Args:
            environment: What it may see; the keys come from here.
            log: Where its standard error goes; nowhere when None.

        Raises:
            FleetError: If the process cannot be started.
        """
        try:
            with _opened(log) as errors:
                process = await asyncio.create_subprocess_exec(
                    sys.executable,
                    "-P",  # The folder it starts in is the person's project: nothing may be imported from there.
                    "-m",
                    "sessions.models.litellm_host",
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.PIPE,
                    stderr=errors,
                    limit=_LONGEST_LINE,
                    env=child_environment(environment),
                    start_new_session=True,  # ctrl+c in our terminal is not meant for it.
                )
        except OSError as error:
            raise FleetError(f"The model host cannot be started: {error}", where=sys.executable) from error
        return cls(process)

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    async def ready(self) -> None:
        """Wait until it can take calls.

        Raises:
            FleetError: If it ended before, took too long, or litellm cannot be used.
        """
        try:
            async with asyncio.timeout(_LONGEST_START):
                await asyncio.shield(self._ready)
        except TimeoutError as error:
            await self.kill()
            raise FleetError(f"The model host was not ready after {_LONGEST_START:g} s") from error

    def open(self, call: HostCall) -> Inbox:
        """Send a call and return where its events arrive."""
        inbox: Inbox = asyncio.Queue()
        self._inboxes[call.number] = inbox
        self._send(start_line(call))
        if self.lost:
            inbox.put_nowait(None)
        return inbox

    def release(self, number: int) -> None:
        """Forget a call that has ended."""
        self._inboxes.pop(number, None)

    async def cancel(self, number: int, *, grace: float = _GRACE) -> None:
        """Close a call's connection and return once that is done. A host that does not answer in time is killed.

        Args:
            grace: Seconds the host may take.
        """
        inbox: Inbox = asyncio.Queue()
        self._inboxes[number] = inbox
        try:
            self._send(line(cancel=number))
            async with asyncio.timeout(grace):
                while not self.lost and await inbox.get() is not None:
                    pass
        except TimeoutError:
            await self.kill()
        finally:
            self.release(number)

    async def close(self) -> None:
        """End the host: it goes when its input does, and is killed when it does not. Safe to repeat."""
        self.lost = True
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            async with asyncio.timeout(_GRACE):
                await asyncio.shield(self._reading)
        except TimeoutError:
            await self.kill()

    async def kill(self) -> None:
        """End the host at once and reap it."""
        self._kill()
        await asyncio.shield(self._reading)

    def _kill(self) -> None:
        self.lost = True
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                # Not by the process object: that one asks for the exit status first, and asyncio then misses it.
                os.kill(self.pid, signal.SIGKILL)

    def _send(self, order: bytes) -> None:
        """Write a line. A host that is gone is noticed by the reading task, not here."""
        if self._process.stdin is not None and not self._process.stdin.is_closing():
            self._process.stdin.write(order)

    async def _read(self) -> None:
        """Hand out lines until there are no more, then reap the process and let go of every call."""
        try:
            while self._process.stdout and (received := await self._process.stdout.readline()):
                self._take(json.loads(received))
        except ValueError:
            self._kill()  # What does not speak our lines is no model host.
        except asyncio.CancelledError:
            self._kill()
            raise
        finally:
            self.lost = True
            code = await self._reaped()
            if not self._ready.done():
                self._refuse(FleetError(f"The model host ended before it was ready, with exit code {code}"))
            for inbox in self._inboxes.values():
                inbox.put_nowait(None)

    async def _reaped(self) -> int:
        """Wait for the process, which has closed its output, and return its exit code."""
        try:
            async with asyncio.timeout(_GRACE):
                return await self._process.wait()
        except TimeoutError:
            self._kill()
            return await self._process.wait()

    def _take(self, fields: dict[str, Any]) -> None:
        if "number" in fields:
            inbox = self._inboxes.get(fields["number"])
            if inbox is not None:
                inbox.put_nowait(None if "closed" in fields else read_event(fields["event"], fields["body"]))
        elif "unusable" in fields:
            self.unusable = True
            self._refuse(_unusable(fields["unusable"]))
        elif "ready" in fields and not self._ready.done():
            self._ready.set_result(None)

    def _refuse(self, error: FleetError) -> None:
        self._ready.set_exception(error)
        self._ready.exception()  # Nobody need be waiting.


@contextlib.contextmanager
def _opened(log: Path | None) -> Generator[IO[bytes] | int]:
    """Give the file for a child's standard error; the child's own copy of it lives on."""
    if log is None:
        yield asyncio.subprocess.DEVNULL
        return
    # What a provider answers may be in it.
    with os.fdopen(os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "ab") as file:
        yield file


def _unusable(reason: str) -> FleetError:
    if reason == "missing":
        advice = "Install it with: pip install 'quarterdeck[api]'"
        return FleetError("litellm, which talks to API models, is not installed", where=sys.executable, next=advice)
    return FleetError(f"API models cannot be used: {reason}", where=sys.executable)


def child_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a model host: ours, able to import `sessions` and to keep litellm's bytecode.

    Without bytecode litellm takes three times as long to import. uv does not compile on installing, so the first
    start does.
    """
    child = dict(environment)
    for name in ("PYTHONDONTWRITEBYTECODE", "PYTHONINSPECT", "PYTHONSTARTUP", "PYTHONPROFILEIMPORTTIME"):
        child.pop(name, None)
    # A checkout that was not installed is found by this; an installed one is on the path anyway.
    root = str(Path(sessions.__file__).parent.parent)
    installed = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    if root not in installed:
        child["PYTHONPATH"] = os.pathsep.join(filter(None, (root, child.get("PYTHONPATH", ""))))
    if _needs_cache():
        child["PYTHONPYCACHEPREFIX"] = str(platformdirs.user_cache_path("quarterdeck") / "bytecode")
    # The host warms up against a server of its own, which no proxy could reach.
    for name in ("NO_PROXY", "no_proxy"):
        child[name] = ",".join(filter(None, (child.get(name, ""), "127.0.0.1", "localhost")))
    return child


def _needs_cache() -> bool:
    """Whether litellm has no bytecode and none can be written beside it. Finds the package without importing it."""
    found = importlib.machinery.PathFinder.find_spec("litellm")
    if found is None or found.origin is None or found.cached is None:
        return False
    return not Path(found.cached).exists() and not os.access(Path(found.origin).parent, os.W_OK)
