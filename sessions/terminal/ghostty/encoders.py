"""From keys, mouse, pasted text and focus to the bytes a program expects in the modes it has set."""

from __future__ import annotations

import re
import weakref
from typing import Any

from sessions.errors import AgentError
from sessions.terminal.ghostty.library import Library
from sessions.terminal.keys import KeyPress, Modifiers, MouseInput

_C1 = re.compile("[\x80-\x9f]")
"""Controls that the library leaves in a paste because it looks at bytes and these are two bytes each."""

_MOUSE_BUTTONS = {1: "LEFT", 2: "RIGHT", 3: "MIDDLE", 4: "FOUR", 5: "FIVE", 6: "SIX", 7: "SEVEN"}


class Encoders:
    """The encoders of one pane. They take the modes from the terminal at each use. Not safe for two threads
    at once.
    """

    def __init__(self, library: Library) -> None:
        self._ffi, self._lib = library.ffi, library.lib
        ffi, lib = self._ffi, self._lib
        self._key_encoder, self._key = ffi.new("GhosttyKeyEncoder*"), ffi.new("GhosttyKeyEvent*")
        self._mouse_encoder, self._mouse = ffi.new("GhosttyMouseEncoder*"), ffi.new("GhosttyMouseEvent*")
        made = (
            lib.ghostty_key_encoder_new(ffi.NULL, self._key_encoder)
            or lib.ghostty_key_event_new(ffi.NULL, self._key)
            or lib.ghostty_mouse_encoder_new(ffi.NULL, self._mouse_encoder)
            or lib.ghostty_mouse_event_new(ffi.NULL, self._mouse)
        )
        if made:
            raise AgentError(f"The terminal emulator gave no encoders (error {made}).", next="Close other programs.")
        handles = (self._key_encoder[0], self._key[0], self._mouse_encoder[0], self._mouse[0])
        self.close = weakref.finalize(self, _free, lib, *handles)
        self.close.atexit = False
        self._room = ffi.new("char[]", 512)
        self._length = ffi.new("size_t*")

    def key(self, terminal: Any, press: KeyPress) -> bytes:
        """Give a key's bytes; empty when the key has none in the terminal's modes."""
        lib, event, encoder = self._lib, self._key[0], self._key_encoder[0]
        text = press.text.encode()
        lib.ghostty_key_encoder_setopt_from_terminal(encoder, terminal)
        lib.ghostty_key_event_set_action(event, lib.GHOSTTY_KEY_ACTION_PRESS)
        lib.ghostty_key_event_set_key(event, self._key_code(press.key))
        lib.ghostty_key_event_set_mods(event, _bits(press.modifiers))
        # Shift that went into the text is used up; a program must not see it twice.
        used_up = press.modifiers.shift and bool(press.text) and press.text != press.unshifted
        lib.ghostty_key_event_set_consumed_mods(event, int(used_up))
        lib.ghostty_key_event_set_utf8(event, text, len(text))
        lib.ghostty_key_event_set_unshifted_codepoint(event, ord(press.unshifted) if press.unshifted else 0)
        return self._run(lib.ghostty_key_encoder_encode, encoder, event)

    def mouse(self, terminal: Any, event: MouseInput, cols: int, rows: int) -> bytes:
        """Give a mouse event's bytes; empty when the program did not ask for such events."""
        lib, ffi, encoder, built = self._lib, self._ffi, self._mouse_encoder[0], self._mouse[0]
        lib.ghostty_mouse_encoder_setopt_from_terminal(encoder, terminal)
        size = ffi.new("GhosttyMouseEncoderSize*")
        size.size = ffi.sizeof("GhosttyMouseEncoderSize")
        size.screen_width, size.screen_height, size.cell_width, size.cell_height = cols, rows, 1, 1
        lib.ghostty_mouse_encoder_setopt(encoder, lib.GHOSTTY_MOUSE_ENCODER_OPT_SIZE, size)
        held = ffi.new("bool*", event.held)
        lib.ghostty_mouse_encoder_setopt(encoder, lib.GHOSTTY_MOUSE_ENCODER_OPT_ANY_BUTTON_PRESSED, held)
        action = getattr(lib, f"GHOSTTY_MOUSE_ACTION_{event.action.upper()}")
        lib.ghostty_mouse_event_set_action(built, action)
        if name := _MOUSE_BUTTONS.get(event.button):
            lib.ghostty_mouse_event_set_button(built, getattr(lib, f"GHOSTTY_MOUSE_BUTTON_{name}"))
        else:
            lib.ghostty_mouse_event_clear_button(built)
        lib.ghostty_mouse_event_set_mods(built, _bits(event.modifiers))
        lib.ghostty_mouse_event_set_position(built, (float(event.x), float(event.y)))
        return self._run(lib.ghostty_mouse_encoder_encode, encoder, built)

    def paste(self, text: str, *, bracketed: bool) -> bytes:
        """Give pasted text's bytes: controls and the closing bracket disarmed, in brackets when asked for."""
        # One return for each line break: without this an unbracketed paste doubles them.
        data = _C1.sub(" ", text.replace("\r\n", "\n")).encode(errors="replace")
        source = self._ffi.new("char[]", data)
        room = self._ffi.new("char[]", len(data) + 64)
        failed = self._lib.ghostty_paste_encode(source, len(data), bracketed, room, len(room), self._length)
        return b"" if failed else bytes(self._ffi.buffer(room, self._length[0]))

    def focus(self, *, gained: bool) -> bytes:
        """Give the bytes of a change of focus."""
        event = self._lib.GHOSTTY_FOCUS_GAINED if gained else self._lib.GHOSTTY_FOCUS_LOST
        failed = self._lib.ghostty_focus_encode(event, self._room, len(self._room), self._length)
        return b"" if failed else bytes(self._ffi.buffer(self._room, self._length[0]))

    def _key_code(self, name: str) -> int:
        code: int = getattr(self._lib, f"GHOSTTY_KEY_{name.upper()}", self._lib.GHOSTTY_KEY_UNIDENTIFIED)
        return code

    def _run(self, encode: Any, encoder: Any, event: Any) -> bytes:
        failed = encode(encoder, event, self._room, len(self._room), self._length)
        return b"" if failed else bytes(self._ffi.buffer(self._room, self._length[0]))


def _bits(modifiers: Modifiers) -> int:
    return modifiers.shift | modifiers.ctrl << 1 | modifiers.alt << 2 | modifiers.super << 3


def _free(lib: Any, key_encoder: Any, key: Any, mouse_encoder: Any, mouse: Any) -> None:
    lib.ghostty_key_encoder_free(key_encoder)
    lib.ghostty_key_event_free(key)
    lib.ghostty_mouse_encoder_free(mouse_encoder)
    lib.ghostty_mouse_event_free(mouse)
