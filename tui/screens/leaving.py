"""Leaving the app, by choice or because the session's host is gone."""

from textual import events
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from panes.figures import count
from panes.safe_text import safe
from sessions.client.updates import HostLost
from sessions.state import SessionState
from tui.screens.choice import Choice, ChoiceDialog
from tui.screens.dialog import Dialog, keys_line


class QuitDialog(ChoiceDialog):
    """Gives `detach`, `stop` or `cancel`, and says what each of them means for what is at work now."""

    def __init__(self, state: SessionState) -> None:
        busy = sum(window.activity in ("thinking", "tool") for window in state.windows.values())
        loss = f"{count(busy, 'agent')} at work will be stopped; " if busy else ""
        choices = [
            Choice("detach", "leave it running", "agents go on; `quarterdeck attach` comes back", "d"),
            Choice("cancel", "stay here", "", "c"),
            Choice("stop", "stop the session host", f"{loss}the log stays, and the session can be taken up again", "s"),
        ]
        super().__init__("QUIT", "the session is not finished", choices, chosen="detach")


class HostGone(Dialog[bool]):
    """Says that the session's host is gone. Gives True to start it again, False to quit."""

    def __init__(self, lost: HostLost) -> None:
        super().__init__("THE SESSION HOST HAS STOPPED" if lost.ended else "THE SESSION HOST IS GONE", "")
        self._lost = lost
        self.add_class("-alarm")

    def body(self) -> ComposeResult:
        yield Static(safe(self._lost.reason, limit=1200), classes="dialog-text", markup=False)
        words = "Everything logged is safe. A new host goes on from the log; nothing is done twice."
        yield Static(Content.styled(words, "$muted"), classes="dialog-text", markup=False)

    def keys(self) -> Content:
        return keys_line(("Enter", "start it again and attach"), ("q", "quit"))

    def on_key(self, event: events.Key) -> None:
        if event.key in ("enter", "q"):
            event.stop()
            self.dismiss(event.key == "enter")

    def action_leave(self) -> None:
        """Esc decides nothing here: what to do is not something to leave open."""
        self.hint("Enter or q")
