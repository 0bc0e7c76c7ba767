"""Every key but the reserved ones, pastes, the mouse and the focus reach the program in the focused pane."""

import pytest
from terminal_app import PaneApp, settle
from textual import constants, events
from textual._xterm_parser import XTermParser

from panes.terminal import RESERVED
from panes.terminal_keys import key_press
from sessions.terminal.emulator import Emulator


@pytest.mark.parametrize(
    ("key", "data"),
    [
        ("a", b"a"),
        ("A", b"A"),
        ("x", b"x"),  # bound by the app
        ("é", "é".encode()),
        ("中", "中".encode()),
        ("1", b"1"),
        ("full_stop", b"."),
        ("slash", b"/"),
        ("exclamation_mark", b"!"),
        ("space", b" "),
        ("enter", b"\r"),
        ("tab", b"\t"),  # moves the focus elsewhere in the app
        ("shift+tab", b"\x1b[Z"),
        ("escape", b"\x1b"),
        ("backspace", b"\x7f"),
        ("delete", b"\x1b[3~"),
        ("up", b"\x1b[A"),
        ("ctrl+right", b"\x1b[1;5C"),
        ("home", b"\x1b[H"),
        ("pagedown", b"\x1b[6~"),
        ("f2", b"\x1bOQ"),  # bound by the app
        ("f12", b"\x1b[24~"),
        ("ctrl+c", b"\x03"),
        ("ctrl+q", b"\x11"),  # quits a Textual app
        ("ctrl+p", b"\x10"),  # opens its palette
        ("ctrl+z", b"\x1a"),
        ("ctrl+@", b"\x00"),
        ("ctrl+backslash", b"\x1c"),
        ("ctrl+right_square_bracket", b"\x1d"),
        ("ctrl+underscore", b"\x1f"),
        ("alt+b", b"\x1bb"),
        ("alt+enter", b"\x1b\r"),
        ("shift+enter", b"\x1b[27;2;13~"),
        ("ctrl+alt+a", b"\x1b\x01"),
    ],
)
async def test_keys_reach_the_program_and_not_the_app(key: str, data: bytes) -> None:
    app = PaneApp()
    async with app.run_test(size=(30, 5)) as pilot:
        await pilot.press(key)
        await settle(pilot, lambda: app.typed)

        assert app.typed == data
        assert app.noted == []
        assert app.is_running


@pytest.mark.parametrize("key", sorted(RESERVED))
async def test_reserved_keys_are_the_apps(key: str) -> None:
    app = PaneApp()
    async with app.run_test(size=(30, 5)) as pilot:
        assert not app.pane.check_consume_key(key, None)
        await pilot.press(key)
        await pilot.press("a")
        await settle(pilot, lambda: app.typed)

        assert app.noted == [key]
        assert app.typed == b"a"


async def test_the_app_decides_which_keys_are_reserved() -> None:
    app = PaneApp()
    async with app.run_test(size=(30, 5)) as pilot:
        app.pane.reserved = frozenset({"f2"})
        await pilot.press("f2")
        await pilot.press("ctrl+g")
        await settle(pilot, lambda: app.typed)

        assert app.noted == ["f2"]
        assert app.typed == b"\x07"


async def test_a_read_only_pane_leaves_everything_to_the_app() -> None:
    app = PaneApp()
    async with app.run_test(size=(30, 5)) as pilot:
        app.pane.feed(b"\x1b[?1000h\x1b[?1004h")
        app.pane.read_only = True
        await pilot.press("x")
        app.pane.post_message(events.Paste("pasted"))
        await pilot.click(app.pane)
        app.pane.blur()
        await pilot.pause(0.05)

        assert app.noted == ["x"]
        assert app.typed == b""


