"""A bounded memory of a program's output that keeps its beginning and its end."""


class OutputRing:
    """Takes any amount of bytes and keeps the first and the last half of `limit`, counting what it dropped."""

    def __init__(self, limit: int) -> None:
        self._head_limit = limit // 2
        self._tail_limit = limit - self._head_limit
        self._head = bytearray()
        self._tail = bytearray()
        self._passed = 0

    def add(self, chunk: bytes) -> None:
        """Take the next bytes."""
        room = self._head_limit - len(self._head)
        self._head += chunk[:room]
        rest = chunk[room:]
        self._passed += len(rest)
        self._tail += rest
        # Cutting at twice the limit, not at each chunk, keeps a flood linear.
        if len(self._tail) > 2 * self._tail_limit:
            del self._tail[: len(self._tail) - self._tail_limit]

    @property
    def dropped(self) -> int:
        """Bytes that `content` leaves out."""
        return max(0, self._passed - self._tail_limit)

    def content(self) -> bytes:
        """What was kept, in order, with a line in between that says how much is missing there."""
        if not self.dropped:
            return bytes(self._head + self._tail)
        gap = b"\n[... %d bytes left out ...]\n" % self.dropped
        return bytes(self._head) + gap + bytes(self._tail[-self._tail_limit :] if self._tail_limit else b"")
