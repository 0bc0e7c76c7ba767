"""What the program tells the terminal about itself: OSC 7501 states and the title."""

import base64
from typing import Literal

AgentState = Literal["idle", "working", "blocked", "done"]
APP = "quarterdeck-rehearsal"


def state_sequence(state: AgentState, message: str = "") -> str:
    """Return the OSC 7501 sequence for a state; `blocked` is always a permission question here."""
    fields = [f"state={state}", f"app={APP}"]
    if state == "blocked":
        fields.append("kind=permission")
    if message:
        fields.append("msg=" + base64.b64encode(message.encode()).decode())
    return f"\x1b]7501;{':'.join(fields)}\x1b\\"


CLEAR = "\x1b]7501;state=clear\x1b\\"
"""Sent when the program leaves."""


def title_sequence(state: AgentState) -> str:
    """Return the sequence that sets the title."""
    return f"\x1b]2;rehearsal agent (no AI): {state}\x1b\\"
