"""Commands on windows: which has the focus, halting and resuming, the verbs on its task."""

from __future__ import annotations

from typing import TYPE_CHECKING

from panes.arrangement import step
from sessions.orders import Escalate, Halt, Resume, Retask
from sessions.state import SessionState
from tui.commands.base import ENDED, Command

if TYPE_CHECKING:
    from tui.app import QuarterdeckApp


class HaltWindow(Command):
    """Stop this window's agent and prove that it stopped. Works everywhere, also while a program has the keys."""

    id, key, label, group, footer = "pane.halt", "f8,h", "halt this", "this window", 2
    leaves_dialogs = False

    def refusal(self, state: SessionState, window: str) -> str | None:
        if state.ended is not None:
            return ENDED
        return None if window in state.windows else "there is no window yet"

    async def perform(self, app: QuarterdeckApp) -> None:
        await app.give(Halt(window=app.loop.desk.focus))


class HaltAll(Command):
    """Stop every agent at once and put the gate to manual. R resumes."""

    id, key, label, group, footer = "app.halt_all", "f9,H", "HALT ALL", "session", 3
    leaves_dialogs = False

    def refusal(self, state: SessionState, window: str) -> str | None:
        return ENDED if state.ended is not None else None

    async def perform(self, app: QuarterdeckApp) -> None:
        await app.give(Halt())


class ResumeWindow(Command):
    """Let this window work again after a halt."""

    id, key, label, group, footer = "pane.resume", "r", "resume", "this window", 1

    def refusal(self, state: SessionState, window: str) -> str | None:
        known = state.windows.get(window)
        if known is None or not known.halted:
            return "this window is not halted"
        return None

    async def perform(self, app: QuarterdeckApp) -> None:
        await app.give(Resume(window=app.loop.desk.focus))


class ResumeAll(Command):
    """Let every halted window work again. The gate stays as it is."""

    id, key, label, group, footer = "app.resume_all", "R", "resume all", "session", 1

    def refusal(self, state: SessionState, window: str) -> str | None:
        return None if any(one.halted for one in state.windows.values()) else "no window is halted"

    async def perform(self, app: QuarterdeckApp) -> None:
        await app.give(Resume())


class RetaskWork(Command):
    """Begin another attempt at the current task, with an optional note on what to do differently."""

    id, key, label, group, footer = "pane.retask", "t", "retask", "this window", 6

    def refusal(self, state: SessionState, window: str) -> str | None:
        if state.ended is not None:
            return ENDED
        return None if state.task else "no task has begun yet"

    async def perform(self, app: QuarterdeckApp) -> None:
        from tui.screens.line import LineDialog

        task = app.state.tasks.get(app.state.task)
        title = f"{app.state.task} {task.task.title}, try {task.attempt + 1}" if task else app.state.task
        note = await app.push_screen_wait(
            LineDialog("RETASK", title, "What to do differently (may stay empty)", draft=app.drafts.of("retask"))
        )
        if note is not None:
            await app.give(Retask(note=note), said=f"retask {app.state.task}", draft="retask")


class EscalateWork(Command):
    """Stop what runs and put the matter before the role that decides, with your note."""

    id, key, label, group, footer = "pane.escalate", "exclamation_mark", "escalate", "this window", 7

    def refusal(self, state: SessionState, window: str) -> str | None:
        if state.ended is not None:
            return ENDED
        return None if state.started is not None else "the session has not begun yet"

    async def perform(self, app: QuarterdeckApp) -> None:
        from tui.screens.line import LineDialog

        note = await app.push_screen_wait(
            LineDialog("ESCALATE", app.state.task or "this session", "What the decision is about", required=True,
                       draft=app.drafts.of("escalate"))
        )  # fmt: skip
        if note:
            await app.give(Escalate(note=note), said="escalated", draft="escalate")


class FocusWindow(Command):
    """Give the focus to a window by its number."""

    group = "view"

    def __init__(self, number: int) -> None:
        self.number = number
        self.id = f"nav.window_{number}"
        self.key = str(number)
        self.label = f"window {number}"

    def refusal(self, state: SessionState, window: str) -> str | None:
        return None if self.window_in(state) else f"there is no window {self.number}"

    def window_in(self, state: SessionState) -> str:
        """Return the id of the window with this number, empty when there is none."""
        return next((key for key, one in state.windows.items() if one.seat.number == self.number), "")

    async def perform(self, app: QuarterdeckApp) -> None:
        app.loop.focus_window(self.window_in(app.state))


class FocusLast(Command):
    """Give the focus back to the window that had it before."""

    id, key, label, group = "nav.last", "tab", "last window", "view"

    def refusal(self, state: SessionState, window: str) -> str | None:
        return None if len(state.windows) > 1 else "there is no other window"

    async def perform(self, app: QuarterdeckApp) -> None:
        desk = app.loop.desk
        other = desk.last or next((key for key in app.state.windows if key != desk.focus), desk.focus)
        app.loop.focus_window(other)


class FocusNext(Command):
    """Give the focus to the next window."""

    id, key, label, group = "nav.next", "down,right", "next window", "view"

    async def perform(self, app: QuarterdeckApp) -> None:
        app.loop.focus_window(step(tuple(app.state.windows), app.loop.desk.focus, 1))


class FocusPrevious(Command):
    """Give the focus to the window before."""

    id, key, label, group = "nav.previous", "up,left", "previous window", "view"

    async def perform(self, app: QuarterdeckApp) -> None:
        app.loop.focus_window(step(tuple(app.state.windows), app.loop.desk.focus, -1))


class ZoomWindow(Command):
    """Show this window alone, or all of them again."""

    id, key, label, group, footer = "pane.zoom", "z", "zoom", "view", 8

    async def perform(self, app: QuarterdeckApp) -> None:
        app.loop.toggle_zoom()
