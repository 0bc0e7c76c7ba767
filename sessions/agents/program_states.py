"""What a program says of itself, kept so that nothing it said in between is missed, however quick it was."""

import asyncio
import contextlib

AT_REST = ("idle", "done", "exited")
BUSY = ("working", "blocked")


class ProgramStates:
    """The states of one program, in the order it told them. `exited` is said for it by whoever sees its end."""

    def __init__(self) -> None:
        self.now = ""
        """The last state told, empty before the first."""
        self._count = 0
        self._last: dict[str, int] = {}
        self._changed = asyncio.Event()

    def say(self, state: str) -> None:
        """Take a state. An ended program says nothing more."""
        if self.now == "exited":
            return
        self._count += 1
        self.now, self._last[state] = state, self._count
        self._changed.set()
        self._changed = asyncio.Event()

    def mark(self) -> int:
        """Return a mark: what is told from here on counts as told since."""
        return self._count

    def told_since(self, mark: int, *states: str) -> bool:
        """Say whether any of these states was told since a mark, even if another followed at once."""
        return any(self._last.get(state, 0) > mark for state in states)

    async def reach(self, *states: str) -> None:
        """Wait until the state is one of these."""
        while self.now not in states:
            await self._changed.wait()

    async def tells(self, mark: int, *states: str, within: float) -> bool:
        """Wait until one of these states was told since a mark, so many seconds at most; say whether it was."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within):
                while not self.told_since(mark, *states):
                    await self._changed.wait()
        return self.told_since(mark, *states)

    async def rests(self, mark: int, *, within: float, quiet: float) -> bool:
        """Wait until the program is at rest after a mark; say whether it came to rest within so many seconds.

        Args:
            quiet: Seconds of silence that prove a rest which began before the mark, so that it need not be told again.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within):
                while not (self.now in AT_REST and self.told_since(mark, *AT_REST)):
                    if self.now == "exited" or (self.now in AT_REST and not await self._changes(quiet)):
                        return True
                    if self.now not in AT_REST:
                        await self._changed.wait()
                return True
        return self.now == "exited"

    async def _changes(self, seconds: float) -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._changed.wait()
                return True
        return False
