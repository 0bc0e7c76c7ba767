"""Running the app on a session."""

import subprocess

from sessions.store.folders import SessionFolder
from tui.app import QuarterdeckApp
from tui.exit_state import ExitState
from tui.starting_source import StartingSession


def run_app(folder: SessionFolder, process: "subprocess.Popen[bytes] | None") -> ExitState:
    """Show a session until the person leaves it, and say how it ended.

    Args:
        process: The host just started for it; None when one was running.
    """
    state = QuarterdeckApp(StartingSession(folder, process)).run()
    return state or ExitState("quit")
