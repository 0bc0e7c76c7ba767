"""What a screen receives from a session, live or replayed."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

from sessions.events import Record
from sessions.orders import Order, OrderReply


@dataclass(frozen=True, slots=True)
class Records:
    """Records in order. `caught_up` is true once everything logged before attaching has been sent."""

    records: tuple[Record, ...]
    caught_up: bool


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of a running turn's output. `kind` is `text`, `reasoning`, `tool`, `output` or `note`.

    After attaching, what was said before comes first as one delta of each kind run, with `replayed` true.
    """

    window: str
    turn: str
    kind: str
    text: str
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class PaneSnapshot:
    """The terminal of a window as it stands: bytes that bring a fresh emulator of this size to the same screen."""

    window: str
    columns: int
    rows: int
    data: bytes


@dataclass(frozen=True, slots=True)
class PaneOutput:
    """Bytes a window's program wrote, in order, after the last snapshot."""

    window: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Typist:
    """Whether this screen is the one that may type into panes (one at a time may)."""

    you: bool


@dataclass(frozen=True, slots=True)
class HostLost:
    """The connection to the host ended. `reason` is a sentence; `ended` is true when the host ended in order."""

    reason: str
    ended: bool


Update = Records | Delta | PaneSnapshot | PaneOutput | Typist | HostLost


class SessionSource(Protocol):
    """Where a screen's session comes from: an attached host, or a recorded log."""

    def updates(self) -> AsyncIterator[Update]:
        """Yield updates until the session's source ends; the last one of a live source is `HostLost`."""
        ...

    async def order(self, order: Order) -> OrderReply:
        """Give an order and return what became of it.

        Raises:
            HostError: If the host cannot be reached.
        """
        ...

    async def artefact(self, artefact: str) -> bytes:
        """Return an artefact's bytes.

        Raises:
            StoreError: If there is none of that id.
            HostError: If the host cannot be reached.
        """
        ...

    def type_into(self, window: str, data: bytes) -> None:
        """Send keys or a paste to a window's program. Never blocks."""
        ...

    def resize_pane(self, window: str, columns: int, rows: int) -> None:
        """Tell a window's program its size. Never blocks."""
        ...

    async def close(self) -> None:
        """Let go of the session. The host and its agents go on."""
        ...
