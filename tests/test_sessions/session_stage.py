"""A session in this process: the real journal, clone, door, orders and socket, with agents that a test plays."""

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from project_repositories import make_repository

from sessions.agents.protocol import HaltProof, TransitionReply, TurnOrder, TurnReport, TurnSink
from sessions.client.attached import AttachedSession
from sessions.client.updates import HostLost, Records
from sessions.events import Event, GateModeChanged, Record, SessionStarted, TurnStarted
from sessions.handoffs import ASSISTED_PASSES, GateMode
from sessions.host.journal import Journal
from sessions.host.orders import Orders
from sessions.host.seats import seats_of
from sessions.host.server import SessionServer
from sessions.host.session import LiveSession, Surroundings
from sessions.models.protocol import Usage
from sessions.orders import ApproveHandoff, Order, OrderReply
from sessions.processes.environment import clean_environment
from sessions.project.clone import SessionClone
from sessions.project.inspection import require_workable
from sessions.state import EMPTY, SessionState, fold
from sessions.store.artefacts import ArtefactStore
from sessions.store.log import EventLog
from sessions.workflow.reader import load_workflow, read_workflow
from sessions.workflow.runner import cancel_and_wait

LIMIT = 30.0
Call = tuple[str, dict[str, Any]]

SPEC: Call = ("append_spec", {"reason": "first", "clauses": ["it answers 42"]})
TASK = {"title": "Answer", "instructions": "Write it.", "test_command": "true", "criteria": ["it is 42"]}
PLAN: Call = ("plan_tasks", {"summary": "one step", "milestones": [], "tasks": [TASK]})
DONE: Call = ("report_done", {"summary": "It is written."})
PASS: Call = (
    "submit_verdict",
    {"verdict": "pass", "diagnosis": "as it should be", "rec_action": "continue", "pointer": "-"},
)
FAIL: Call = (
    "submit_verdict",
    {"verdict": "fail", "diagnosis": "off by one", "rec_action": "retask", "pointer": "src/app.py"},
)
CONTINUE: Call = ("decide", {"decision": "continue", "note": "good"})
END: Call = ("pass_session", {"summary": "Seen working.", "how_to_run": "python -m app"})
ANSWERS = {
    "append_spec": SPEC,
    "plan_tasks": PLAN,
    "report_done": DONE,
    "submit_verdict": PASS,
    "decide": CONTINUE,
    "pass_milestone": END,
    "pass_session": END,
}


@dataclass
class Played:
    """A turn that a test has in its hands."""

    order: TurnOrder
    sink: TurnSink
    over: asyncio.Future[TurnReport]

    @property
    def prompt(self) -> str:
        return self.order.prompt.text()

    async def call(self, tool: str, arguments: dict[str, Any], key: str = "k") -> TransitionReply:
        return await self.sink.call(tool, json.dumps(arguments), key)

    async def end(self, call: Call) -> None:
        """Call the transition and rest."""
        reply = await self.call(*call)
        assert reply.accepted, reply.text
        self.report("transition", call[0])

    def report(self, ending: Any, detail: str = "", failure: str = "") -> None:
        if not self.over.done():
            self.over.set_result(
                TurnReport(ending, detail, Usage(10, 5, cost=0.0), f"said by {self.order.role}", failure)
            )


class PlayedAgent:
    """An agent whose turns a test plays: by hand, or by itself as `plays` says (a tool's name to a call)."""

    def __init__(self, window: str) -> None:
        self.window = window
        self.plays: dict[str, Call] = {}
        self.began: list[Played] = []
        self.halts = 0
        self.stubborn = False
        self.closed = False
        self._news = asyncio.Event()

    async def run_turn(self, order: TurnOrder, sink: TurnSink) -> TurnReport:
        played = Played(order, sink, asyncio.get_running_loop().create_future())
        self.began.append(played)
        self._news.set()
        self._news = asyncio.Event()
        call = next((self.plays[tool] for tool in order.transitions if tool in self.plays), None)
        if call is not None:
            await played.end(call)
        return await played.over

    async def halt(self, *, grace: float = 2.0) -> HaltProof:
        self.halts += 1
        if not self.began or self.began[-1].over.done():
            return HaltProof(True, "none", "nothing was running", 0.0)
        if self.stubborn:
            return HaltProof(False, "SIGKILL", "1 processes left", grace)
        self.began[-1].report("interrupted", "halted")
        return HaltProof(True, "interrupt key", "it says idle", 0.0)

    async def close(self) -> None:
        self.closed = True

    async def turn(self, number: int = -1) -> Played:
        """Wait for the window's turn of a number (from 0), or for one that is under way."""
        async with asyncio.timeout(LIMIT):
            while not self._is_there(number):
                await self._news.wait()
        return self.began[number]

    def _is_there(self, number: int) -> bool:
        if number < 0:
            return bool(self.began) and not self.began[-1].over.done()
        return len(self.began) > number


