"""How the screen ended: for the caller to turn into a sentence and an exit code once the terminal is back."""

from dataclasses import dataclass
from typing import Literal

ExitKind = Literal["detached", "quit", "stopped", "finished", "host_lost", "restart"]


@dataclass(frozen=True, slots=True)
class ExitState:
    """Why the app ended, and a sentence about it.

    kind: `detached` leaves the session running; `quit` leaves a session that has nothing running; `stopped` ended the
    session host on request; `finished` closes a session that had ended; `host_lost` gives up after the host was gone;
    `restart` asks the caller to start the host again and attach.
    """

    kind: ExitKind
    text: str = ""
