"""How a log is written by hand: a session's scenes as events, deltas and terminal bytes, with named moments."""

from dataclasses import dataclass, field, replace

from sessions.client.updates import Delta, Records, Update
from sessions.events import (
    Event,
    GateModeChanged,
    HandoffApproved,
    HandoffProposed,
    HostStarted,
    NodeEntered,
    NodeLeft,
    Record,
    Seat,
    SessionStarted,
    TransitionCalled,
    TurnEnded,
    TurnStarted,
)
from sessions.handoffs import GateMode, Payload, PayloadClass, flows, why_held
from sessions.prompts import PartCount
from sessions.workflow.reader import load_workflow

START = 1_790_000_000.0 - 1_790_000_000.0 % 86_400 + 14 * 3600
"""14:00 UTC of some day."""

_SEATS = (
    ("planner", "planner", "Planner", "rehearsal-planner", 200_000),
    ("manager", "manager", "Manager", "rehearsal-manager", 200_000),
    ("worker", "worker", "Worker", "rehearsal-agent", 131_000),
    ("auditor", "auditor", "Auditor", "rehearsal-auditor", 131_000),
    ("exit", "exit_manager", "Exit Manager", "rehearsal-exit", 1_000_000),
)


@dataclass
class Story:
    """Updates in order, and where each named moment ends. `cli` makes the worker's window a terminal."""

    rehearsal: bool = True
    cli: bool = False
    gate: GateMode = "assisted"
    now: float = START
    updates: list[Update] = field(default_factory=list)
    moments: dict[str, int] = field(default_factory=dict)
    artefacts: dict[str, bytes] = field(default_factory=dict)
    _seq: int = 0
    _ids: int = 0
    _node: str = ""
    _visits: dict[str, int] = field(default_factory=dict)

    def log(self, *events: Event, after: float = 0.0) -> None:
        self.now += after
        records = []
        for event in events:
            self._seq += 1
            records.append(Record(self._seq, self.now, event))
        self.updates.append(Records(tuple(records), caught_up=True))

    def say(self, window: str, turn: str, text: str, kind: str = "text", after: float = 0.4) -> None:
        self.now += after
        self.updates.append(Delta(window, turn, kind, text))

    def mark(self, moment: str) -> None:
        self.moments[moment] = len(self.updates)

    def until(self, moment: str) -> "Story":
        """Return the story up to a moment as an attaching screen gets it, `now` being four seconds later."""
        kept = self.updates[: self.moments[moment]]
        last = max(n for n, one in enumerate(kept) if isinstance(one, Records))
        old: list[Update] = [
            replace(one, caught_up=False) if isinstance(one, Records) and n < last else one
            for n, one in enumerate(kept)
        ]
        end = kept[last]
        assert isinstance(end, Records)
        return replace(self, now=end.records[-1].at + 4, updates=old)

    def records(self) -> list[Record]:
        return [record for one in self.updates if isinstance(one, Records) for record in one.records]

    # Scenes.

    def open(self) -> None:
        seats = tuple(
            Seat(
                window=window,
                number=n,
                role=role,
                title=title,
                agent="cli" if self.cli and role == "worker" else "model",
                model=model,
                via="pty" if self.cli and role == "worker" else "api",
                context_window=size,
                rehearsal=self.rehearsal,
            )
            for n, (window, role, title, model, size) in enumerate(_SEATS, start=1)
        )
        _, text = load_workflow("build-loop")
        self.log(
            SessionStarted(
                session="s-0001",
                project="tidytable",
                repository="/home/person/src/tidytable",
                idea="a small command that prints a CSV file as an aligned table",
                workflow_name="build-loop",
                workflow=text,
                base="4b825dc",
                branch="quarterdeck/s-0001",
                seats=seats,
                rehearsal=self.rehearsal,
                screen=True,
            ),
            HostStarted(epoch=1, pid=4242),
            GateModeChanged(mode=self.gate, passes=0 if self.gate == "manual" else 40, by="you"),
        )

    def enter(self, node: str, handoff: str = "", note: str = "") -> None:
        self._node = node
        self._visits[node] = self._visits.get(node, 0) + 1
        self.log(NodeEntered(node=node, visit=self._visits[node], handoff=handoff, note=note))

    def leave(self, outcome: str, to: str, rule: str = "otherwise") -> None:
        self.log(NodeLeft(node=self._node, visit=self._visits[self._node], outcome=outcome, to=to, rule=rule))

    def turn(
        self, window: str, role: str, tokens: int, *, task: str = "", attempt: int = 0, handoff: str = "", kept: int = 0
    ) -> str:
        self._ids += 1
        turn = f"turn-{self._ids}"
        parts = [PartCount(name="spec", title="resolved spec view r1", tokens=tokens // 3)]
        parts.append(PartCount(name="task", title=f"task card {task}", tokens=tokens - tokens // 3))
        if kept:
            parts.append(PartCount(name="report", title="worker report, diff, tests", tokens=kept, included=False))
        self.log(
            TurnStarted(
                turn=turn,
                window=window,
                role=role,
                node=self._node,
                task=task,
                attempt=attempt,
                handoff=handoff,
                prompt=f"prompt-{turn}",
                parts=tuple(parts),
                tokens=tokens,
                spec_revision=1,
            ),
            after=1,
        )
        return turn

    def call(self, turn: str, tool: str, outcome: str, reply: str = "accepted") -> None:
        event = TransitionCalled(
            turn=turn, tool=tool, key=f"{turn}-{tool}", arguments="{}", accepted=True, outcome=outcome, reply=reply
        )
        self.log(event, after=0.3)

    def end(self, turn: str, tokens_in: int, tokens_out: int, seconds: float, said: str = "") -> None:
        if said:
            self.artefacts[f"said-{turn}"] = said.encode()
        self.log(
            TurnEnded(
                turn=turn,
                ending="transition",
                input_tokens=tokens_in,
                output_tokens=tokens_out,
                cost=0.0,
                estimated=True,
                seconds=seconds,
                transcript=f"said-{turn}" if said else "",
                transcript_tokens=tokens_out,
            ),
            after=0.2,
        )

    def propose(
        self,
        sender: str,
        receiver: str,
        kind: PayloadClass,
        title: str,
        text: str,
        *,
        task: str = "",
        attempt: int = 0,
        parts: tuple[PartCount, ...] = (),
        redirects: tuple[str, ...] = (),
    ) -> str:
        self._ids += 1
        handoff = f"handoff-{self._ids}"
        held = "" if flows(self.gate, kind) else why_held(self.gate, kind)
        self.log(
            HandoffProposed(
                handoff=handoff,
                sender=sender,
                receiver=receiver,
                redirects=redirects,
                held=held,
                payload=Payload(kind=kind, title=title, text=text, task=task, attempt=attempt, parts=parts),
            ),
            after=0.2,
        )
        if not held:
            self.log(HandoffApproved(handoff=handoff, by=f"gate {self.gate}"), after=0.1)
        return handoff

    def approve(self, handoff: str, after: float = 6, note: str = "") -> None:
        self.log(HandoffApproved(handoff=handoff, by="you", note=note), after=after)
