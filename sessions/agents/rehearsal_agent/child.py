"""Runs a command as a child in a process group of its own, and leaves nothing of the group behind."""

import asyncio
import codecs
import contextlib
import os
import signal
import subprocess
from collections import deque
from collections.abc import Callable, Mapping, Sequence

LONGEST_RUN = 300.0
"""Seconds after which a command is ended."""
LONGEST_OUTPUT = 1_000_000
"""Letters of the end of an output that are returned, at least."""
NOT_FOUND = 127
TOO_LONG = 124

_LOOK = 0.02
_DRAIN = 1.0
"""Seconds for the last output once the group is gone: only what left the group could still hold it open."""


async def run_child(
    command: Sequence[str], show: Callable[[str], None], *, environment: Mapping[str, str]
) -> tuple[int, str]:
    """Run a command, show its output piece by piece, and return its exit code and the end of its output.

    Cancelling kills the whole group at once. A program that cannot be started gives 127 and the reason, one that runs
    longer than `LONGEST_RUN` gives 124. What a command leaves in the background ends with it.
    """
    output = _Output(show)
    try:
        process = _start(command, output.write_end, environment)
    except OSError as error:
        output.close()
        text = f"{command[0]}: {error.strerror}\n"
        show(text)
        return NOT_FOUND, text
    try:
        output.listen()
        async with asyncio.timeout(LONGEST_RUN):
            await _reap(process)
        _kill(process)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_DRAIN):
                await output.ended.wait()
        return process.returncode, output.text
    except TimeoutError:
        return TOO_LONG, output.text
    finally:
        _kill(process)
        output.close()
        await _reap(process)


def _start(command: Sequence[str], output: int, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        env=dict(environment),
        process_group=0,
    )


def _kill(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


async def _reap(process: subprocess.Popen[bytes]) -> None:
    # asyncio's own children are not used: their `wait` never returns after the reading of a full pipe was given up.
    while process.poll() is None:  # noqa: ASYNC110  there is no event for it without a thread
        await asyncio.sleep(_LOOK)


class _Output:
    """A pipe that is read as it fills, shown, and kept up to a limit."""

    def __init__(self, show: Callable[[str], None]) -> None:
        self._show = show
        self._read_end, self.write_end = os.pipe()
        os.set_blocking(self._read_end, False)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._pieces: deque[str] = deque()
        self._kept = 0
        self.ended = asyncio.Event()

    @property
    def text(self) -> str:
        return "".join(self._pieces)

    def listen(self) -> None:
        os.close(self.write_end)
        self.write_end = -1
        asyncio.get_running_loop().add_reader(self._read_end, self._read)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._read_end)
        os.close(self._read_end)
        if self.write_end >= 0:
            os.close(self.write_end)

    def _read(self) -> None:
        data = os.read(self._read_end, 65536)
        if not data:
            asyncio.get_running_loop().remove_reader(self._read_end)
            self.ended.set()
            return
        text = self._decoder.decode(data)
        self._pieces.append(text)
        self._kept += len(text)
        while self._kept - len(self._pieces[0]) > LONGEST_OUTPUT:
            self._kept -= len(self._pieces.popleft())
        self._show(text)
