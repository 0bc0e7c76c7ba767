"""Shapes and words for every state, verdict and mode: each a word first, a shape second, a colour third.

All shapes are one cell wide and of East Asian width "neutral", so that nothing drifts on terminals for Chinese,
Japanese and Korean; the ASCII set serves terminals without UTF-8.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sessions.events import Activity


@dataclass(frozen=True, slots=True)
class Glyphs:
    """One set of shapes. `activity` and `verdict` map to a shape; the rest are parts of drawings."""

    ascii: bool
    activity: Mapping[str, str]
    verdict: Mapping[str, str]
    focus: str
    full: str
    empty: str
    solid: str
    dashed: str
    arrow: str
    bar: str
    rule: str
    dot: str
    fold: str
    upright: str
    corners: str
    """Four corners of a box: top left, top right, bottom left, bottom right."""


UNICODE = Glyphs(
    ascii=False,
    activity={
        "idle": "◌", "ready": "▸", "thinking": "◓", "tool": "↻", "waiting": "!",
        "halted": "⊘", "done": "✓", "failed": "✗", "exited": "∅", "unknown": "?",
    },
    verdict={"pass": "✓", "fail": "✗", "partial": "~"},
    focus="»", full="▰", empty="▱", solid="─", dashed="╌", arrow="►", bar="│", rule="─", dot="·", fold="▸", upright="│",
    corners="╭╮╰╯",
)  # fmt: skip

ASCII = Glyphs(
    ascii=True,
    activity={
        "idle": ".", "ready": ">", "thinking": "*", "tool": "%", "waiting": "!",
        "halted": "#", "done": "+", "failed": "x", "exited": "-", "unknown": "?",
    },
    verdict={"pass": "+", "fail": "x", "partial": "~"},
    focus=">", full="#", empty=".", solid="-", dashed=".", arrow=">", bar="|", rule="-", dot="-", fold=">", upright="|",
    corners="++++",
)  # fmt: skip

WORDS: Mapping[Activity, str] = {
    "idle": "idle", "ready": "ready", "thinking": "think", "tool": "tool", "waiting": "YOU",
    "halted": "HALT", "done": "done", "failed": "FAIL", "exited": "exit", "unknown": "?",
}  # fmt: skip
"""The word for each activity."""

STYLES: Mapping[Activity, str] = {
    "idle": "$state-idle",
    "ready": "$state-ready",
    "thinking": "$state-thinking",
    "tool": "bold $state-tool",
    "waiting": "bold reverse $state-waiting",
    "halted": "bold reverse $state-halted",
    "done": "$state-done",
    "failed": "bold reverse $state-failed",
    "exited": "$state-exited",
    "unknown": "$state-unknown",
}
"""The style for each activity, by names of the palette."""

VERDICT_STYLES: Mapping[str, str] = {
    "pass": "bold $verdict-pass",
    "fail": "bold $verdict-fail",
    "partial": "bold $verdict-partial",
}
"""The style for each verdict."""

_ROLES = ("planner", "manager", "worker", "auditor", "exit_manager", "user")


def role_style(role: str) -> str:
    """Return the accent of a role; roles that a workflow names itself share one."""
    return f"$role-{role.replace('_', '-')}" if role in _ROLES else "$role-other"
