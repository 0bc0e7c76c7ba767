"""Runs a command as a child in a process group of its own, and leaves nothing of the group behind."""

import asyncio
import codecs
import contextlib
import os
import signal
from collections import deque
from collections.abc import Callable, Mapping, Sequence

LONGEST_RUN = 300.0
"""Seconds after which a command is ended."""
LONGEST_OUTPUT = 4 * 1024 * 1024
"""Letters of the end of an output that are returned, about."""
NOT_FOUND = 127
TOO_LONG = 124


async def run_child(
    command: Sequence[str], show: Callable[[str], None], *, environment: Mapping[str, str]
) -> tuple[int, str]:
    """Run a command, show its output piece by piece, and return its exit code and the end of its output.

    Cancelling kills the whole group at once. A program that cannot be started gives 127 and the reason, one that runs
    longer than `LONGEST_RUN` gives 124.
    """
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=dict(environment),
            process_group=0,
        )
    except OSError as error:
        text = f"{command[0]}: {error.strerror}\n"
        show(text)
        return NOT_FOUND, text
    pieces: deque[str] = deque()
    try:
        async with asyncio.timeout(LONGEST_RUN):
            await _read(process, pieces, show)
            return await process.wait(), "".join(pieces)
    except TimeoutError:
        return TOO_LONG, "".join(pieces)
    finally:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


async def _read(process: asyncio.subprocess.Process, pieces: deque[str], show: Callable[[str], None]) -> None:
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    stream = process.stdout
    while stream and (data := await stream.read(65536)):
        text = decoder.decode(data)
        pieces.append(text)
        while len(pieces) > LONGEST_OUTPUT // 65536:
            pieces.popleft()
        show(text)
