"""Palettes as Textual themes, and which palette fits the terminal."""

from collections.abc import Mapping

from textual.theme import Theme

from themes import Palette, load


def choose(name: str, environ: Mapping[str, str]) -> Palette:
    """Return the palette to start with: the named one, or monochrome where the person asks for no colour.

    A palette of the terminal's own colours must be chosen before the app exists (`facts`: switching later under
    NO_COLOR draws black on black), hence a function of its own.

    Raises:
        PaletteError: If there is no palette of that name.
    """
    if environ.get("NO_COLOR") is not None:
        return load("monochrome")
    return load(name)


def theme_of(palette: Palette) -> Theme:
    """Return the Textual theme of a palette; every colour is a variable of its own name, such as `$role-auditor`."""
    colour = palette.colours
    return Theme(
        name=palette.name,
        primary=colour["accent"],
        secondary=colour["role-auditor"],
        accent=colour["accent"],
        warning=colour["state-waiting"],
        error=colour["state-failed"],
        success=colour["state-done"],
        foreground=colour["text"],
        background=colour["background"],
        surface=colour["surface"],
        panel=colour["panel"],
        dark=palette.dark,
        ansi=palette.ansi,
        variables={**_widgets(palette), **_ours(palette)},
    )


def _ours(palette: Palette) -> dict[str, str]:
    """Return the palette's own names; those of Textual's names keep Textual's meaning."""
    taken = {"background", "surface", "panel", "accent", "text"}
    ours = {name: colour for name, colour in palette.colours.items() if name not in taken}
    return {**ours, "ink": palette.colours["text"], "sea": palette.colours["surface"], "bar": palette.colours["panel"]}


def _widgets(palette: Palette) -> dict[str, str]:
    """Return what the library's own widgets are painted with."""
    colour = palette.colours
    return {
        # The library's own sheets ask for these two when a theme has the terminal's colours.
        "ansi-background": colour["background"],
        "ansi-foreground": colour["text"],
        "block-cursor-foreground": colour["text"],
        "block-cursor-background": colour["raised"],
        "block-cursor-text-style": "reverse" if palette.ansi else "bold",
        "block-cursor-blurred-foreground": colour["text"],
        "block-cursor-blurred-background": colour["raised"],
        "block-hover-background": colour["raised"],
        "input-cursor-background": colour["text"],
        "input-cursor-foreground": colour["background"],
        "input-selection-background": colour["raised"],
        "scrollbar": colour["line"],
        "scrollbar-hover": colour["muted"],
        "scrollbar-active": colour["focus"],
        "scrollbar-background": colour["surface"],
        "scrollbar-background-hover": colour["surface"],
        "scrollbar-background-active": colour["surface"],
        "scrollbar-corner-color": colour["surface"],
    }
