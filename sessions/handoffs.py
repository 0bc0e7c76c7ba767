"""Handoffs between roles and the gates that stop them. Pure."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from sessions.prompts import PartCount

GateMode = Literal["manual", "assisted", "auto"]
HandoffStage = Literal["proposed", "approved", "rejected", "withdrawn", "delivered", "receipted"]
PayloadClass = Literal[
    "task",
    "report",
    "verdict_pass",
    "verdict_other",
    "milestone",
    "spec",
    "plan",
    "question",
    "kick_back",
    "other",
]


class Payload(BaseModel):
    """What crosses: a class that gates judge by, a one-line title, the text the receiver reads, and what backs it."""

    model_config = ConfigDict(frozen=True)
    kind: PayloadClass
    title: str
    text: str
    task: str = ""
    attempt: int = 0
    parts: tuple[PartCount, ...] = ()


_FLOWS: dict[GateMode, frozenset[PayloadClass]] = {
    "manual": frozenset(),
    "assisted": frozenset({"task", "report", "verdict_pass", "milestone", "other"}),
    "auto": frozenset({"task", "report", "verdict_pass", "verdict_other", "milestone", "other"}),
}
ASSISTED_PASSES = 40
"""Handoffs an assisted or auto gate lets flow before it falls back to manual."""


def flows(mode: GateMode, kind: PayloadClass) -> bool:
    """Say whether a gate in this mode lets a payload of this class through without the person (`ux.md`, 2.6)."""
    return kind in _FLOWS[mode]


def why_held(mode: GateMode, kind: PayloadClass) -> str:
    """Say in one line why a gate stops a payload."""
    if mode == "manual":
        return "gate MANUAL stops every handoff"
    reasons: dict[PayloadClass, str] = {
        "spec": "a change of the spec always waits for you",
        "plan": "a new or changed plan always waits for you",
        "question": "a structural question is yours to answer",
        "kick_back": "a structural kick-back always waits for you",
        "verdict_other": f"gate {mode.upper()} holds every verdict but a pass",
    }
    return reasons.get(kind, f"gate {mode.upper()} stops this class of handoff")
