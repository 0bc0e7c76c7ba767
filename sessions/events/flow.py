"""Events of the workflow: where the session stands, what crosses between roles, what the person decides."""

from typing import Literal

from sessions.events.base import Event
from sessions.handoffs import GateMode, Payload


class NodeEntered(Event):
    """The workflow stands at a node. `handoff` is what brought it there, `note` what the person or the gate adds."""

    kind: Literal["node_entered"] = "node_entered"
    node: str
    visit: int
    handoff: str = ""
    note: str = ""


class NodeLeft(Event):
    """A node is done: its outcome, the edge chosen and the rule that chose it. `to` is empty when no edge matched."""

    kind: Literal["node_left"] = "node_left"
    node: str
    visit: int
    outcome: str
    to: str
    rule: str
    detail: str = ""


class Rerouted(Event):
    """The person moved the session to another node: a retask or an escalation. What was held there is withdrawn."""

    kind: Literal["rerouted"] = "rerouted"
    verb: Literal["retask", "escalate"]
    to: str
    note: str
    task: str = ""
    by: str = "you"


class HandoffProposed(Event):
    """A role's work is ready to cross to the next.

    `sender` and `receiver` are nodes, `redirects` other receivers, `rejects_to` the node a rejection goes to. `held`
    says why the gate stopped it; empty when it flowed.
    """

    kind: Literal["handoff_proposed"] = "handoff_proposed"
    handoff: str
    sender: str
    receiver: str
    payload: Payload
    redirects: tuple[str, ...] = ()
    rejects_to: str = ""
    held: str = ""


class HandoffApproved(Event):
    """A handoff may cross. `by` is `you`, `gate assisted`, `gate auto` or `run` (no screen)."""

    kind: Literal["handoff_approved"] = "handoff_approved"
    handoff: str
    by: str
    note: str = ""


class HandoffEdited(Event):
    """The person changed the text that crosses; the original stays in its own event."""

    kind: Literal["handoff_edited"] = "handoff_edited"
    handoff: str
    text: str


class HandoffRedirected(Event):
    """The person sent a handoff to another node."""

    kind: Literal["handoff_redirected"] = "handoff_redirected"
    handoff: str
    to: str


class HandoffRejected(Event):
    """The person refused a handoff; the one-line reason goes to the node `to`, usually the sender."""

    kind: Literal["handoff_rejected"] = "handoff_rejected"
    handoff: str
    to: str
    reason: str


class HandoffWithdrawn(Event):
    """A handoff was overtaken by a retask, an escalation or the end of the session."""

    kind: Literal["handoff_withdrawn"] = "handoff_withdrawn"
    handoff: str
    reason: str


class GateModeChanged(Event):
    """The gate mode changed. `passes` is how many handoffs may flow before it falls back to manual."""

    kind: Literal["gate_mode_changed"] = "gate_mode_changed"
    mode: GateMode
    passes: int = 0
    by: str
    reason: str = ""


class QuestionAsked(Event):
    """A person is needed: a structural question, a turn that failed, a limit that was met."""

    kind: Literal["question_asked"] = "question_asked"
    question: str
    window: str
    source: Literal["decision", "turn", "limit", "agent"]
    text: str
    options: tuple[str, ...]
    task: str = ""


class QuestionAnswered(Event):
    """The answer. `choice` is the index of the option taken, -1 for free text."""

    kind: Literal["question_answered"] = "question_answered"
    question: str
    choice: int
    text: str
    by: str = "you"
