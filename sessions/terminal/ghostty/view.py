"""The part of a terminal that is shown: its changed rows, its cursor and its colours, read once a frame."""

from __future__ import annotations

import weakref
from typing import Any, cast

from sessions.errors import AgentError
from sessions.terminal.ghostty.cells import read_row, safe_link
from sessions.terminal.ghostty.library import Library
from sessions.terminal.screen import (
    Colour,
    Colours,
    Cursor,
    CursorShape,
    Rgb,
    Row,
    Style,
    Underline,
)

_UNDERLINES: tuple[Underline, ...] = ("none", "single", "double", "curly", "dotted", "dashed")
_SHAPES: tuple[CursorShape, ...] = ("bar", "block", "underline", "hollow")
_MOST_STYLES = 4096
"""Styles remembered; a program that paints gradients makes millions."""

_REVERSED = 5
"""DECSCNM, the mode that exchanges foreground and background of the whole screen."""


class View:
    """Reads what a terminal shows. Belongs to one terminal handle; not safe for two threads at once."""

    def __init__(self, library: Library, terminal: Any) -> None:
        self._ffi, self._lib = library.ffi, library.lib
        self._grid_ref = library.grid_ref
        self._terminal = terminal
        ffi, lib = self._ffi, self._lib
        self._state = ffi.new("GhosttyRenderState*")
        self._rows = ffi.new("GhosttyRenderStateRowIterator*")
        self._cells = ffi.new("GhosttyRenderStateRowCells*")
        made = (
            lib.ghostty_render_state_new(ffi.NULL, self._state)
            or lib.ghostty_render_state_row_iterator_new(ffi.NULL, self._rows)
            or lib.ghostty_render_state_row_cells_new(ffi.NULL, self._cells)
        )
        if made:
            raise AgentError(f"The terminal emulator gave no view (error {made}).", next="Close other programs.")
        self.close = weakref.finalize(self, _free, lib, self._state[0], self._rows[0], self._cells[0])
        self.close.atexit = False
        self._y = ffi.new("uint16_t*")
        self._raw = ffi.new("GhosttyCellsView*")
        self._style = _sized(ffi, "GhosttyStyle")
        self._cursor = _sized(ffi, "GhosttyRenderStateCursor")
        self._render_colours = _sized(ffi, "GhosttyRenderStateColors")
        self._cluster = ffi.new("GhosttyBuffer*")
        self._cluster_room = ffi.new("uint8_t[]", 1024)
        self._ref = _sized(ffi, "GhosttyGridRef")
        self._point = ffi.new("QuarterdeckPoint*")
        self._point.tag = lib.GHOSTTY_POINT_TAG_VIEWPORT
        self._address = ffi.new("uint8_t[]", 4096)
        self._length = ffi.new("size_t*")
        self._styles: dict[bytes, Style] = {}
        self._colours = Colours()
        self._colours_key = b""

    def changed_rows(self) -> dict[int, Row]:
        """Give the rows that changed since the last call, by line. Reading them uses them up."""
        lib = self._lib
        rows: dict[int, Row] = {}
        lib.ghostty_render_state_update(self._state[0], self._terminal)
        lib.ghostty_render_state_get(self._state[0], lib.GHOSTTY_RENDER_STATE_DATA_ROW_ITERATOR, self._rows)
        while lib.ghostty_render_state_row_iterator_next_dirty(self._rows[0], self._y):
            y = int(self._y[0])
            rows[y] = self._read(y)
        lib.ghostty_render_state_clean(self._state[0])
        return rows

    def cursor(self) -> Cursor:
        """Give the cursor as of the last `changed_rows`."""
        found = self._cursor
        self._lib.ghostty_render_state_get(self._state[0], self._lib.GHOSTTY_RENDER_STATE_DATA_CURSOR, found)
        shape = int(found.visual_style)
        return Cursor(
            x=max(0, found.viewport_x - bool(found.wide_tail)) if found.viewport_has_value else 0,
            y=found.viewport_y if found.viewport_has_value else 0,
            visible=bool(found.visible and found.viewport_has_value),
            shape=_SHAPES[shape] if shape < len(_SHAPES) else "block",
            blinking=bool(found.blinking),
            hides_input=bool(found.password_input),
        )

    def colours(self, *, reversed_screen: bool) -> Colours:
        """Give the colours the program set, as of the last `changed_rows`; the same object while they are
        equal.
        """
        lib, ffi = self._lib, self._ffi
        lib.ghostty_render_state_get(self._state[0], lib.GHOSTTY_RENDER_STATE_DATA_COLORS, self._render_colours)
        key = bytes(ffi.buffer(self._render_colours)) + bytes([reversed_screen])
        if key != self._colours_key:
            self._colours_key = key
            self._colours = Colours(
                foreground=self._override("FOREGROUND"),
                background=self._override("BACKGROUND"),
                cursor=self._override("CURSOR"),
                palette=self._palette_overrides(),
                reversed=reversed_screen,
            )
        return self._colours

    def _override(self, name: str) -> Rgb | None:
        """The colour a program set over the default; None while the default stands."""
        found, default = (
            self._terminal_colour(f"COLOR_{name}"),
            self._terminal_colour(f"COLOR_{name}_DEFAULT"),
        )
        return found if found != default else None

    def _terminal_colour(self, name: str) -> Rgb | None:
        out = self._ffi.new("GhosttyColorRgb*")
        key = getattr(self._lib, f"GHOSTTY_TERMINAL_DATA_{name}")
        return None if self._lib.ghostty_terminal_get(self._terminal, key, out) else (out.r, out.g, out.b)

    def _palette_overrides(self) -> tuple[tuple[int, Rgb], ...]:
        lib, ffi = self._lib, self._ffi
        now, default = ffi.new("GhosttyColorRgb[256]"), ffi.new("GhosttyColorRgb[256]")
        lib.ghostty_terminal_get(self._terminal, lib.GHOSTTY_TERMINAL_DATA_COLOR_PALETTE, now)
        lib.ghostty_terminal_get(self._terminal, lib.GHOSTTY_TERMINAL_DATA_COLOR_PALETTE_DEFAULT, default)
        old, new = bytes(ffi.buffer(default)), bytes(ffi.buffer(now))
        entries = ((index, new[index * 3 : index * 3 + 3]) for index in range(256))
        return tuple(
            (index, (rgb[0], rgb[1], rgb[2])) for index, rgb in entries if rgb != old[index * 3 : index * 3 + 3]
        )

    def _read(self, y: int) -> Row:
        lib, row = self._lib, self._rows[0]
        lib.ghostty_render_state_row_get(row, lib.GHOSTTY_RENDER_STATE_ROW_DATA_CELLS_RAW, self._raw)
        raw = cast("bytes", self._ffi.buffer(self._raw.ptr, self._raw.len * 8)[:])
        # Style ids belong to a page of the library's memory and are used again: they mean something within a
        # row only.
        styles: dict[int, Style] = {}
        placed = False

        def select(column: int) -> None:
            nonlocal placed
            if not placed:
                lib.ghostty_render_state_row_get(row, lib.GHOSTTY_RENDER_STATE_ROW_DATA_CELLS, self._cells)
                placed = True
            lib.ghostty_render_state_row_cells_select(self._cells[0], column)

        def style_at(column: int) -> Style:
            number = int.from_bytes(raw[column * 8 : column * 8 + 8], "little") >> 26 & 0xFFFF
            if number not in styles:
                select(column)
                styles[number] = self._selected_style()
            return styles[number]

        def cluster_at(column: int) -> str:
            select(column)
            return self._selected_cluster()

        return read_row(raw, style_at, cluster_at, lambda column: self._link_at(column, y))

    def _selected_style(self) -> Style:
        lib = self._lib
        lib.ghostty_render_state_row_cells_get(
            self._cells[0], lib.GHOSTTY_RENDER_STATE_ROW_CELLS_DATA_STYLE, self._style
        )
        key = bytes(self._ffi.buffer(self._style))
        style = self._styles.get(key)
        if style is None:
            if len(self._styles) >= _MOST_STYLES:
                self._styles.clear()
            style = self._styles[key] = _read_style(self._style)
        return style

    def _selected_cluster(self) -> str:
        found, room = self._cluster, self._cluster_room
        found.ptr, found.cap, found.len = room, len(room), 0
        failed = self._lib.ghostty_render_state_row_cells_get(
            self._cells[0], self._lib.GHOSTTY_RENDER_STATE_ROW_CELLS_DATA_GRAPHEMES_UTF8, found
        )
        # Too long for the room: thousands of marks on one letter. The replacement character says that
        # something is there.
        return "\ufffd" if failed else bytes(self._ffi.buffer(room, found.len)).decode(errors="replace")

    def _link_at(self, column: int, y: int) -> str:
        self._point.value.x, self._point.value.y = column, y
        failed = self._grid_ref(self._terminal, self._point[0], self._ref) or (
            self._lib.ghostty_grid_ref_hyperlink_uri(self._ref, self._address, len(self._address), self._length)
        )
        if failed:
            return ""
        return safe_link(bytes(self._ffi.buffer(self._address, self._length[0])).decode(errors="replace"))


