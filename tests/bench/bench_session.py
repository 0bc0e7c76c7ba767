"""How fast a long session opens: read the log, check it, validate every event, fold the state.

Peer: the same rows read by plain sqlite3 and `json.loads`, with no check, no validation and no state.
"""

import argparse
import asyncio
import json
import sqlite3
import tempfile
import time
from pathlib import Path

from sessions.contract import TaskDraft
from sessions.events import (
    Event,
    HandoffApproved,
    HandoffProposed,
    NodeEntered,
    NodeLeft,
    PlanMade,
    Record,
    Seat,
    SessionStarted,
    StatusSeen,
    TaskStarted,
    ToolUsed,
    TransitionCalled,
    TurnEnded,
    TurnStarted,
    dump_event,
    kind_of,
)
from sessions.handoffs import Payload
from sessions.host.journal import Journal
from sessions.plan import make_plan
from sessions.state import fold_all
from sessions.store.artefacts import ArtefactStore
from sessions.store.log import EventLog

EVENTS = 100_000
_ROLES = ("planner", "manager", "worker", "auditor", "exit_manager")


def make_events(count: int) -> list[Event]:
    """Return a believable long session: turn after turn with its tools, transition, handoff and gate."""
    seats = tuple(
        Seat(window=role, number=n, role=role, title=role, agent="model", model="m", via="api")
        for n, role in enumerate(_ROLES, 1)
    )
    drafts = tuple(TaskDraft(title=f"task {n}", instructions="do it", test_command="true") for n in range(200))
    events: list[Event] = [
        SessionStarted(
            session="s", project="p", repository="/r", idea="i", workflow_name="w", workflow="", base="b", branch="x",
            seats=seats, rehearsal=False, screen=True,
        ),
        PlanMade(plan=make_plan(1, "plan", (), drafts, used=0), spec_revision=1),
    ]  # fmt: skip
    turn = 0
    while len(events) < count:
        turn += 1
        role = _ROLES[turn % len(_ROLES)]
        events += _turn(turn, role)
    return events[:count]


def _turn(turn: int, role: str) -> list[Event]:
    name, handoff = f"t{turn:05d}", f"H-{turn:05d}"
    payload = Payload(kind="report", title="report", text="did it\n" * 10, task="T-001", attempt=1)
    used = ToolUsed(turn=name, tool="run", summary="run: pytest", ok=True, seconds=0.2, output="a" * 64)
    return [
        NodeEntered(node=role, visit=turn),
        TaskStarted(task="T-01", attempt=turn, base="b", spec_revision=1),
        TurnStarted(turn=name, window=role, role=role, node=role, visit=turn, prompt="a" * 64, parts=(), tokens=900),
        StatusSeen(window=role, activity="thinking", source="stream"),
        *(used for _ in range(6)),
        TransitionCalled(turn=name, tool="report_done", key="k", arguments="{}", accepted=True, reply="ok"),
        TurnEnded(turn=name, ending="transition", input_tokens=900, output_tokens=80, cost=0.01, seconds=2.0),
        NodeLeft(node=role, visit=turn, outcome="report_done", to=role, rule="otherwise"),
        HandoffProposed(handoff=handoff, sender=role, receiver=role, payload=payload),
        HandoffApproved(handoff=handoff, by="gate auto"),
        NodeEntered(node=role, visit=turn + 1, handoff=handoff),
    ]


async def measure(count: int = EVENTS) -> dict[str, float]:
    """Return seconds for opening a session of `count` events, for folding alone, and for the peer."""
    events = make_events(count)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        log = await EventLog.create(folder / "session.db")
        rows = [(kind_of(event), dump_event(event), None) for event in events]
        begun = time.perf_counter()
        for start in range(0, count, 1000):
            await log.append(rows[start : start + 1000])
        appended = time.perf_counter() - begun
        await log.close()

        begun = time.perf_counter()
        journal = await Journal.open(folder / "session.db", ArtefactStore(folder))
        opened = time.perf_counter() - begun
        await journal.close()
        begun = time.perf_counter()
        fold_all([Record(n, 0.0, event) for n, event in enumerate(events, 1)])
        folded = time.perf_counter() - begun
        peer = _peer(folder / "session.db")
    return {
        "events": count,
        "appended_per_second": count / appended,
        "open_seconds": opened,
        "fold_seconds": folded,
        "peer_seconds": peer,
        "open_to_peer": opened / peer,
    }


def _peer(path: Path) -> float:
    begun = time.perf_counter()
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    for (body,) in connection.execute("SELECT body FROM event ORDER BY seq"):
        json.loads(body)
    connection.close()
    return time.perf_counter() - begun


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    given = parser.parse_args()
    figures = asyncio.run(measure())
    if given.json:
        print(json.dumps({"session": figures}))
        return
    print(f"session of {figures['events']:,.0f} events")
    print(f"  appended in batches of 1,000   {figures['appended_per_second']:>10,.0f} events/s   goal 10,000")
    print(f"  opened (check, validate, fold) {figures['open_seconds']:>10.2f} s          goal under 1")
    print(f"  fold alone                     {figures['fold_seconds']:>10.2f} s")
    print(f"  opened, against plain sqlite3 and json.loads of the same rows: {figures['open_to_peer']:.1f}x")


if __name__ == "__main__":
    main()
