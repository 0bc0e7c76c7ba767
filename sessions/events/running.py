"""Events of the machinery: the session, its host, windows, turns, processes."""

from typing import Literal

from sessions.events.base import Event
from sessions.prompts import PartCount

Activity = Literal["idle", "ready", "thinking", "tool", "waiting", "halted", "done", "failed", "exited", "unknown"]


class Seat(Event):
    """One window: its number on screen, its role, and what fills it."""

    kind: Literal["seat"] = "seat"
    window: str
    number: int
    role: str
    title: str
    agent: Literal["model", "cli", "user"]
    model: str
    via: str
    context_window: int | None = None
    rehearsal: bool = False


class SessionStarted(Event):
    """A session began. `workflow` is the whole text of its workflow file, so that the log stands alone."""

    kind: Literal["session_started"] = "session_started"
    session: str
    project: str
    repository: str
    idea: str
    workflow_name: str
    workflow: str
    base: str
    branch: str
    seats: tuple[Seat, ...]
    rehearsal: bool
    screen: bool
    notices: tuple[str, ...] = ()


class SessionEnded(Event):
    """The session is over. `outcome` is `passed`, `failed` or `stopped`; `report` is an artefact."""

    kind: Literal["session_ended"] = "session_ended"
    outcome: Literal["passed", "failed", "stopped"]
    summary: str
    report: str = ""
    ref: str = ""


class HostStarted(Event):
    """A host process took the session up. `epoch` counts them from 1."""

    kind: Literal["host_started"] = "host_started"
    epoch: int
    pid: int


class HostStopped(Event):
    """The host ended in order."""

    kind: Literal["host_stopped"] = "host_stopped"
    reason: str


class TurnStarted(Event):
    """A turn is about to be sent: the intent. `prompt` is the artefact of the very text; `parts` what it is made of."""

    kind: Literal["turn_started"] = "turn_started"
    turn: str
    window: str
    role: str
    node: str
    visit: int = 0
    task: str = ""
    attempt: int = 0
    handoff: str = ""
    prompt: str
    parts: tuple[PartCount, ...]
    tokens: int
    spec_revision: int = 0


class PromptReceipted(Event):
    """How far a prompt got: written, echoed, accepted by the agent. `source` is the evidence."""

    kind: Literal["prompt_receipted"] = "prompt_receipted"
    turn: str
    stage: Literal["written", "echoed", "accepted"]
    source: str


class ToolUsed(Event):
    """A call of a toolbox tool (file, search, run) by a turn, with a one-line summary and the output as an artefact."""

    kind: Literal["tool_used"] = "tool_used"
    turn: str
    tool: str
    summary: str
    ok: bool
    seconds: float
    output: str = ""


class TransitionCalled(Event):
    """A transition tool was called. A refused call says why; `key` makes the same call count once."""

    kind: Literal["transition_called"] = "transition_called"
    turn: str
    tool: str
    key: str
    arguments: str
    accepted: bool
    outcome: str = ""
    reply: str


class TurnEnded(Event):
    """A turn is over. Tokens are the provider's unless `estimated`; `transcript` is an artefact; `cost` in US dollars
    or None.
    """

    kind: Literal["turn_ended"] = "turn_ended"
    turn: str
    ending: Literal["transition", "no_transition", "interrupted", "failed"]
    detail: str = ""
    failure: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    cost: float | None = None
    estimated: bool = True
    seconds: float = 0.0
    transcript: str = ""
    transcript_tokens: int = 0


class StatusSeen(Event):
    """What a window is doing, as told by its agent, with the evidence it rests on."""

    kind: Literal["status_seen"] = "status_seen"
    window: str
    activity: Activity
    source: str
    detail: str = ""


class HaltOrdered(Event):
    """The person halts a window, or every window (`window` is empty): its mailbox is frozen from here on."""

    kind: Literal["halt_ordered"] = "halt_ordered"
    window: str
    by: str = "you"


class HaltProven(Event):
    """What was seen of a window's stopping."""

    kind: Literal["halt_proven"] = "halt_proven"
    window: str
    stopped: bool
    step: str
    observed: str
    seconds: float


class WindowResumed(Event):
    """A halted window may work again (`window` empty: all)."""

    kind: Literal["window_resumed"] = "window_resumed"
    window: str
    by: str = "you"


class ProcessIntended(Event):
    """A process is about to be started; the marker finds it after a crash."""

    kind: Literal["process_intended"] = "process_intended"
    process: str
    window: str
    marker: str
    argv: tuple[str, ...]


class ProcessStarted(Event):
    """The process runs; its terminal recording goes to `recording`."""

    kind: Literal["process_started"] = "process_started"
    process: str
    pid: int
    started: float
    recording: str = ""


class ProcessEnded(Event):
    """The process and its tree are gone. `how` says what was seen."""

    kind: Literal["process_ended"] = "process_ended"
    process: str
    exit_code: int | None
    how: str


class Noticed(Event):
    """Something the person should be able to read later."""

    kind: Literal["noticed"] = "noticed"
    level: Literal["info", "warning", "error"]
    text: str
    window: str = ""