@dataclass
class Stage:
    """A running session and a client of it."""

    session: LiveSession
    journal: Journal
    server: SessionServer
    agents: dict[str, PlayedAgent]
    client: AttachedSession
    clone: SessionClone
    folder: Path
    stops: list[str]
    records: list[Record] = field(default_factory=list)
    state: SessionState = EMPTY
    lost: HostLost | None = None
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def read(self) -> None:
        async for update in self.client.updates():
            if isinstance(update, Records):
                for record in update.records:
                    self.records.append(record)
                    self.state = fold(self.state, record)
            elif isinstance(update, HostLost):
                self.lost = update
            self._changed.set()
            self._changed = asyncio.Event()

    async def until(self, condition: Callable[[SessionState], object]) -> SessionState:
        """Wait until the client sees a state."""
        try:
            async with asyncio.timeout(LIMIT):
                while not condition(self.state):
                    await self._changed.wait()
        except TimeoutError:
            raise AssertionError(f"in vain: {self.state.position}, {self.events()[-6:]}") from None
        return self.state

    async def until_event(self, kind: type[Event], count: int = 1) -> Any:
        """Wait for so many events of a kind and return the last of them."""
        await self.until(lambda _: len(self.of(kind)) >= count)
        return self.of(kind)[count - 1]

    async def held(self, kind: str) -> str:
        """Wait until a handoff of a class is held and return its id."""
        state = await self.until(lambda one: any(held.proposed.payload.kind == kind for held in one.held()))
        return next(held.proposed.handoff for held in state.held() if held.proposed.payload.kind == kind)

    async def give(self, order: Order) -> OrderReply:
        async with asyncio.timeout(LIMIT):
            return await self.client.order(order)

    async def done(self, order: Order) -> str:
        """Give an order that must be carried out."""
        reply = await self.give(order)
        assert reply.done, reply.text
        return reply.text

    async def refused(self, order: Order) -> str:
        """Give an order that must be refused, and return the reason."""
        reply = await self.give(order)
        assert not reply.done, reply.text
        return reply.text

    async def approve(self, kind: str) -> None:
        await self.done(ApproveHandoff(handoff=await self.held(kind)))

    def play(self, **calls: Call) -> None:
        """Have every agent play by itself: what is usual, or what is given for a tool."""
        for agent in self.agents.values():
            agent.plays = {**ANSWERS, **calls}

    def of(self, kind: type[Any]) -> list[Any]:
        return [record.event for record in self.records if isinstance(record.event, kind)]

    def events(self) -> list[str]:
        return [type(record.event).__name__ for record in self.records]

    async def prompt_of(self, turn: str) -> str:
        """Return the very text a turn was sent, from its artefact."""
        started = next(one for one in self.of(TurnStarted) if one.turn == turn)
        return (await self.client.artefact(started.prompt)).decode()


@contextlib.asynccontextmanager
async def running_session(
    home: Path,
    *,
    gate: GateMode = "manual",
    workflow: str = "",
    unattended: bool = False,
    passes: int = ASSISTED_PASSES,
) -> AsyncIterator[Stage]:
    """Run a session whose agents are played, and attach to it."""
    repository = await require_workable(make_repository(home / "project"))
    text = workflow or load_workflow("build-loop")[1]
    graph = read_workflow(text, where="test")
    folder = home / "session"
    folder.mkdir()
    journal = Journal(await EventLog.create(folder / "session.db"), ArtefactStore(folder / "artefacts"))
    await journal.load()
    started = SessionStarted(
        session="s1", project="project", repository=str(repository.root), idea="an answer", workflow_name=graph.name,
        workflow=text, base=repository.head_commit, branch="quarterdeck/s1", seats=seats_of(graph, None),
        rehearsal=True, screen=True,
    )  # fmt: skip
    await journal.append(started, GateModeChanged(mode=gate, passes=0 if gate == "manual" else passes, by="start"))
    (folder / "clones").mkdir()
    clone = await SessionClone.open_or_create(
        repository, folder / "clones", branch="quarterdeck/s1", base_commit=repository.head_commit
    )
    agents = {seat.window: PlayedAgent(seat.window) for seat in started.seats}
    environment = clean_environment(set={"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"})

    def write(name: str, report: str) -> str:
        (folder / name).write_text(report)
        return str(folder / name)

    around = Surroundings(
        repository=repository, clone=clone, test_environment=environment, agent_environment=environment,
        report_file=write, unattended=unattended,
    )  # fmt: skip
    shown: list[SessionServer] = []

    def show(window: str, turn: str, kind: str, said: str) -> None:
        for one in shown:
            one.show(window, turn, kind, said)

    session = LiveSession(journal, graph, agents, around, show)
    stops: list[str] = []
    server = SessionServer(journal, session.turns, session.door, {}, Orders(session, stops.append).carry_out)
    shown.append(server)
    await server.start(home / "s.sock")
    client = await AttachedSession.attach(home / "s.sock")
    stage = Stage(session, journal, server, agents, client, clone, folder, stops)
    reading = asyncio.create_task(stage.read())
    running = asyncio.create_task(session.run())
    try:
        yield stage
    finally:
        await cancel_and_wait(running)
        await session.turns.close()
        await client.close()
        await asyncio.gather(reading, return_exceptions=True)
        await server.close("the test is over")
        await journal.close()
        await clone.close()
