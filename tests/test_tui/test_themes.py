"""Palettes are whole, readable, and the only place where a colour stands."""

import re
from pathlib import Path

import pytest
from textual.color import Color

from themes import PaletteError, load, names, read, sheets
from tui.theming import choose, theme_of

_ROOT = Path(__file__).resolve().parents[2]
_GROUNDS = ("background", "surface", "panel")
_NOT_TEXT = ("background", "surface", "panel", "raised", "line", "on-accent", "terminal-background")


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours, as WCAG 2 defines it."""

    def luminance(colour: str) -> float:
        parts = [
            value / 12.92 if value <= 0.03928 else ((value + 0.055) / 1.055) ** 2.4
            for value in Color.parse(colour).normalized
        ]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def test_the_palettes_that_are_promised_exist_the_default_first() -> None:
    assert names()[0] == "quarterdeck-dark"
    assert {"quarterdeck-light", "high-contrast", "monochrome", "ansi"} <= set(names())


@pytest.mark.parametrize("name", names())
def test_every_palette_makes_a_theme(name: str) -> None:
    palette = load(name)
    theme = theme_of(palette)
    assert theme.name == palette.name == name
    assert theme.ansi == palette.ansi
    assert theme.variables["role-auditor"] == palette.colours["role-auditor"]


@pytest.mark.parametrize("name", [name for name in names() if not load(name).ansi])
def test_every_text_colour_stands_out_from_every_ground(name: str) -> None:
    palette = load(name)
    limit = 7.0 if name == "high-contrast" else 4.5
    for ground in _GROUNDS:
        for colour, value in palette.colours.items():
            if colour not in _NOT_TEXT:
                found = contrast(palette.colours[ground], value)
                assert found >= limit, f"{name}: {colour} on {ground} is {found:.2f}"


@pytest.mark.parametrize("name", [name for name in names() if not load(name).ansi])
def test_a_chosen_line_is_readable_too(name: str) -> None:
    colours = load(name).colours
    for colour in ("text", "muted", "key"):
        assert contrast(colours["raised"], colours[colour]) >= 4.5, colour


def test_roles_can_be_told_apart() -> None:
    for name in ("quarterdeck-dark", "quarterdeck-light", "high-contrast"):
        colours = load(name).colours
        roles = [colours[f"role-{role}"] for role in ("planner", "manager", "worker", "auditor", "exit-manager")]
        assert len(set(roles)) == 5


def test_no_colour_is_written_anywhere_else() -> None:
    literal = re.compile(r"#[0-9a-fA-F]{6}\b|#[0-9a-fA-F]{3}\b|\brgba?\(|\bhsla?\(|\bansi_(?!color\b)\w+", re.I)
    files = [*sheets(), *[path for folder in ("panes", "tui") for path in (_ROOT / folder).rglob("*.py")]]
    # A terminal pane's colours are those of the program in it, not ours.
    files = [path for path in files if not path.name.startswith("terminal_")]
    assert len(files) > 30
    found = {path.name: literal.findall(path.read_text("utf-8")) for path in files}
    assert {name: hits for name, hits in found.items() if hits} == {}


def test_sheets_name_colours_only_by_variables() -> None:
    named = re.compile(r"^\s*(?:color|background|border(?:-\w+)?|tint)\s*:\s*(.+);", re.M)
    allowed = {"none", "solid", "round", "double", "ascii", "outer", "tall"}
    for sheet in sheets():
        for value in named.findall(sheet.read_text("utf-8")):
            words = [word for word in value.split() if not word.startswith("$") and not word.endswith("%")]
            assert set(words) <= allowed, f"{sheet.name}: {value}"


def test_no_color_takes_the_terminals_own_two_colours() -> None:
    assert choose("quarterdeck-dark", {"NO_COLOR": ""}).name == "monochrome"
    assert choose("quarterdeck-light", {}).name == "quarterdeck-light"


@pytest.mark.parametrize(
    ("text", "says"),
    [("not toml [", "x.toml"), ('name = "x"', "lacks"), ('name = "x"\n[base]\nbackgrund = "red"', "backgrund")],
)
def test_a_wrong_palette_says_what_is_wrong_with_it(text: str, says: str) -> None:
    with pytest.raises(PaletteError, match=re.escape(says)):
        read(text, where="x.toml")


def test_an_unknown_palette_names_those_there_are() -> None:
    with pytest.raises(PaletteError, match="quarterdeck-dark"):
        load("sepia")
