"""A session from a recorded log instead of a host: for tests, for pictures, for looking back. Read-only."""

from collections.abc import AsyncIterator, Mapping, Sequence

from sessions.client.updates import Records, Update
from sessions.errors import StoreError
from sessions.events import Record
from sessions.orders import Order, OrderReply


class ReplaySource:
    """Yields the updates it was given, then nothing more; refuses every order with a sentence.

    Args:
        updates: What to yield, in order.
        artefacts: Artefacts by id.
    """

    def __init__(self, updates: Sequence[Update], artefacts: Mapping[str, bytes] | None = None) -> None:
        self._updates = tuple(updates)
        self._artefacts = dict(artefacts or {})

    @classmethod
    def of_records(cls, records: Sequence[Record], artefacts: Mapping[str, bytes] | None = None) -> "ReplaySource":
        """Return the source of a plain log."""
        return cls([Records(tuple(records), caught_up=True)], artefacts)

    async def updates(self) -> AsyncIterator[Update]:
        for update in self._updates:
            yield update

    async def order(self, order: Order) -> OrderReply:
        return OrderReply(done=False, text="this is a recording; open the session itself to give orders")

    async def artefact(self, artefact: str) -> bytes:
        if artefact not in self._artefacts:
            raise StoreError(f"there is no artefact {artefact}", where="the recording", next="")
        return self._artefacts[artefact]

    def type_into(self, window: str, data: bytes) -> None:
        return

    def resize_pane(self, window: str, columns: int, rows: int) -> None:
        return

    async def close(self) -> None:
        return
