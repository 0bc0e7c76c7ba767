"""Commands that lead somewhere: to what needs the person, to lists and help, out of the app."""

from __future__ import annotations

from typing import TYPE_CHECKING

from panes.needs import Need, needs
from sessions.client.updates import HostLost
from sessions.orders import FetchBranch, StopHost
from sessions.state import SessionState
from tui.commands.base import Command
from tui.commands.handoffs import answer, inspect
from tui.exit_state import ExitState

if TYPE_CHECKING:
    from tui.app import QuarterdeckApp


class GoToNextNeed(Command):
    """Go to the next thing that needs you, most urgent first, and open it."""

    id, key, label, group, footer = "nav.next_need", "f7,n", "next !", "go", 0

    async def perform(self, app: QuarterdeckApp) -> None:
        found = needs(app.state, app.loop.roster)
        if not found:
            app.toast("nothing needs you")
            return
        keys = [need.key for need in found]
        at = keys.index(app.last_need) + 1 if app.last_need in keys else 0
        await go_to(app, found[at % len(found)])


class BrowseNeeds(Command):
    """List everything that needs you, and go where you choose."""

    id, key, label, group = "nav.needs", "N", "needs-you list", "go"

    async def perform(self, app: QuarterdeckApp) -> None:
        from tui.screens.choice import Choice, ChoiceDialog

        found = {need.key: need for need in needs(app.state, app.loop.roster)}
        if not found:
            app.toast("nothing needs you")
            return
        choices = [Choice(key, need.title, need.text) for key, need in found.items()]
        chosen = await app.push_screen_wait(ChoiceDialog("NEEDS YOU", "Enter goes there", choices))
        if chosen is not None:
            await go_to(app, found[chosen])


async def go_to(app: QuarterdeckApp, need: Need) -> None:
    """Bring the window of a need into view and open what can be opened."""
    app.last_need = need.key
    if need.window:
        app.loop.focus_window(need.window)
    if need.kind in ("question", "limit"):
        await answer(app, need.key)
    elif need.kind == "handoff" and (handoff := app.state.handoffs.get(need.key)) is not None:
        await inspect(app, handoff)


class ShowHelp(Command):
    """Show every key that works now, with what it does; type to filter."""

    id, key, label, group, footer = "app.help", "f1,question_mark", "help", "go", 4
    leaves_dialogs = False

    async def perform(self, app: QuarterdeckApp) -> None:
        from tui.screens.help import HelpScreen

        if isinstance(app.screen, HelpScreen):
            app.screen.dismiss(None)
            return
        chosen = await app.push_screen_wait(HelpScreen(app.keymap, app.state, app.loop.desk.focus))
        if chosen is not None:
            app.run_command(chosen)


class OpenPalette(Command):
    """Find a command by typing part of its name."""

    id, key, label, group, footer = "app.palette", "colon", "palette", "go", 9

    async def perform(self, app: QuarterdeckApp) -> None:
        from tui.screens.palette import CommandPalette

        chosen = await app.push_screen_wait(CommandPalette(app.keymap, app.state, app.loop.desk.focus))
        if chosen is not None:
            app.run_command(chosen)


class ShowReport(Command):
    """Show the report of a session that has ended."""

    id, key, label, group, footer = "session.report", "X", "report", "session", 1

    def refusal(self, state: SessionState, window: str) -> str | None:
        return None if state.ended is not None else "the report comes when the session ends"

    async def perform(self, app: QuarterdeckApp) -> None:
        from tui.screens.report import ReportScreen

        if await app.push_screen_wait(ReportScreen(app.state, app.look, read=app.read_artefact)):
            app.leave(ExitState("finished"))


class BringBranch(Command):
    """Bring the session's branch into your repository as a ref. Your branches and your checkout stay as they are."""

    id, key, label, group = "session.fetch", "B", "bring branch", "session"

    def refusal(self, state: SessionState, window: str) -> str | None:
        return None if state.started is not None else "the session has not begun yet"

    async def perform(self, app: QuarterdeckApp) -> None:
        await app.give(FetchBranch(), said="the branch is in your repository")


class Detach(Command):
    """Leave the screen; the session and its agents go on. `quarterdeck attach` comes back."""

    id, key, label, group = "app.detach", "D", "detach", "go"

    async def perform(self, app: QuarterdeckApp) -> None:
        app.leave(ExitState("detached"))


async def offer_restart(app: QuarterdeckApp, lost: HostLost) -> None:
    """Say that the session's host is gone, and end the app with what the person chooses to do."""
    from tui.screens.leaving import HostGone

    await app.close_dialogs()
    again: bool | None = None
    while again is None:  # Keys that close dialogs do not answer this one.
        again = await app.push_screen_wait(HostGone(lost))
    app.leave(ExitState("restart" if again else "host_lost", "" if again else lost.reason))


class Quit(Command):
    """Leave: choose between letting the session go on and stopping it."""

    id, key, label, group, footer = "app.quit", "q", "quit", "go", 5

    async def perform(self, app: QuarterdeckApp) -> None:
        from tui.screens.leaving import QuitDialog

        if app.state.ended is not None:
            app.leave(ExitState("finished"))
            return
        choice = await app.push_screen_wait(QuitDialog(app.state))
        if choice == "detach":
            app.leave(ExitState("detached"))
        elif choice == "stop":
            app.stopping = True
            app.stopping = await app.give(StopHost(reason="you quit"))
            if app.stopping:
                app.leave(ExitState("stopped"))
