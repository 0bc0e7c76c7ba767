"""Every event of a session, and how records are read and written. Pure."""

from collections.abc import Sequence
from typing import Annotated, Any, NamedTuple, cast

from pydantic import Field, TypeAdapter, ValidationError

from sessions.errors import StoreError
from sessions.events.base import Event
from sessions.events.flow import (
    GateModeChanged,
    HandoffApproved,
    HandoffEdited,
    HandoffProposed,
    HandoffRedirected,
    HandoffRejected,
    HandoffWithdrawn,
    NodeEntered,
    NodeLeft,
    QuestionAnswered,
    QuestionAsked,
    Rerouted,
)
from sessions.events.running import (
    Activity,
    HaltOrdered,
    HaltProven,
    HostStarted,
    HostStopped,
    Noticed,
    ProcessEnded,
    ProcessIntended,
    ProcessStarted,
    PromptReceipted,
    Seat,
    SessionEnded,
    SessionStarted,
    StatusSeen,
    ToolUsed,
    TransitionCalled,
    TurnEnded,
    TurnStarted,
    WindowResumed,
)
from sessions.events.work import (
    DecisionMade,
    DetailPulled,
    EditSetAside,
    EvidenceTaken,
    KickedBack,
    MilestonePassed,
    PlanMade,
    SessionPassed,
    SpecAppended,
    SurgicalEditMade,
    TaskStarted,
    TestCounts,
    VerdictSubmitted,
    WorkReported,
)

AnyEvent = Annotated[
    GateModeChanged
    | HandoffApproved
    | HandoffEdited
    | HandoffProposed
    | HandoffRedirected
    | HandoffRejected
    | HandoffWithdrawn
    | NodeEntered
    | NodeLeft
    | QuestionAnswered
    | QuestionAsked
    | Rerouted
    | HaltOrdered
    | HaltProven
    | HostStarted
    | HostStopped
    | Noticed
    | ProcessEnded
    | ProcessIntended
    | ProcessStarted
    | PromptReceipted
    | SessionEnded
    | SessionStarted
    | StatusSeen
    | ToolUsed
    | TransitionCalled
    | TurnEnded
    | TurnStarted
    | WindowResumed
    | DecisionMade
    | DetailPulled
    | EditSetAside
    | EvidenceTaken
    | KickedBack
    | MilestonePassed
    | PlanMade
    | SessionPassed
    | SpecAppended
    | SurgicalEditMade
    | TaskStarted
    | VerdictSubmitted
    | WorkReported,
    Field(discriminator="kind"),
]
"""Any event, told apart by its `kind`."""

_ADAPTER: TypeAdapter[Any] = TypeAdapter(AnyEvent)
_MANY: TypeAdapter[list[Any]] = TypeAdapter(list[AnyEvent])


class Record(NamedTuple):
    """An event in the log: its sequence number from 1, and the wall time in seconds (a label, never an order)."""

    seq: int
    at: float
    event: Event


def kind_of(event: Event) -> str:
    """Return the event's discriminator."""
    kind: str = getattr(event, "kind")  # noqa: B009  (declared on every event, not on the base)
    return kind


def dump_event(event: Event) -> str:
    """Return an event as JSON text."""
    return event.model_dump_json()


def load_event(body: str | bytes) -> Event:
    """Read an event from JSON text.

    Raises:
        StoreError: If it is not an event this version knows.
    """
    try:
        event: Event = _ADAPTER.validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise StoreError(
            f"an event in the log cannot be read: {first['msg']}",
            where=".".join(str(step) for step in first["loc"]),
            next="it was written by another version of Quarterdeck; open the session with that version",
        ) from error
    return event


def load_events(bodies: Sequence[str]) -> list[Event]:
    """Read many events at once, in half the time it takes one by one.

    Raises:
        StoreError: If one of them is not an event this version knows.
    """
    try:
        return cast("list[Event]", _MANY.validate_json(f"[{','.join(bodies)}]"))
    except ValidationError:
        return [load_event(body) for body in bodies]


__all__ = [
    "Activity",
    "AnyEvent",
    "DecisionMade",
    "DetailPulled",
    "EditSetAside",
    "Event",
    "EvidenceTaken",
    "GateModeChanged",
    "HaltOrdered",
    "HaltProven",
    "HandoffApproved",
    "HandoffEdited",
    "HandoffProposed",
    "HandoffRedirected",
    "HandoffRejected",
    "HandoffWithdrawn",
    "HostStarted",
    "HostStopped",
    "KickedBack",
    "MilestonePassed",
    "NodeEntered",
    "NodeLeft",
    "Noticed",
    "PlanMade",
    "ProcessEnded",
    "ProcessIntended",
    "ProcessStarted",
    "PromptReceipted",
    "QuestionAnswered",
    "QuestionAsked",
    "Record",
    "Rerouted",
    "Seat",
    "SessionEnded",
    "SessionPassed",
    "SessionStarted",
    "SpecAppended",
    "StatusSeen",
    "SurgicalEditMade",
    "TaskStarted",
    "TestCounts",
    "ToolUsed",
    "TransitionCalled",
    "TurnEnded",
    "TurnStarted",
    "VerdictSubmitted",
    "WindowResumed",
    "WorkReported",
    "dump_event",
    "kind_of",
    "load_event",
    "load_events",
]
