"""The app: one session on screen. Everything it knows of the session comes through the bridge."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import tzinfo
from typing import TYPE_CHECKING

from textual import events, on
from textual.screen import ModalScreen

from panes.look import Look
from panes.transcript import Transcript
from panes.visible_text import one_line, visible
from sessions.client.updates import HostLost, SessionSource
from sessions.errors import QuarterdeckError
from sessions.orders import Order
from sessions.state import SessionState
from themes import Palette
from tui.bridge import Batch, Bridge
from tui.commands import COMMANDS, Command
from tui.commands.going import offer_restart
from tui.drafts import Drafts
from tui.exit_state import ExitState
from tui.footer import Footer
from tui.keymap import Keymap
from tui.news import news
from tui.painted_app import PaintedApp, glyphs_for
from tui.screens.dialog import Dialog
from tui.screens.loop import LoopScreen
from tui.terminals import Terminals
from tui.typed_ahead import KeysWanted, TypedAhead

if TYPE_CHECKING:
    from panes.terminal import TerminalPane

_PREFIX_BYTES = b"\x07"
"""What ctrl+g is to a program."""


class QuarterdeckApp(PaintedApp[ExitState]):
    """Shows a session and carries the person's orders to it. Its return value says how it ended.

    Args:
        source: Where the session comes from.
        palette: The colours; None chooses by the environment.
        now: The wall clock in seconds. Passed in so that pictures hold still.
        ticks: A monotonic clock in seconds.
        zone: The time zone for times of day; None is the machine's.
        ascii_only: Whether to draw with ASCII only; None asks the environment.
    """

    def __init__(
        self,
        source: SessionSource,
        *,
        palette: Palette | None = None,
        now: Callable[[], float] = time.time,
        ticks: Callable[[], float] = time.monotonic,
        zone: tzinfo | None = None,
        ascii_only: bool | None = None,
    ) -> None:
        super().__init__(palette)
        self.source = source
        self.now = now
        self.ticks = ticks
        self.look = Look(glyphs_for(ascii_only), zone)
        self.keymap = Keymap(COMMANDS)
        self.seen: set[str] = set()
        self.last_need = ""
        self.drafts = Drafts()
        self.bridge = Bridge(source, self._show, ticks)
        self.terminals = Terminals(source, self.keymap.reserved)
        self.ahead = TypedAhead(self.post_message)
        self.loop = LoopScreen(self.look, self.keymap, self.terminals, now)
        self.stopping = False
        """Whether the host was ordered to stop, so that its end is no surprise."""
        self._reported = False

    @property
    def state(self) -> SessionState:
        """The session's state as shown."""
        return self.loop.state

    async def on_mount(self) -> None:
        await self.push_screen(self.loop)
        self.run_worker(self.bridge.run(), group="bridge", exclusive=True, description="reads the session")
        self.set_interval(1.0, self._tick)

    async def on_unmount(self) -> None:
        await self.source.close()

    # What comes from the session.

    def _show(self, batch: Batch) -> None:
        before = self.state
        self.loop.show(batch)
        for text, severity in news(before, batch.state, batch.roster, self.loop.desk.focus):
            self.toast(text, severity)
        if isinstance(self.screen, Dialog) and not self.screen.stands(batch.state):
            self.screen.dismiss(None)
            self.toast("that was decided elsewhere")
        if batch.lost is not None:
            self._mourn(batch.lost)
        elif batch.state.ended is not None and not self._reported:
            self._reported = True
            self.run_command("session.report")

    def _mourn(self, lost: HostLost) -> None:
        if self.stopping or (self.state.ended is not None and lost.ended):
            return
        self.run_worker(offer_restart(self, lost), group="dialogs", description="the host is gone")

    def _tick(self) -> None:
        self.loop.now = self.now()
        self.loop.show_speeds(self.bridge.speeds())
        self.loop.refresh_words()

    # What goes to the session.

    async def give(self, order: Order, said: str = "", *, draft: str = "") -> bool:
        """Give an order and return whether it was carried out; a refusal is shown as the host worded it.

        Args:
            said: What to say when it was, unless the host says more.
            draft: The draft that the order was made from: dropped only now, so that a refusal costs nobody a text.
        """
        try:
            reply = await self.source.order(order)
        except QuarterdeckError as error:
            self.toast(str(error), "error")
            return False
        if not reply.done:
            self.toast(reply.text or "the order was refused", "warning")
            return False
        if draft:
            self.drafts.of(draft)("")
        if reply.text or said:
            self.toast(reply.text or said)
        return True

    async def read_artefact(self, artefact: str) -> str:
        """Return an artefact as text; what cannot be read is said in its place."""
        try:
            return (await self.source.artefact(artefact)).decode("utf-8", "replace")
        except QuarterdeckError as error:
            return f"({error.what})"

    def toast(self, text: str, severity: str = "information") -> None:
        """Show a short notice at the top; foreign text in it is made visible."""
        level = severity if severity in ("information", "warning", "error") else "information"
        self.notify(visible(one_line(text, limit=240)), severity=level, timeout=6, markup=False)  # type: ignore[arg-type]

    def leave(self, state: ExitState) -> None:
        """End the app; the session's host goes on unless it was ordered to stop."""
        self.exit(state)

    # Keys and commands.

    async def on_event(self, event: events.Event) -> None:
        """Take the keys that work everywhere before any widget sees them."""
        if isinstance(event, events.Key) and not event.is_forwarded:
            command = self.keymap.direct.get(event.key)
            if command is not None:
                self.run_command(command.id)
                return
            if self.ahead.keeps(event):
                return
            if event.key == self.keymap.prefix:
                self._take_prefix()
                return
            if self._orders(event):
                self.run_command(self.keymap.bare[event.key].id)
                return
        await super().on_event(event)

    def _orders(self, event: events.Key) -> bool:
        """Say whether a key is a letter that orders something here; taken before any widget, so the next one waits."""
        on_loop = self.screen is self.loop and self.loop.mode_now == "NAV"
        return on_loop and event.is_printable and event.key in self.keymap.bare

    def _take_prefix(self) -> None:
        from tui.screens.command_list import CommandList

        if isinstance(self.screen, CommandList):
            self.screen.dismiss(None)
            self.terminals.send_key(self.loop.desk.focus, _PREFIX_BYTES)
        else:
            self.ahead.hold()
            self.run_worker(self._list_commands(), group="dialogs", description="the command list")

    async def _list_commands(self) -> None:
        from tui.screens.command_list import CommandList

        chosen = await self.push_screen_wait(CommandList(self.keymap, self.state, self.loop.desk.focus, self.look))
        if chosen is not None:
            self.run_command(chosen)

    def run_command(self, command_id: str) -> None:
        """Carry out a command, or say why it cannot run now."""
        if command_id == "app.commands":
            self._take_prefix()
            return
        command = self.keymap.by_id[command_id]
        refusal = command.refusal(self.state, self.loop.desk.focus)
        if refusal is not None:
            self.toast(refusal)
            return
        self.ahead.hold()
        self.run_worker(self._perform(command), group="commands", description=command.id)

    async def _perform(self, command: Command) -> None:
        try:
            if command.leaves_dialogs:
                await self.close_dialogs()
            await command.perform(self)
        finally:
            self.ahead.release()

    async def close_dialogs(self) -> None:
        """Close every dialog as if left with Esc; what was typed into it stays as its draft."""
        while isinstance(self.screen, ModalScreen):
            await self.screen.dismiss(None)

    @on(KeysWanted)
    def give_what_was_typed(self) -> None:
        """Give a dialog the keys that came while it opened."""
        self.ahead.release()

    @on(LoopScreen.KeyUnclaimed)
    def order_by_key(self, message: LoopScreen.KeyUnclaimed) -> None:
        """Carry out the command of a bare key."""
        self.run_command(self.keymap.bare[message.key].id)

    @on(Footer.CommandClicked)
    def order_by_click(self, message: Footer.CommandClicked) -> None:
        """Carry out a command clicked in the footer."""
        self.run_command(message.command)

    # Terminal panes are loaded with the first of them, so their messages are known here by name only.

    def on_terminal_pane_input(self, message: TerminalPane.Input) -> None:
        """Send what was typed to the program."""
        self.terminals.type_into(message.pane, message.data)

    def on_terminal_pane_resized(self, message: TerminalPane.Resized) -> None:
        """Tell the program its size."""
        self.terminals.resize(message.pane, message.cols, message.rows)

    @on(Transcript.TextWanted)
    def fetch_text(self, message: Transcript.TextWanted) -> None:
        """Fetch what a past turn said."""
        pane = message.transcript
        if pane.is_attached:
            self.run_worker(
                self._unfold(pane, message.turn, message.artefact), group=f"text {message.turn}", exclusive=True
            )

    async def _unfold(self, pane: Transcript, turn: str, artefact: str) -> None:
        pane.unfold(turn, await self.read_artefact(artefact))
