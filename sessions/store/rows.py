"""A row of the log, and the chain of hashes that ties each row to all before it. Pure.

The chain finds flipped bits that SQLite's own check does not see: it covers every byte of every row, in their
order.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b
from struct import Struct
from struct import error as StructError
from typing import Any

HASH_BYTES = 32

_frame = Struct(">qdqq").pack


@dataclass(frozen=True, slots=True)
class Row:
    """One event as it was committed."""

    seq: int
    """Place in the log: 1, 2, 3 ... without a gap."""
    at: float
    """Wall time in seconds since 1970. A label: the order is that of `seq`."""
    kind: str
    """What the event is, in the words of whoever appended it."""
    body: str
    """JSON text, not looked at by the store."""
    key: str | None
    """Idempotency key, unique in the log; None for none."""
    hash: bytes
    """Digest over this row and, through the row before, over all before it."""


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a chain: where the next row goes and what it is tied to."""

    seq: int
    hash: bytes


GENESIS = Head(0, bytes(HASH_BYTES))


class ChainBroken(Exception):
    """A row is not the one that was written after the row before it. Told to people as `LogDamaged`."""

    def __init__(self, last_good: int) -> None:
        super().__init__(f"the chain of hashes breaks after event {last_good}")
        self.last_good = last_good


def linked(head: Head, at: float, kind: str, body: str, key: str | None) -> Row:
    """Give the row that follows `head`.

    Raises:
        UnicodeEncodeError: If a text holds lone surrogates, which no file can keep.
    """
    seq = head.seq + 1
    return Row(seq, at, kind, body, key, _digest(head.hash, seq, at, kind, body, key))


def check(raw: Iterable[tuple[Any, ...]], head: Head, into: list[Row]) -> Head:
    """Add the rows of `raw` that follow `head` to `into`, and give the new head.

    `raw` holds tuples in the order of `Row`'s fields. When the chain breaks, or `raw` itself raises, `into` holds
    the whole rows before that.

    Raises:
        ChainBroken: At the first row that does not follow from the one before.
    """
    # Written out rather than by `linked`, because a session is opened at the speed of this loop.
    last, tied = head.seq, head.hash
    add = into.append
    for seq, at, kind, body, key, stored in raw:
        try:
            expected = _digest(tied, last + 1, at, kind, body, key)
        except (TypeError, StructError):
            # A damaged record can hold a number where text was written.
            raise ChainBroken(last) from None
        if seq != last + 1 or expected != stored:
            raise ChainBroken(last)
        add(Row(seq, at, kind, body, key, stored))
        last, tied = seq, stored
    return Head(last, tied)


def _digest(before: bytes, seq: int, at: float, kind: str, body: str, key: str | None) -> bytes:
    # The lengths keep two different rows from giving the same bytes; -1 tells no key from an empty one.
    if key is None:
        framed, text = _frame(seq, at, len(kind), -1), kind + body
    else:
        framed, text = _frame(seq, at, len(kind), len(key)), kind + key + body
    return blake2b(before + framed + text.encode(), digest_size=HASH_BYTES).digest()