# What a legacy terminal sends, as Textual's own parser reads it, must come out as it came in.
RAW = [
    *(bytes([code]) for code in range(1, 27) if code not in (8, 9, 10, 13)),
    *(bytes([code]) for code in range(32, 127)),
    # Textual takes alt+b and alt+f for ctrl+left and ctrl+right, which shells obey in the same way.
    *(b"\x1b" + bytes([code]) for code in b"acdeghijklmnopqrstuvwxyz"),
    b"\r",
    b"\t",
    b"\x7f",
    b"\x1b[A",
    b"\x1b[B",
    b"\x1b[C",
    b"\x1b[D",
    b"\x1b[Z",
    b"\x1b[H",
    b"\x1b[F",
    b"\x1b[3~",
    b"\x1b[5~",
    b"\x1b[6~",
    b"\x1b[1;5A",
    b"\x1b[1;5D",
    b"\x1b[1;2C",
    b"\x1bOP",
    b"\x1bOQ",
    b"\x1b[15~",
    b"\x1b[24~",
    "ü".encode(),
    "中".encode(),
]


@pytest.mark.parametrize("raw", RAW, ids=repr)
def test_what_the_outer_terminal_sent_is_what_the_program_gets(raw: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "ESCAPE_DELAY", 0.0)  # the parser waits whether an escape is a key of its own
    parser = XTermParser()
    read = [*parser.feed(raw.decode()), *parser.tick()]
    keys = [event for event in read if isinstance(event, events.Key)]

    assert len(keys) == 1
    assert Emulator(80, 24).encode_key(key_press(keys[0])) == raw


async def test_a_paste_is_bracketed_when_the_program_asked() -> None:
    app = PaneApp()
    async with app.run_test(size=(30, 5)) as pilot:
        app.pane.post_message(events.Paste("a\nb"))
        await settle(pilot, lambda: app.typed == b"a\rb")
        app.messages.clear()
        app.pane.feed(b"\x1b[?2004h")
        app.pane.post_message(events.Paste("a\nb\x1b[201~"))
        await settle(pilot, lambda: app.typed)

        assert app.typed.startswith(b"\x1b[200~a\nb")
        assert app.typed.count(b"\x1b[201~") == 1


async def test_the_mouse_reaches_programs_that_asked() -> None:
    app = PaneApp()
    async with app.run_test(size=(30, 5)) as pilot:
        await pilot.click(app.pane, offset=(3, 2))
        assert app.typed == b""

        app.pane.feed(b"\x1b[?1000h\x1b[?1006h")
        await pilot.mouse_down(app.pane, offset=(3, 2))
        await pilot.mouse_up(app.pane, offset=(3, 2))
        app.pane.post_message(events.MouseScrollUp(app.pane, 4, 1, 0, 0, 0, False, False, False))
        app.pane.post_message(events.MouseScrollDown(app.pane, 4, 1, 0, 0, 0, False, False, False))
        await settle(pilot, lambda: app.typed.endswith(b"\x1b[<65;5;2M"))

        assert app.typed == b"\x1b[<0;4;3M\x1b[<0;4;3m\x1b[<64;5;2M\x1b[<65;5;2M"
        assert app.pane.scrolled_back == 0


async def test_a_drag_is_told_once_for_each_cell() -> None:
    app = PaneApp()
    async with app.run_test(size=(30, 5)) as pilot:
        app.pane.feed(b"\x1b[?1002h\x1b[?1006h")
        for column in (3, 3, 4):
            app.pane.post_message(events.MouseMove(app.pane, column, 1, 0, 0, 1, False, False, False))
        await settle(pilot, lambda: app.typed.endswith(b"\x1b[<32;5;2M"))

        assert app.typed == b"\x1b[<32;4;2M\x1b[<32;5;2M"


async def test_focus_is_told_to_programs_that_asked() -> None:
    app = PaneApp()
    async with app.run_test(size=(30, 5)) as pilot:
        app.pane.feed(b"\x1b[?1004h")
        app.pane.blur()
        await settle(pilot, lambda: app.typed == b"\x1b[O")
        app.pane.focus()
        await settle(pilot, lambda: app.typed == b"\x1b[O\x1b[I")
