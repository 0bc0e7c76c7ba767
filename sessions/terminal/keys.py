"""Keys and mouse as values, by the names of the physical keys, for the encoders of the emulator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

MouseAction: TypeAlias = Literal["press", "release", "motion"]


@dataclass(frozen=True, slots=True)
class Modifiers:
    """Which modifier keys are held."""

    shift: bool = False
    ctrl: bool = False
    alt: bool = False
    super: bool = False


NO_MODIFIERS = Modifiers()


@dataclass(frozen=True, slots=True)
class KeyPress:
    """One key, pressed.

    Args:
        key: The physical key in lower case, after the names of the W3C's UI Events codes: `a`, `digit_1`,
            `enter`, `arrow_up`, `f5`, `bracket_left`; `unidentified` for a key known only by its text.
        text: What the key types without the control and alt keys; empty for keys that type nothing.
        unshifted: The character of the key without shift; empty when unknown.
    """

    key: str
    modifiers: Modifiers = NO_MODIFIERS
    text: str = ""
    unshifted: str = ""


@dataclass(frozen=True, slots=True)
class MouseInput:
    """One mouse event over a cell.

    Args:
        button: 1 left, 2 right, 3 middle, 4 wheel up, 5 wheel down, 6 wheel left, 7 wheel right; 0 for none.
        x: Column, from 0.
        y: Row, from 0.
        held: Whether any button is held down (for motion).
    """

    action: MouseAction
    button: int
    x: int
    y: int
    modifiers: Modifiers = NO_MODIFIERS
    held: bool = False
