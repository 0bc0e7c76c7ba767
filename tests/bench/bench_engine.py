"""What the engine costs between two roles: from a transition tool's call in the log to the next role's prompt being
sent.

Runs the whole rehearsal loop headless and reads its log. Counted are the crossings without work of the host between
them (spec to plan, verdict to decision); crossings with a test run or a git command in between measure those. The goal
is a median under 10 ms.
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile

from sessions.events import Record, TransitionCalled, TurnStarted
from sessions.store.folders import all_projects
from tui.session_list import read_records

CROSSINGS = ("append_spec", "submit_verdict")


def overheads(records: list[Record]) -> list[float]:
    """Return the seconds of each counted crossing."""
    found: list[float] = []
    called: float | None = None
    for record in records:
        event = record.event
        if isinstance(event, TransitionCalled) and event.accepted:
            called = record.at if event.tool in CROSSINGS else None
        elif isinstance(event, TurnStarted) and called is not None:
            found.append(record.at - called)
            called = None
    return found


def measure(rounds: int = 3) -> dict[str, float]:
    """Run the loop and return milliseconds: the median and the slowest crossing."""
    found: list[float] = []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory(dir="/tmp") as name:
            os.environ["QUARTERDECK_HOME"] = f"{name}/q"
            subprocess.run(
                [sys.executable, "-m", "tui.cli", "demo", "--pace", "0", "--folder", f"{name}/sample"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                check=True,
            )
            [folder] = [folder for project in all_projects() for folder in project.sessions()]
            found += overheads(asyncio.run(read_records(folder)))
    return {
        "crossings": len(found),
        "median_ms": statistics.median(found) * 1000,
        "slowest_ms": max(found) * 1000,
    }


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    given = parser.parse_args()
    figures = measure()
    if given.json:
        print(json.dumps({"engine": figures}))
        return
    print(f"engine, {figures['crossings']:.0f} crossings from a transition's call to the next prompt")
    print(f"  median   {figures['median_ms']:6.1f} ms   goal under 10")
    print(f"  slowest  {figures['slowest_ms']:6.1f} ms")


if __name__ == "__main__":
    main()
