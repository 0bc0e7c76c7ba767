"""A small app around one terminal pane, for tests."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from textual import on
from textual.app import App, ComposeResult
from textual.color import Color
from textual.geometry import Region
from textual.message import Message
from textual.pilot import Pilot

import themes
from panes.terminal import TerminalPane

SHEET = Path(themes.__file__).parent / "sheets" / "panes" / "terminal.tcss"
PALETTE = themes.load("quarterdeck-dark").colours
INK, PAPER = (Color.parse(PALETTE[f"terminal-{name}"]).rgb for name in ("foreground", "background"))
PATIENCE = 30.0
"""Seconds any wait may take on a machine under heavy load."""


class WatchedPane(TerminalPane):
    """A pane that remembers what it asked to be painted."""

    def __init__(self, *, id: str | None = None) -> None:
        self.painted: list[tuple[Region, ...]] = []
        self.painted_at_once = 0
        super().__init__(id=id)

    def refresh(
        self, *regions: Region, repaint: bool = True, layout: bool = False, recompose: bool = False
    ) -> "WatchedPane":
        self.painted.append(regions)
        super().refresh(*regions, repaint=repaint, layout=layout, recompose=recompose)
        return self

    def _paint_now(self) -> None:
        self.painted_at_once += 1
        super()._paint_now()

    @property
    def idle(self) -> bool:
        """Whether no frame is planned."""
        return self._timer is None

    def lines(self) -> list[str]:
        """What the pane shows, line by line."""
        return [strip.text for strip in self.render_lines(self.size.region)]


class PaneApp(App[None]):
    """Holds a pane and remembers its messages, and which of the app's own keys were pressed."""

    CSS_PATH = SHEET
    ENABLE_COMMAND_PALETTE = False

    def __init__(self) -> None:
        super().__init__()
        self.pane = WatchedPane(id="terminal")
        self.messages: list[Message] = []
        self.noted: list[str] = []
        for key in ("ctrl+g", "f1", "f7", "f8", "f9", "ctrl+q", "x", "f2", "tab"):
            self._bindings.bind(key, f"note('{key}')", priority=True)

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return dict(PALETTE)

    def compose(self) -> ComposeResult:
        yield self.pane

    def on_mount(self) -> None:
        self.pane.focus()

    def action_note(self, key: str) -> None:
        self.noted.append(key)

    @on(TerminalPane.Input)
    @on(TerminalPane.Resized)
    @on(TerminalPane.TitleChanged)
    @on(TerminalPane.Rang)
    @on(TerminalPane.Noticed)
    def remember(self, message: Message) -> None:
        self.messages.append(message)

    @property
    def typed(self) -> bytes:
        """All the bytes that were to be sent to the program."""
        return b"".join(message.data for message in self.messages if isinstance(message, TerminalPane.Input))


async def settle(pilot: Pilot[None], condition: Callable[[], object]) -> None:
    """Let the app go on until a condition holds."""
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await pilot.pause(0.005)


async def grow_quiet(pilot: Pilot[None], pane: WatchedPane) -> None:
    """Let the app go on until everything that was fed is shown."""
    await settle(pilot, lambda: pane.idle)
    await pilot.pause()
    await settle(pilot, lambda: pane.idle)
