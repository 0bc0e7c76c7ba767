"""What a person can order: one object a command, from which keys, footer, palette and help are made."""

from tui.commands.base import GROUPS, Command, Group
from tui.commands.going import (
    BringBranch,
    BrowseNeeds,
    Detach,
    GoToNextNeed,
    OpenPalette,
    Quit,
    ShowHelp,
    ShowReport,
)
from tui.commands.handoffs import ApproveHeld, ChooseGate, EditHeld, InspectHandoff, RedirectHeld, RejectHeld
from tui.commands.windows import (
    EscalateWork,
    FocusLast,
    FocusNext,
    FocusPrevious,
    FocusWindow,
    HaltAll,
    HaltWindow,
    ResumeAll,
    ResumeWindow,
    RetaskWork,
    ZoomWindow,
)

COMMANDS: tuple[Command, ...] = (
    HaltWindow(),
    ResumeWindow(),
    RetaskWork(),
    EscalateWork(),
    InspectHandoff(),
    ApproveHeld(),
    EditHeld(),
    RedirectHeld(),
    RejectHeld(),
    HaltAll(),
    ResumeAll(),
    ChooseGate(),
    ShowReport(),
    BringBranch(),
    *(FocusWindow(number) for number in range(1, 10)),
    FocusLast(),
    FocusNext(),
    FocusPrevious(),
    ZoomWindow(),
    GoToNextNeed(),
    BrowseNeeds(),
    OpenPalette(),
    ShowHelp(),
    Detach(),
    Quit(),
)
"""Every command, grouped, in the order in which lists show them."""

__all__ = ["COMMANDS", "GROUPS", "Command", "Group"]
