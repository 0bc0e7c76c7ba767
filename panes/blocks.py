"""The pieces of a transcript in order. Pure.

Each is laid out as one, so that a flood of text touches only the last of them.
"""

from dataclasses import dataclass, replace

from panes.drawing import group_of
from panes.entries import (
    Entry,
    HandoffDecided,
    HandoffHeld,
    Said,
    ToolDone,
    TransitionMade,
    TurnClosed,
    TurnOpened,
    VerdictShown,
)

BLOCK_LIMIT = 4000
"""Blocks kept; a line of said text and a card are one each. The log and the artefacts keep everything."""
LINE_LIMIT = 4000
"""Characters kept of one line of said text."""
SAID_KINDS = ("text", "reasoning", "tool", "output", "note")


@dataclass(slots=True)
class Block:
    """One piece. Said text has no `entry`.

    `rows` counts the rows it takes on screen, `spaced` leaves one free before it, `cut` counts the characters left out.
    """

    group: str
    entry: Entry | None = None
    text: str = ""
    turn: str = ""
    spaced: bool = False
    cut: int = 0
    rows: int = 0
    folded: TurnClosed | None = None


class Blocks:
    """The blocks of one window. `changed` is the first one that is not as it was when last laid out."""

    def __init__(self) -> None:
        self.all: list[Block] = []
        self.changed = 0
        self._heard: set[str] = set()

    def take(self, entry: Entry) -> None:
        """Add an entry at the end, or settle an earlier one with it."""
        if isinstance(entry, Said):
            self._say(entry)
        elif isinstance(entry, HandoffDecided) and self._settle(entry):
            return
        else:
            self._add(entry)

    def forget_oldest(self) -> int:
        """Drop the oldest blocks when there are too many, and return how many rows went with them."""
        if len(self.all) <= BLOCK_LIMIT:
            return 0
        gone = len(self.all) - BLOCK_LIMIT + BLOCK_LIMIT // 10
        rows = sum(block.rows for block in self.all[:gone])
        del self.all[:gone]
        self.changed = max(0, self.changed - gone)
        return rows

    def unfold(self, turn: str, text: str) -> None:
        """Put what a past turn said in place of the line that offered it."""
        at = next((n for n, block in enumerate(self.all) if block.folded and block.turn == turn), None)
        if at is None:
            return
        lines = text.rstrip().split("\n")[:BLOCK_LIMIT]
        said = [Block("text", text=line[:LINE_LIMIT], turn=turn, cut=max(0, len(line) - LINE_LIMIT)) for line in lines]
        said[0].spaced = self.all[at].spaced
        self.all[at : at + 1] = said
        self.changed = min(self.changed, at)

    # What is said comes in pieces that end anywhere; each line of it is a block.

    def _say(self, said: Said) -> None:
        self._heard.add(said.turn)
        kind = said.kind if said.kind in SAID_KINDS else "note"
        last = self.all[-1] if self.all else None
        goes_on = last is not None and last.entry is None and (last.group, last.turn) == (kind, said.turn)
        if not goes_on:
            self._close_line()
        first, *rest = said.text.split("\n")
        if goes_on:
            self._lengthen(first)
        elif first or rest:
            self._append(Block(kind, turn=said.turn))
            self._lengthen(first)
        for line in rest:
            self._append(Block(kind, turn=said.turn))
            self._lengthen(line)

    def _lengthen(self, text: str) -> None:
        block = self.all[-1]
        self.changed = min(self.changed, len(self.all) - 1)
        room = LINE_LIMIT - len(block.text)
        block.text += text[:room]
        block.cut += max(0, len(text) - room)

    def _add(self, entry: Entry) -> None:
        self._close_line()
        if isinstance(entry, ToolDone | TransitionMade):
            self._drop_announcement(entry.turn)
        if isinstance(entry, TurnClosed):
            if entry.transcript and entry.transcript_tokens and entry.turn not in self._heard:
                self._append(Block("folded", turn=entry.turn, folded=entry))
            self._heard.discard(entry.turn)
        self._append(Block(group_of(entry), entry=entry, turn=getattr(entry, "turn", "")))

    def _close_line(self) -> None:
        """Drop the empty line that a trailing newline opened."""
        while self.all and self.all[-1].entry is None and not self.all[-1].folded and not self.all[-1].text:
            self.all.pop()
        self.changed = min(self.changed, len(self.all))

    def _drop_announcement(self, turn: str) -> None:
        """Drop the line that announced a call while it ran: the line for its end says the same and more."""
        last = self.all[-1] if self.all else None
        if last is not None and last.entry is None and last.group == "tool" and last.turn == turn:
            self.all.pop()
            self._close_line()

    def _append(self, block: Block) -> None:
        last = self.all[-1] if self.all else None
        block.spaced = last is not None and (
            last.group != block.group or block.group == "card" or isinstance(block.entry, TurnOpened)
        )
        self.all.append(block)

    def _settle(self, decided: HandoffDecided) -> bool:
        """Write what became of a handoff onto its card; returns whether there is one."""
        for at in range(len(self.all) - 1, -1, -1):
            entry = self.all[at].entry
            held = isinstance(entry, HandoffHeld) and entry.event.handoff == decided.handoff
            crossing = isinstance(entry, VerdictShown) and decided.handoff == entry.handoff != ""
            if entry is not None and (held or crossing):
                self.all[at].entry = replace(entry, decided=decided.text)
                self.changed = min(self.changed, at)
                return True
        return False
