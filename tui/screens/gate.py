"""Choosing the gate mode."""

from sessions.handoffs import ASSISTED_PASSES, GateMode
from sessions.state import Gate
from tui.screens.choice import Choice, ChoiceDialog

_WORDS: dict[GateMode, str] = {
    "manual": "every handoff waits for you",
    "assisted": f"tasks, reports and passing verdicts flow, {ASSISTED_PASSES} times; the rest waits for you",
    "auto": f"failing verdicts flow too, {ASSISTED_PASSES} times; spec, plan and structural questions wait for you",
}


class GateChooser(ChoiceDialog):
    """Gives the mode chosen. Relaxed modes fall back to manual by themselves; every pass is recorded as theirs."""

    def __init__(self, gate: Gate) -> None:
        letters = {"manual": "m", "assisted": "s", "auto": "u"}
        choices = [Choice(mode, mode.upper(), words, letters[mode]) for mode, words in _WORDS.items()]
        super().__init__("GATE", f"now {gate.mode.upper()}", choices, chosen=gate.mode)


class AutoCheck(ChoiceDialog):
    """Asks once more before the gate goes to auto."""

    def __init__(self) -> None:
        choices = [
            Choice("no", "stay as it is", "", "n"),
            Choice("yes", "let verdicts that are no pass flow too", "the Manager decides alone on what failed", "y"),
        ]
        super().__init__("GATE AUTO", "sure?", choices, chosen="no")
