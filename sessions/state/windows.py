"""Changing one window of a state."""

from sessions.events import Activity
from sessions.state.model import SessionState, WindowState, changed


def put_window(state: SessionState, window: WindowState) -> SessionState:
    """Return the state with one window replaced."""
    return changed(state, windows={**state.windows, window.seat.window: window})


def set_activity(
    state: SessionState, window_id: str, activity: Activity, *, source: str, at: float, detail: str = ""
) -> SessionState:
    """Return the state with a window's activity changed; its age starts anew only when the activity is another one.

    An unknown window leaves the state as it is. A halted window shows nothing but its halt until it is resumed.
    """
    window = state.windows.get(window_id)
    if window is None or (window.halted and activity not in ("halted", "exited", "failed")):
        return state
    since = window.since if window.activity == activity else at
    return put_window(state, changed(window, activity=activity, source=source, detail=detail, since=since))
