"""Keys, mouse, pastes and focus become the bytes a program expects in the modes it has set."""

import pytest

from sessions.terminal.emulator import Emulator
from sessions.terminal.keys import KeyPress, Modifiers, MouseInput

CTRL, ALT, SHIFT = Modifiers(ctrl=True), Modifiers(alt=True), Modifiers(shift=True)


def emulator(modes: bytes = b"") -> Emulator:
    made = Emulator(80, 24)
    made.feed(modes)
    return made


@pytest.mark.parametrize(
    ("press", "plain", "kitty"),
    [
        (KeyPress("a", text="a", unshifted="a"), b"a", b"a"),
        (KeyPress("a", SHIFT, "A", "a"), b"A", b"A"),
        (KeyPress("c", CTRL, "c", "c"), b"\x03", b"\x1b[99;5u"),
        (KeyPress("b", ALT, "b", "b"), b"\x1bb", b"\x1b[98;3u"),
        (KeyPress("space", CTRL, " ", " "), b"\x00", b"\x1b[32;5u"),
        (KeyPress("enter"), b"\r", b"\r"),
        (KeyPress("enter", ALT), b"\x1b\r", b"\x1b[13;3u"),
        (KeyPress("enter", SHIFT), b"\x1b[27;2;13~", b"\x1b[13;2u"),
        (KeyPress("tab", SHIFT), b"\x1b[Z", b"\x1b[9;2u"),
        (KeyPress("backspace"), b"\x7f", b"\x7f"),
        (KeyPress("escape"), b"\x1b", b"\x1b[27u"),
        (KeyPress("arrow_up"), b"\x1b[A", b"\x1b[A"),
        (KeyPress("arrow_left", CTRL), b"\x1b[1;5D", b"\x1b[1;5D"),
        (KeyPress("f5"), b"\x1b[15~", b"\x1b[15~"),
        (KeyPress("delete"), b"\x1b[3~", b"\x1b[3~"),
        (KeyPress("unidentified", text="é", unshifted="é"), "é".encode(), "é".encode()),
        (KeyPress("unidentified", text="你好"), "你好".encode(), "你好".encode()),
    ],
)
def test_keys(press: KeyPress, plain: bytes, kitty: bytes) -> None:
    assert emulator().encode_key(press) == plain
    assert emulator(b"\x1b[>1u").encode_key(press) == kitty


def test_cursor_keys_follow_the_application_mode() -> None:
    assert emulator(b"\x1b[?1h").encode_key(KeyPress("arrow_up")) == b"\x1bOA"


def test_an_unknown_key_sends_nothing() -> None:
    assert emulator().encode_key(KeyPress("no_such_key")) == b""


@pytest.mark.parametrize(
    ("text", "plain", "bracketed"),
    [
        ("hello", b"hello", b"\x1b[200~hello\x1b[201~"),
        ("a\r\nb", b"a\rb", b"\x1b[200~a\nb\x1b[201~"),
        ("tab\t", b"tab\t", b"\x1b[200~tab\t\x1b[201~"),
        ("中 e\u0301", "中 e\u0301".encode(), b"\x1b[200~" + "中 e\u0301".encode() + b"\x1b[201~"),
    ],
)
def test_pastes(text: str, plain: bytes, bracketed: bytes) -> None:
    assert emulator().encode_paste(text) == plain
    assert emulator(b"\x1b[?2004h").encode_paste(text) == bracketed


@pytest.mark.parametrize("text", ["a\x1b[201~\rrm -rf x\r", "\x1b]52;c;x\x07", "a\x7fb\x00", "a\u009b201~b"])
def test_a_paste_cannot_break_out_of_its_brackets(text: str) -> None:
    data = emulator(b"\x1b[?2004h").encode_paste(text)
    inside = data.removeprefix(b"\x1b[200~").removesuffix(b"\x1b[201~")

    assert len(data) - len(inside) == 12
    assert b"\x1b" not in inside
    assert "\u009b".encode() not in inside
    assert b"\x00" not in inside


def test_a_megabyte_is_pasted_whole() -> None:
    text = "0123456789abcde\n" * 65_536

    assert emulator(b"\x1b[?2004h").encode_paste(text) == b"\x1b[200~" + text.encode() + b"\x1b[201~"


@pytest.mark.parametrize(
    ("modes", "mouse", "data"),
    [
        (b"", MouseInput("press", 1, 3, 4), b""),
        (b"\x1b[?1000h\x1b[?1006h", MouseInput("press", 1, 3, 4), b"\x1b[<0;4;5M"),
        (b"\x1b[?1000h\x1b[?1006h", MouseInput("release", 1, 3, 4), b"\x1b[<0;4;5m"),
        (b"\x1b[?1000h\x1b[?1006h", MouseInput("press", 2, 0, 0), b"\x1b[<2;1;1M"),
        (b"\x1b[?1000h\x1b[?1006h", MouseInput("press", 3, 0, 0, CTRL), b"\x1b[<17;1;1M"),
        (b"\x1b[?1000h\x1b[?1006h", MouseInput("press", 4, 79, 23), b"\x1b[<64;80;24M"),
        (b"\x1b[?1000h\x1b[?1006h", MouseInput("press", 5, 9, 9), b"\x1b[<65;10;10M"),
        (b"\x1b[?1000h\x1b[?1006h", MouseInput("motion", 1, 3, 4, held=True), b""),
        (b"\x1b[?1002h\x1b[?1006h", MouseInput("motion", 1, 3, 4, held=True), b"\x1b[<32;4;5M"),
        (b"\x1b[?1002h\x1b[?1006h", MouseInput("motion", 0, 3, 4), b""),
        (b"\x1b[?1003h\x1b[?1006h", MouseInput("motion", 0, 3, 4), b"\x1b[<35;4;5M"),
        (b"\x1b[?1000h", MouseInput("press", 1, 3, 4), b"\x1b[M $%"),
    ],
)
def test_the_mouse_goes_to_programs_that_asked_for_it(modes: bytes, mouse: MouseInput, data: bytes) -> None:
    assert emulator(modes).encode_mouse(mouse) == data


def test_focus_is_told_to_programs_that_asked() -> None:
    assert emulator().encode_focus(gained=True) == b""
    asking = emulator(b"\x1b[?1004h")
    assert (asking.encode_focus(gained=True), asking.encode_focus(gained=False)) == (b"\x1b[I", b"\x1b[O")
