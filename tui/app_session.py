"""Running the app on a session."""

import subprocess

from sessions.store.folders import SessionFolder
from tui.app import QuarterdeckApp
from tui.exit_codes import UNEXPECTED
from tui.exit_state import ExitState
from tui.starting_source import StartingSession


def run_app(folder: SessionFolder, process: "subprocess.Popen[bytes] | None") -> ExitState:
    """Show a session until the person leaves it, and say how it ended.

    Args:
        process: The host just started for it; None when one was running.

    Raises:
        SystemExit: With the code for a fault of ours, if the app crashed; the host and its agents go on.
    """
    app = QuarterdeckApp(StartingSession(folder, process))
    state = app.run()
    if app.return_code:
        raise SystemExit(UNEXPECTED)
    return state or ExitState("quit")
