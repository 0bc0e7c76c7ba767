"""How soon the app is on screen: from starting the command to the first frame, in a real PTY.

Peer: the smallest Textual app there is, in the same run, taken in turn. The goal is under 0.6 s.
"""

import argparse
import json
import os
import select
import statistics
import sys
import tempfile
import time
from pathlib import Path

import pexpect

ROUNDS = 5
_PEER = """
from textual.app import App
from textual.widgets import Label
class Peer(App):
    def compose(self):
        yield Label("first paint")
Peer().run()
"""
_APP = """
from pathlib import Path
from tui.app import QuarterdeckApp
from tui.starting_source import StartingSession
from sessions.store.folders import SessionFolder
import sys
folder = SessionFolder(Path(sys.argv[1]), Path(sys.argv[1]))
QuarterdeckApp(StartingSession(folder, None)).run()
"""


def first_paint(arguments: list[str], wanted: bytes, limit: float = 20.0) -> float:
    """Return seconds from starting a program to the first frame that shows what is wanted."""
    environment = {**os.environ, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8"}
    begun = time.perf_counter()
    child = pexpect.spawn(sys.executable, arguments, dimensions=(48, 160), env=environment, timeout=None)
    try:
        seen = b""
        while wanted not in seen:
            if time.perf_counter() - begun > limit:
                raise RuntimeError(f"no first paint within {limit} s: {seen[-400:]!r}")
            ready, _, _ = select.select([child.child_fd], [], [], 0.1)
            if ready:
                seen += os.read(child.child_fd, 65536)
        return time.perf_counter() - begun
    finally:
        child.kill(9)
        child.wait()
        child.close(force=True)


def measure() -> dict[str, float]:
    """Return the medians of both, taken in turn."""
    ours: list[float] = []
    peers: list[float] = []
    with tempfile.TemporaryDirectory() as name:
        app, peer = Path(name) / "app.py", Path(name) / "peer.py"
        app.write_text(_APP)
        peer.write_text(_PEER)
        session = Path(name) / "projects" / "p" / "sessions" / "20260101-0000-abcd"
        session.mkdir(parents=True)
        for _ in range(ROUNDS):
            peers.append(first_paint([str(peer)], b"first paint"))
            ours.append(first_paint([str(app), str(session)], b"WINDOWS"))
    return {
        "first_paint_seconds": statistics.median(ours),
        "peer_seconds": statistics.median(peers),
        "ratio": statistics.median(ours) / statistics.median(peers),
    }


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    given = parser.parse_args()
    figures = measure()
    if given.json:
        print(json.dumps({"start": figures}))
        return
    print("first paint, medians of", ROUNDS)
    print(f"  the app                    {figures['first_paint_seconds']:.2f} s   goal under 0.6")
    print(f"  the smallest Textual app   {figures['peer_seconds']:.2f} s")
    print(f"  ratio                      {figures['ratio']:.2f}x")


if __name__ == "__main__":
    main()
