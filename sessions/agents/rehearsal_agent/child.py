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
LONGEST_OUTPUT = 1_000_000
"""Letters of the end of an output that are returned, at least."""
_LOOK = 0.05
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
    output = _Output(show)
    reading = asyncio.create_task(output.read(process.stdout))
    try:
        async with asyncio.timeout(LONGEST_RUN):
            # What is left in the background may hold the output open, and `wait` alone would wait for that too.
            while process.returncode is None and not reading.done():
                await asyncio.wait({reading}, timeout=_LOOK)
            code = await process.wait() if process.returncode is None else process.returncode
            _kill(process)
            await reading
            return code, output.text
    except TimeoutError:
        return TOO_LONG, output.text
    finally:
        _kill(process)
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        await process.wait()


def _kill(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


class _Output:
    """Shows what is read and keeps its end."""

    def __init__(self, show: Callable[[str], None]) -> None:
        self._show = show
        self._pieces: deque[str] = deque()
        self._kept = 0

    @property
    def text(self) -> str:
        return "".join(self._pieces)

    async def read(self, stream: asyncio.StreamReader | None) -> None:
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        while stream and (data := await stream.read(65536)):
            text = decoder.decode(data)
            self._pieces.append(text)
            self._kept += len(text)
            while self._kept - len(self._pieces[0]) > LONGEST_OUTPUT:
                self._kept -= len(self._pieces.popleft())
            self._show(text)
