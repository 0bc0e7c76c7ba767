"""How fast terminals are: a program's output through a PTY beside tmux, and what a frame and a snapshot cost.

Both sides take a file written by `cat` into a terminal of 200x50 that nobody looks at, in turn, start included; the
figure is the median. Without tmux there is no ratio.
"""

import argparse
import asyncio
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from sessions.processes.environment import clean_environment
from sessions.terminal.emulator import Emulator
from sessions.terminal.pane_thread import PaneThread
from sessions.terminal.pty import PtyProcess
from sessions.terminal.recording import Recording

REPEATS = 3
COLS, ROWS = 200, 50

PLAIN = b"".join(b"line %d of plain text, as a compiler or a test run writes it\r\n" % n for n in range(500))
COLOURED = b"".join(
    b"\x1b[3%dmword\x1b[0m \x1b[1;38;5;%dmbold\x1b[0m \x1b[48;2;%d;40;60mback\x1b[0m\r\n" % (n % 8, n % 256, n % 256)
    for n in range(500)
)


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure.

    Args:
        ratio: The figure by the peer's, for what is better when more; None without a peer.
    """

    name: str
    value: float
    unit: str
    ratio: float | None = None
    peer: str = ""


def throughput(megabytes: int) -> list[Figure]:
    """Give how fast output is taken, with and without a recording, and how that is beside tmux."""
    figures: list[Figure] = []
    for name, sample in (("plain", PLAIN), ("coloured", COLOURED)):
        with tempfile.TemporaryDirectory(prefix="qd-bench-") as folder:
            path = Path(folder) / "output"
            path.write_bytes(sample * (megabytes * 1_000_000 // len(sample)))
            size = path.stat().st_size / 1e6
            runs: dict[str, Callable[[], float]] = {
                "taken": lambda path=path: asyncio.run(_taken(path, recorded=False)),
                "taken and recorded": lambda path=path: asyncio.run(_taken(path, recorded=True)),
            }
            if shutil.which("tmux"):
                runs["tmux"] = lambda path=path: _taken_by_tmux(path)
            turns = [{run: measure() for run, measure in runs.items()} for _ in range(REPEATS)]
        rates = {run: size / statistics.median(turn[run] for turn in turns) for run in runs}
        peer = rates.get("tmux")
        figures += [
            Figure(f"cat, {name}, {run}", rate, "MB/s", rate / peer if peer else None, "tmux" if peer else "")
            for run, rate in rates.items()
        ]
    return figures


async def _taken(path: Path, *, recorded: bool) -> float:
    """Give the seconds from the order to start until all was emulated."""
    thread = PaneThread()
    cast = path.with_suffix(".cast")
    cast.unlink(missing_ok=True)
    began = time.perf_counter()
    process = await PtyProcess.start(
        ["cat", str(path)],
        cwd=path.parent,
        environment=clean_environment(),
        thread=thread,
        emulator=Emulator(COLS, ROWS),
        recording=Recording(cast, COLS, ROWS, limit=10**10) if recorded else None,
    )
    ended = await process.wait()
    took = time.perf_counter() - began
    thread.close()
    if ended.status:
        raise RuntimeError(f"cat ended with {ended.status}")
    return took


def _taken_by_tmux(path: Path) -> float:
    server = ["tmux", "-L", f"qd-bench-{os.getpid()}", "-f", os.devnull]
    done = " ".join([*server, "wait-for", "-S", "done"])
    began = time.perf_counter()
    subprocess.run(
        [*server, "new-session", "-d", "-x", str(COLS), "-y", str(ROWS), f"cat '{path}'; {done}"],
        env=clean_environment(set={"TERM": "xterm-256color"}),
        check=True,
    )
    subprocess.run([*server, "wait-for", "done"], check=True)
    took = time.perf_counter() - began
    subprocess.run([*server, "kill-server"], check=False, stderr=subprocess.DEVNULL)
    return took


def frames() -> list[Figure]:
    """Give what reading a whole changed screen of 120x40 costs."""
    wide = "中文字符".encode() * 15
    samples = {
        "plain": PLAIN,
        "coloured": COLOURED,
        "wide": b"".join(wide + b"\r\n" for _ in range(60)),
    }
    return [
        Figure(f"frame of 120x40, {name}", _milliseconds(Emulator(120, 40), data, _take_frame), "ms")
        for name, data in samples.items()
    ]


def snapshots() -> list[Figure]:
    """Give what a snapshot with ten thousand lines of history costs to make and to restore."""
    history = COLOURED * 20
    copy = Emulator(COLS, ROWS)

    def restore(emulator: Emulator) -> None:
        copy.restore(kept[0])

    kept: list[bytes] = []
    made = _milliseconds(Emulator(COLS, ROWS), history, lambda emulator: kept.append(emulator.snapshot()))
    restored = _milliseconds(Emulator(COLS, ROWS), b"", restore)
    return [
        Figure("snapshot of 10,000 lines, made", made, "ms"),
        Figure("snapshot of 10,000 lines, restored", restored, "ms"),
        Figure("snapshot of 10,000 lines, size", len(kept[0]) / 1000, "kB"),
    ]


def _take_frame(emulator: Emulator) -> None:
    if not emulator.take_frame().rows:
        raise RuntimeError("nothing had changed")


def _milliseconds(emulator: Emulator, data: bytes, work: Callable[[Emulator], object]) -> float:
    times: list[float] = []
    for _ in range(10):
        emulator.feed(data)
        began = time.perf_counter()
        work(emulator)
        times.append(time.perf_counter() - began)
    return statistics.median(times) * 1000


def main(arguments: list[str]) -> None:
    """Measure and print, as a table or as one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    parser.add_argument("--megabytes", type=int, default=30, help="output that each side takes")
    chosen = parser.parse_args(arguments)
    measured = [*throughput(chosen.megabytes), *frames(), *snapshots()]
    if chosen.json:
        print(json.dumps({"bench": "terminal", "figures": [asdict(figure) for figure in measured]}))
        return
    for figure in measured:
        ratio = f"{figure.ratio:8.2f}x" if figure.ratio is not None else ""
        print(f"{figure.name:40} {figure.value:>12,.2f} {figure.unit:5} {ratio}".rstrip())


if __name__ == "__main__":
    main(sys.argv[1:])