def _free(lib: Any, state: Any, rows: Any, cells: Any) -> None:
    lib.ghostty_render_state_row_cells_free(cells)
    lib.ghostty_render_state_row_iterator_free(rows)
    lib.ghostty_render_state_free(state)


def _sized(ffi: Any, name: str) -> Any:
    """Make a structure whose first field tells the library its size."""
    made = ffi.new(f"{name}*")
    made.size = ffi.sizeof(name)
    return made


def _read_style(found: Any) -> Style:
    underline = int(found.underline)
    return Style(
        foreground=_read_colour(found.fg_color),
        background=_read_colour(found.bg_color),
        bold=bool(found.bold),
        dim=bool(found.faint),
        italic=bool(found.italic),
        blink=bool(found.blink),
        inverse=bool(found.inverse),
        invisible=bool(found.invisible),
        strike=bool(found.strikethrough),
        overline=bool(found.overline),
        underline=_UNDERLINES[underline] if 0 <= underline < len(_UNDERLINES) else "single",
        underline_colour=_read_colour(found.underline_color),
    )


def _read_colour(found: Any) -> Colour:
    if found.tag == 1:  # GHOSTTY_STYLE_COLOR_PALETTE
        return int(found.value.palette)
    if found.tag == 2:  # GHOSTTY_STYLE_COLOR_RGB
        rgb = found.value.rgb
        return rgb.r, rgb.g, rgb.b
    return None
