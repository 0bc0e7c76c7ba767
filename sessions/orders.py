"""What a person orders: the same models for the screen, the command line and any other door. Pure."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from sessions.handoffs import GateMode


class Order(BaseModel):
    """Something a person wants done. `name` tells the kinds apart."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ApproveHandoff(Order):
    """Let a held handoff cross as it stands, with an optional note to the receiver."""

    name: Literal["approve_handoff"] = "approve_handoff"
    handoff: str
    note: str = ""


class EditHandoff(Order):
    """Let a held handoff cross with another text; the original is kept beside it."""

    name: Literal["edit_handoff"] = "edit_handoff"
    handoff: str
    text: str


class RedirectHandoff(Order):
    """Send a held handoff to another node, one of its `redirects`."""

    name: Literal["redirect_handoff"] = "redirect_handoff"
    handoff: str
    to: str


class RejectHandoff(Order):
    """Refuse a held handoff; the one-line reason goes back."""

    name: Literal["reject_handoff"] = "reject_handoff"
    handoff: str
    reason: str


class Halt(Order):
    """Halt one window, or all of them when `window` is empty (which also drops the gate to manual)."""

    name: Literal["halt"] = "halt"
    window: str = ""


class Resume(Order):
    """Let one halted window work again, or all of them when `window` is empty."""

    name: Literal["resume"] = "resume"
    window: str = ""


class Retask(Order):
    """Begin another attempt at the current task, with a note on what to do differently."""

    name: Literal["retask"] = "retask"
    note: str = ""


class Escalate(Order):
    """Stop what runs and put the matter before the role that decides, with a note."""

    name: Literal["escalate"] = "escalate"
    note: str


class SetGate(Order):
    """Change the gate mode."""

    name: Literal["set_gate"] = "set_gate"
    mode: GateMode


class AnswerQuestion(Order):
    """Answer a question: an option by its index, or free text with `choice` -1."""

    name: Literal["answer_question"] = "answer_question"
    question: str
    choice: int = -1
    text: str = ""


class FetchBranch(Order):
    """Bring the session branch into the person's repository as a ref; their branches and checkout stay as they are."""

    name: Literal["fetch_branch"] = "fetch_branch"


class StopHost(Order):
    """End the host in order: agents are stopped, the session can be resumed later."""

    name: Literal["stop_host"] = "stop_host"
    reason: str = ""


AnyOrder = Annotated[
    ApproveHandoff
    | EditHandoff
    | RedirectHandoff
    | RejectHandoff
    | Halt
    | Resume
    | Retask
    | Escalate
    | SetGate
    | AnswerQuestion
    | FetchBranch
    | StopHost,
    Field(discriminator="name"),
]
"""Any order, told apart by its `name`."""

ORDERS: TypeAdapter[Any] = TypeAdapter(AnyOrder)
"""Reads an order from JSON or from a dictionary."""


class OrderReply(BaseModel):
    """What became of an order: done, or refused with the reason as a sentence a person can act on."""

    model_config = ConfigDict(frozen=True)
    done: bool
    text: str = ""
