"""What a toolbox tool gives back, and how it says that it could not."""

from dataclasses import dataclass

from sessions.errors import AgentError


class ToolFault(AgentError):
    """A toolbox call could not be done. The message is for the model that called."""


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a call came to.

    `text` is what the model reads, capped; `whole` is the uncapped text for the record where the two differ.
    `summary` is one line for the screen.
    """

    ok: bool
    text: str
    summary: str
    whole: str = ""
