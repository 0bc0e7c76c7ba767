"""From Textual's key and mouse events to the keys and mouse of a terminal."""

from __future__ import annotations

from textual import events
from textual.keys import key_to_character

from sessions.terminal.keys import KeyPress, Modifiers, MouseAction, MouseInput

_NAMED = {
    "backspace": "backspace",
    "delete": "delete",
    "down": "arrow_down",
    "end": "end",
    "enter": "enter",
    "escape": "escape",
    "home": "home",
    "insert": "insert",
    "left": "arrow_left",
    "pagedown": "page_down",
    "pageup": "page_up",
    "return": "enter",
    "right": "arrow_right",
    "tab": "tab",
    "up": "arrow_up",
    "\r": "enter",  # shift+enter of terminals that send it as CSI 27;2;13~
    **{f"f{number}": f"f{number}" for number in range(1, 25)},
}
"""Keys that type no character, by Textual's names."""

_MARKS = {
    " ": "space",
    "'": "quote",
    ",": "comma",
    "-": "minus",
    ".": "period",
    "/": "slash",
    ";": "semicolon",
    "=": "equal",
    "[": "bracket_left",
    "\\": "backslash",
    "]": "bracket_right",
    "`": "backquote",
}
"""Keys of the marks that every layout types without shift, or that programs take for those keys anyway."""

_CHARACTERS = {"space": " ", "at": "@", "minus": "-", "plus": "+", "slash": "/", "backslash": "\\", "underscore": "_"}
"""Characters behind names that Textual made itself."""

_BUTTONS = {1: 1, 2: 3, 3: 2}
"""Textual counts left, middle, right."""


def key_press(event: events.Key) -> KeyPress:
    """Give the key a person pressed, as far as Textual tells: the names of its keys do not tell the layout."""
    *held, name = event.key.split("+") if event.key != "+" else ["+"]
    modifiers = Modifiers("shift" in held, "ctrl" in held, "alt" in held, "super" in held)
    if name in _NAMED:
        return KeyPress(_NAMED[name], modifiers)
    character = _character(event, name, modifiers)
    if len(character) != 1:
        return KeyPress("unidentified", modifiers, character)
    if character.isascii() and character.isalpha():
        lower = character.lower()
        shifted = modifiers.shift or character != lower
        held_keys = Modifiers(shifted, modifiers.ctrl, modifiers.alt, modifiers.super)
        return KeyPress(lower, held_keys, lower.upper() if shifted else lower, lower)
    if character.isascii() and character.isdigit():
        return KeyPress(f"digit_{character}", modifiers, character, character)
    return KeyPress(_MARKS.get(character, "unidentified"), modifiers, character, character)


def mouse_input(event: events.MouseEvent) -> MouseInput:
    """Give a press, release or movement over the widget the event was sent to."""
    action: MouseAction = "motion"
    if isinstance(event, (events.MouseDown, events.MouseUp)):
        action = "press" if isinstance(event, events.MouseDown) else "release"
    button = _BUTTONS.get(event.button, 0)
    return MouseInput(action, button, event.x, event.y, _modifiers(event), held=button > 0)


def wheel_input(event: events.MouseEvent, button: int) -> MouseInput:
    """Give one step of the wheel: 4 is up, 5 down, 6 left, 7 right."""
    return MouseInput("press", button, event.x, event.y, _modifiers(event))


def _modifiers(event: events.MouseEvent) -> Modifiers:
    return Modifiers(event.shift, event.ctrl, event.meta)


def _character(event: events.Key, name: str, modifiers: Modifiers) -> str:
    """What the key types without control and alt; empty when nothing can be told."""
    if event.character and event.character.isprintable() and not modifiers.ctrl:
        return event.character
    return name if len(name) == 1 else _CHARACTERS.get(name) or key_to_character(name) or ""
