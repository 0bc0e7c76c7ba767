"""The one door for transition tools: who calls, whether they may, whether the call stands, and what follows.

Every way in (function tools, the shell command, MCP) ends here. A token belongs to exactly one open turn, so a late or
a stolen call cannot move the session. Whether the turn still stands is looked at in the moment of appending: a call
that waits at the door while the person moves the session on comes too late as well.
"""

import asyncio
import hmac
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from sessions.agents.protocol import TransitionReply
from sessions.events import Event, TransitionCalled, TurnStarted
from sessions.state import SessionState
from sessions.transitions.effects import effects, kept_text
from sessions.transitions.schema import ContractFault, parse

_OVER = "this token belongs to no running turn; the turn is over"
_RECORDED_REFUSALS = 20
"""Refused calls of one turn that are recorded. A program that calls without end must not fill the log."""


@dataclass(slots=True)
class _OpenTurn:
    turn: TurnStarted
    tools: tuple[str, ...]
    over: asyncio.Event
    refused: int = 0
    accepted: TransitionCalled | None = None


class Door:
    """Validates and records transition calls for the turns that are open."""

    def __init__(
        self,
        state: Callable[[], SessionState],
        append_if: Callable[[Callable[[SessionState], bool], tuple[Event, ...]], Awaitable[bool]],
        keep: Callable[[str], Awaitable[str]],
    ) -> None:
        """Take the way to the state, to the log, and to the artefacts."""
        self._state = state
        self._append_if = append_if
        self._keep = keep
        self._open: dict[str, _OpenTurn] = {}
        self._lock = asyncio.Lock()

    def admit(self, turn: TurnStarted, tools: tuple[str, ...], over: asyncio.Event) -> str:
        """Open the door for a turn and return its token. `over` is set once one of the turn's calls was accepted."""
        token = secrets.token_urlsafe(24)
        self._open[token] = _OpenTurn(turn, tools, over)
        return token

    def dismiss(self, token: str) -> None:
        """Close the door for a turn: its token opens nothing any more."""
        self._open.pop(token, None)

    def expel(self, turn: str) -> None:
        """Close the door for a turn by its id, before it is stopped: what it still calls comes too late."""
        self._open = {token: entry for token, entry in self._open.items() if entry.turn.turn != turn}

    def refusals(self, token: str) -> int:
        """Return how often a turn's calls were refused."""
        found = self._open.get(token)
        return 0 if found is None else found.refused

    async def call(self, token: str, tool: str, arguments: str, key: str) -> TransitionReply:
        """Take a call. The same key with the same content is answered again and counts once.

        Only what `parse` and `effects` accept changes the session; everything else is answered with what to mend.
        """
        entry = self._find(token)
        if entry is None:
            return TransitionReply(False, _OVER)
        async with self._lock:
            if entry.accepted is not None:
                same = entry.accepted.key == key or (entry.accepted.tool, entry.accepted.arguments) == (tool, arguments)
                text = entry.accepted.reply if same else f"this turn has already ended with {entry.accepted.tool}"
                return TransitionReply(same, text)
            if tool not in entry.tools:
                return await self._refuse(entry, tool, key, arguments, f"use one of: {', '.join(entry.tools)}")
            try:
                transition = parse(tool, arguments)
            except ContractFault as fault:
                return await self._refuse(entry, tool, key, arguments, str(fault))
            text = kept_text(transition)
            kept = await self._keep(text) if text else ""
            try:
                events = effects(self._state(), entry.turn, transition, kept)
            except ValueError as error:
                return await self._refuse(entry, tool, key, arguments, str(error))
            called = TransitionCalled(
                turn=entry.turn.turn,
                tool=tool,
                key=key,
                arguments=arguments,
                accepted=True,
                outcome=transition.outcome,
                reply=f"{tool} accepted; your turn is over",
            )
            if not await self._append_if(lambda state: _stands(state, entry.turn), (called, *events)):
                return TransitionReply(False, _OVER)
            entry.accepted = called
            entry.over.set()
            return TransitionReply(True, called.reply)

    def _find(self, token: str) -> _OpenTurn | None:
        """Compare in constant time, so that a token cannot be guessed letter by letter."""
        given = token.encode("utf-8", "surrogatepass")
        found = [entry for known, entry in self._open.items() if hmac.compare_digest(known.encode(), given)]
        return found[0] if found else None

    async def _refuse(self, entry: _OpenTurn, tool: str, key: str, arguments: str, text: str) -> TransitionReply:
        entry.refused += 1
        refused: Event = TransitionCalled(
            turn=entry.turn.turn,
            tool=_storable(tool[:80]),
            key=_storable(key[:200]),
            arguments=_storable(arguments[:4000]),
            accepted=False,
            reply=_storable(text),
        )
        if entry.refused <= _RECORDED_REFUSALS:
            await self._append_if(lambda _: True, (refused,))
        return TransitionReply(False, text)


def _stands(state: SessionState, turn: TurnStarted) -> bool:
    """Say whether the session still is where a turn began: nobody ended the turn or moved the session on."""
    position = state.position
    here = (position.stage, position.node, position.visit) == ("at", turn.node, turn.visit)
    return here and turn.turn in state.turns


def _storable(text: str) -> str:
    """Return foreign text without lone surrogates, which no log can hold."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
