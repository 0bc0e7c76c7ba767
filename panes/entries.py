"""What a transcript is made of: frozen values, each one thing that was said or happened in a window. Pure."""

from dataclasses import dataclass

from sessions.events import EvidenceTaken, HandoffProposed, QuestionAsked, VerdictSubmitted
from sessions.plan import Plan
from sessions.spec import SpecEntry


@dataclass(frozen=True, slots=True)
class TurnOpened:
    """A turn begins. `sender` is who handed over, empty when nobody did."""

    at: float
    turn: str
    task: str
    attempt: int
    tokens: int
    sender: str


@dataclass(frozen=True, slots=True)
class Said:
    """A piece of what a turn says. `kind` is that of a delta: `text`, `reasoning`, `tool`, `output` or `note`."""

    turn: str
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class ToolDone:
    """A toolbox call and how it went."""

    at: float
    turn: str
    tool: str
    summary: str
    ok: bool
    seconds: float


@dataclass(frozen=True, slots=True)
class TransitionMade:
    """A transition tool was called; a refused call shows what there is to mend."""

    at: float
    turn: str
    tool: str
    accepted: bool
    reply: str


@dataclass(frozen=True, slots=True)
class TurnClosed:
    """A turn is over. `transcript` is the artefact of all it said, `transcript_tokens` its size."""

    at: float
    turn: str
    ending: str
    detail: str
    input_tokens: int
    output_tokens: int
    estimated: bool
    seconds: float
    transcript: str
    transcript_tokens: int


@dataclass(frozen=True, slots=True)
class VerdictShown:
    """A verdict card. With a `handoff`, it waits on its way to this window until `decided` says what became of it."""

    at: float
    event: VerdictSubmitted
    author: str
    handoff: str = ""
    decided: str = ""


@dataclass(frozen=True, slots=True)
class HandoffHeld:
    """A handoff that waits for the person, until `decided` says what became of it."""

    at: float
    event: HandoffProposed
    sender: str
    receiver: str
    decided: str = ""


@dataclass(frozen=True, slots=True)
class HandoffDecided:
    """What became of a handoff: `text` for its card, `line` for a transcript that shows no card of it."""

    at: float
    handoff: str
    text: str
    line: str
    detail: str = ""
    level: str = "info"


@dataclass(frozen=True, slots=True)
class EvidenceShown:
    """What the host itself saw of a task: tests and diff."""

    at: float
    event: EvidenceTaken


@dataclass(frozen=True, slots=True)
class SpecShown:
    """An entry was appended to the spec."""

    at: float
    entry: SpecEntry


@dataclass(frozen=True, slots=True)
class PlanShown:
    """A plan was made."""

    at: float
    plan: Plan


@dataclass(frozen=True, slots=True)
class QuestionShown:
    """A question to the person."""

    at: float
    event: QuestionAsked
    author: str


@dataclass(frozen=True, slots=True)
class Happened:
    """One line on something that happened. `level` is `info`, `good`, `warning` or `error`."""

    at: float
    level: str
    text: str
    detail: str = ""


Entry = (
    TurnOpened
    | Said
    | ToolDone
    | TransitionMade
    | TurnClosed
    | VerdictShown
    | HandoffHeld
    | HandoffDecided
    | EvidenceShown
    | SpecShown
    | PlanShown
    | QuestionShown
    | Happened
)
"""Anything a transcript can show."""
