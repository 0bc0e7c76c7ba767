"""Palettes and style sheets, as data. Knows no Textual: whoever draws turns a palette into its own kind of theme."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, cast

_FOLDER = Path(__file__).parent

SECTIONS: Mapping[str, tuple[str, ...]] = {
    "base": (
        "background",
        "surface",
        "panel",
        "raised",
        "text",
        "muted",
        "line",
        "accent",
        "focus",
        "key",
        "on-accent",
    ),
    "role": ("planner", "manager", "worker", "auditor", "exit-manager", "user", "other"),
    "state": ("idle", "ready", "thinking", "tool", "waiting", "halted", "done", "failed", "exited", "unknown"),
    "verdict": ("pass", "fail", "partial"),
    "terminal": ("foreground", "background"),
}
"""What every palette must name, by section; nothing else is allowed."""


class PaletteError(Exception):
    """A palette is unknown or its file is not right: what is wrong, and in which file."""


@dataclass(frozen=True, slots=True)
class Palette:
    """A set of colours. `colours` holds `section-name` to colour, the `base` section without its prefix.

    A colour is `#rrggbb`, or for an `ansi` palette one of the terminal's own colours by Textual's name for it.
    """

    name: str
    title: str
    dark: bool
    ansi: bool
    colours: Mapping[str, str]


def names() -> list[str]:
    """Return the names of the palettes that come with Quarterdeck, the default first."""
    found = sorted(path.stem for path in _FOLDER.glob("*.toml"))
    return sorted(found, key=lambda name: name != "quarterdeck-dark")


@cache
def load(name: str) -> Palette:
    """Return a palette by its name.

    Raises:
        PaletteError: If there is none of that name.
    """
    if name not in names():
        raise PaletteError(f"there is no palette called {name!r}; there are {', '.join(names())}")
    path = _FOLDER / f"{name}.toml"
    return read(path.read_text("utf-8"), where=path.name)


def read(text: str, *, where: str) -> Palette:
    """Return the palette written in `text`; `where` names its file in errors.

    Raises:
        PaletteError: If it is not TOML, or a colour is missing, unknown or not a word.
    """
    try:
        data: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PaletteError(f"{where}: {error}") from error
    colours: dict[str, str] = {}
    for section, expected in SECTIONS.items():
        given = cast("dict[str, Any]", data.get(section, {}))
        missing = [name for name in expected if name not in given]
        unknown = [name for name in given if name not in expected]
        if missing or unknown:
            raise PaletteError(
                f"{where}: [{section}] lacks {missing or 'nothing'} and does not know {unknown or 'nothing'}"
            )
        for name, colour in given.items():
            if not isinstance(colour, str):
                raise PaletteError(f"{where}: {section}.{name} must be a colour in quotes")
            colours[name if section == "base" else f"{section}-{name}"] = colour
    return Palette(
        name=str(data.get("name", where)),
        title=str(data.get("title", data.get("name", where))),
        dark=bool(data.get("dark", True)),
        ansi=bool(data.get("ansi", False)),
        colours=colours,
    )


def sheets() -> list[Path]:
    """Return the style sheets, in the order in which they are to be read."""
    return sorted((_FOLDER / "sheets").rglob("*.tcss"))
