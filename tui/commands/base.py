"""What a command is: one object from which the key, the footer, the palette, the help and the manual come."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from sessions.state import SessionState

if TYPE_CHECKING:
    from tui.app import QuarterdeckApp

Group = Literal["this window", "handoff", "view", "session", "go"]
GROUPS: tuple[Group, ...] = ("this window", "handoff", "session", "view", "go")
"""The groups, in the order in which lists show them."""

ENDED = "the session has ended"


class Command:
    """Something a person can order. Subclasses are named in the imperative; their docstring is the help text.

    id: Stable, for key files and palettes: `app.*`, `nav.*`, `pane.*`, `handoff.*`, `session.*`.
    key: Default keys as the library names them, comma between alternatives; F-keys and ctrl chords work everywhere.
    footer: Rank in the footer: the lower the longer it stays when room gets short; None keeps it out.
    """

    id: str
    key: str
    label: str
    group: Group
    footer: int | None = None
    leaves_dialogs: bool = True
    """Whether open dialogs are closed first (what was typed into them is kept)."""

    @property
    def help(self) -> str:
        """What the command does, in a sentence or two."""
        return " ".join((type(self).__doc__ or "").split())

    def refusal(self, state: SessionState, window: str) -> str | None:
        """Return why the command cannot run now, as a sentence; None when it can. `window` has the focus."""
        return None

    async def perform(self, app: QuarterdeckApp) -> None:
        """Do it. Called only when there is no refusal."""
