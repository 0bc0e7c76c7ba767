"""The state of a session: a pure fold of its events, used alike by the host, the screen and replay."""

from sessions.state.fold import fold, fold_all
from sessions.state.model import (
    EMPTY,
    ContextFilter,
    Gate,
    HandoffState,
    Position,
    ProcessState,
    QuestionState,
    SessionState,
    TaskState,
    Totals,
    TurnState,
    WindowState,
)

__all__ = [
    "EMPTY",
    "ContextFilter",
    "Gate",
    "HandoffState",
    "Position",
    "ProcessState",
    "QuestionState",
    "SessionState",
    "TaskState",
    "Totals",
    "TurnState",
    "WindowState",
    "fold",
    "fold_all",
]
