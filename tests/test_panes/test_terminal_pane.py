"""The terminal pane shows what a program writes, frame by frame and in the theme's colours."""

import pytest
from rich.style import Style as RichStyle
from terminal_app import INK, PAPER, PaneApp, grow_quiet, settle
from textual import events
from textual.geometry import Region

from panes import terminal_pace
from panes.terminal import TerminalPane
from sessions.errors import AgentError
from sessions.terminal.emulator import Emulator
from sessions.terminal.notices import ClipboardRefused, Progress


def styles(app: PaneApp, y: int) -> list[tuple[str, RichStyle]]:
    """The segments of one line of the pane."""
    (strip,) = app.pane.render_lines(Region(0, y, app.pane.size.width, 1))
    return [(text, style or RichStyle()) for text, style, _ in strip]


class TestShowing:
    async def test_what_is_fed_is_shown(self) -> None:
        app = PaneApp()
        async with app.run_test(size=(30, 5)) as pilot:
            app.pane.feed("one\r\n中文 \x1b[31mtwo".encode())
            await settle(pilot, lambda: app.pane.lines()[1].startswith("中文 two"))

            assert app.pane.lines()[0].startswith("one")
            assert all(strip.cell_length == 30 for strip in app.pane.render_lines(Region(0, 0, 30, 5)))

    async def test_output_before_the_pane_is_on_screen_is_not_lost(self) -> None:
        app = PaneApp()
        app.pane.feed(b"early")
        async with app.run_test(size=(30, 5)) as pilot:
            await settle(pilot, lambda: app.pane.lines()[0].startswith("early"))

    async def test_a_hidden_pane_shows_all_when_it_comes_back(self) -> None:
        app = PaneApp()
        async with app.run_test(size=(30, 5)) as pilot:
            app.pane.display = False
            await pilot.pause()
            app.pane.feed(b"while hidden")
            await pilot.pause()
            app.pane.display = True
            await settle(pilot, lambda: "".join(app.pane.lines()).startswith("while hidden"))

    async def test_only_changed_rows_are_painted(self) -> None:
        app = PaneApp()
        async with app.run_test(size=(30, 10)) as pilot:
            app.pane.feed(b"\x1b[2;1Hfirst\x1b[9;1H")
            await settle(pilot, lambda: app.pane.lines()[1].startswith("first"))
            await grow_quiet(pilot, app.pane)
            app.pane.painted.clear()

            app.pane.feed(b"\x1b[5;1Hfifth\x1b[9;1H")
            await settle(pilot, lambda: app.pane.lines()[4].startswith("fifth"))
            rows = {y for regions in app.pane.painted for region in regions for y in range(region.y, region.bottom)}
            assert 4 in rows
            assert rows <= {4, 8}  # and the row of the cursor
            assert all(regions for regions in app.pane.painted)

    async def test_writing_the_same_again_paints_nothing(self) -> None:
        app = PaneApp()
        async with app.run_test(size=(30, 10)) as pilot:
            app.pane.feed(b"\x1b[2;1Hsame\x1b[9;1H")
            await settle(pilot, lambda: app.pane.lines()[1].startswith("same"))
            await grow_quiet(pilot, app.pane)
            app.pane.painted.clear()
            app.pane.feed(b"\x1b[2;1Hsame\x1b[9;1H\x07")
            await settle(pilot, lambda: any(isinstance(m, TerminalPane.Rang) for m in app.messages))
            await grow_quiet(pilot, app.pane)

            assert app.pane.painted == []

    async def test_a_held_update_is_shown_when_it_is_complete(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(terminal_pace, "LONGEST_HOLD", 1_000.0)
        app = PaneApp()
        async with app.run_test(size=(30, 5)) as pilot:
            app.pane.feed(b"\x1b[?2026hhalf")
            await pilot.pause(0.1)
            assert not app.pane.lines()[0].startswith("half")
            app.pane.feed(b" whole\x1b[?2026l")
            await settle(pilot, lambda: app.pane.lines()[0].startswith("half whole"))

    async def test_an_update_that_is_never_complete_is_shown_all_the_same(self) -> None:
        app = PaneApp()
        async with app.run_test(size=(30, 5)) as pilot:
            app.pane.feed(b"\x1b[?2026hhalf")
            await settle(pilot, lambda: app.pane.lines()[0].startswith("half"))

    async def test_an_echo_is_painted_at_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(terminal_pace, "ECHO", 60.0)
        app = PaneApp()
        async with app.run_test(size=(30, 5)) as pilot:
            app.pane.feed(b"output of its own")
            await grow_quiet(pilot, app.pane)
            assert app.pane.painted_at_once == 0

            await pilot.press("a")
            app.pane.feed(b"a")
            assert app.pane.painted_at_once == 1
            assert app.pane.lines()[0].startswith("output of its owna")


class TestColours:
    async def test_plain_text_has_the_themes_colours(self) -> None:
        app = PaneApp()
        async with app.run_test(size=(30, 5)) as pilot:
            app.pane.feed(b"\r\nplain \x1b[1;3;4;38;2;1;2;3;48;5;196mloud\x1b[0m")
            await settle(pilot, lambda: app.pane.lines()[1].startswith("plain"))
            (plain, base), (loud, style), *_ = styles(app, 1)

            assert plain == "plain "
            assert base.color is not None
            assert base.color.triplet == INK
            assert base.bgcolor is not None
            assert base.bgcolor.triplet == PAPER
            assert loud == "loud"
            assert (style.bold, style.italic, style.underline) == (True, True, True)
            assert style.color is not None
            assert style.color.triplet == (1, 2, 3)
            assert style.bgcolor is not None
            assert style.bgcolor.triplet == (255, 0, 0)

    async def test_the_sixteen_colours_are_the_themes(self) -> None:
        app = PaneApp()
        async with app.run_test(size=(30, 5)) as pilot:
            app.pane.feed(b"\r\n\x1b[31mred")
            await settle(pilot, lambda: app.pane.lines()[1].startswith("red"))
            (_, red), *_ = styles(app, 1)

            assert red.color is not None
            assert red.color.triplet == app.ansi_theme.ansi_colors[1]

    async def test_colours_the_program_sets_stand_over_the_themes(self) -> None:
        app = PaneApp()
        async with app.run_test(size=(30, 5)) as pilot:
            app.pane.feed(b"\r\nx\x1b]11;#0a0b0c\x07\x1b]10;#f0f1f2\x07\x1b]4;1;#010203\x07\x1b[31mred")
            await settle(pilot, lambda: app.pane.lines()[1].startswith("xred"))
            (_, base), (_, red), *_ = styles(app, 1)

            assert base.bgcolor is not None
            assert base.bgcolor.triplet == (10, 11, 12)
            assert base.color is not None
            assert base.color.triplet == (240, 241, 242)
            assert red.color is not None
            assert red.color.triplet == (1, 2, 3)

    async def test_hidden_text_is_not_sent_to_the_outer_terminal(self) -> None:
        app = PaneApp()
        async with app.run_test(size=(30, 5)) as pilot:
            app.pane.feed(b"\r\nshown\x1b[8msecret\x1b[0mshown")
            await settle(pilot, lambda: "shown" in app.pane.lines()[1])

            assert "secret" not in "".join(app.pane.lines())

    async def test_no_color_leaves_no_colours(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("NO_COLOR", "1")
        app = PaneApp()
        async with app.run_test(size=(30, 5)) as pilot:
            app.pane.feed(b"\r\n\x1b[31;44mred")
            await settle(pilot, lambda: app.pane.lines()[1].startswith("red"))
            (_, red), *_ = styles(app, 1)
            for colour in (red.color, red.bgcolor):
                assert colour is not None
                assert colour.triplet is not None
                assert len(set(colour.triplet)) == 1


class TestCursor:
    async def test_the_cursor_is_drawn_while_the_pane_has_the_focus(self) -> None:
        app = PaneApp()
        async with app.run_test(size=(30, 5)) as pilot:
            app.pane.feed("a中b\x1b[1;2H".encode())
            await settle(pilot, lambda: [t for t, style in styles(app, 0) if style.reverse] == ["中"])
            assert app.cursor_position == (1, 0)

            app.pane.blur()
            await settle(pilot, lambda: not any(style.reverse for _, style in styles(app, 0)))
            assert app.pane.lines()[0].startswith("a中b")

    async def test_a_hidden_cursor_is_not_drawn(self) -> None:
        app = PaneApp()
        async with app.run_test(size=(30, 5)) as pilot:
            app.pane.feed(b"a\x1b[?25l")
            await settle(pilot, lambda: app.pane.lines()[0].startswith("a"))

            assert not any(style.reverse for _, style in styles(app, 0))

    async def test_the_cursor_is_seen_on_reversed_text_and_as_a_line(self) -> None:
        app = PaneApp()
        async with app.run_test(size=(30, 5)) as pilot:
            app.pane.feed(b"\x1b[7mreversed\x1b[1;1H")
            await settle(pilot, lambda: styles(app, 0)[0][0] == "r")
            assert not styles(app, 0)[0][1].reverse
            app.pane.feed(b"\x1b[0m\x1b[2J\x1b[4 qline\x1b[1;1H")
            await settle(pilot, lambda: styles(app, 0)[0][0] == "l")
            assert styles(app, 0)[0][1].underline


class TestSize:
    async def test_the_pane_tells_its_size_and_emulates_it(self) -> None:
        app = PaneApp()
        async with app.run_test(size=(30, 5)) as pilot:
            await settle(pilot, lambda: any(isinstance(m, TerminalPane.Resized) for m in app.messages))
            await pilot.resize_terminal(50, 12)
            await settle(pilot, lambda: (app.pane.emulator.cols, app.pane.emulator.rows) == (50, 12))
            sizes = [(m.cols, m.rows) for m in app.messages if isinstance(m, TerminalPane.Resized)]

            assert sizes[0] == (30, 5)
            assert sizes[-1] == (50, 12)

    async def test_a_program_of_another_size_is_shown_as_far_as_it_fits(self) -> None:
        app = PaneApp()
        app.pane.owns_size = False
        other = Emulator(40, 8)
        other.feed(b"".join(b"%d" % (n % 10) * 40 for n in range(8)) + b"\x1b[8;3H")
        async with app.run_test(size=(30, 5)) as pilot:
            app.pane.load_snapshot(other.snapshot(), 40, 8)
            await settle(pilot, lambda: app.pane.lines()[4].startswith("7"))
            assert app.pane.lines() == [str(n) * 30 for n in range(3, 8)]

            await pilot.resize_terminal(60, 10)
            await settle(pilot, lambda: app.pane.lines()[0].startswith("0"))
            assert app.pane.lines()[:8] == [str(n) * 40 + " " * 20 for n in range(8)]
            assert not [m for m in app.messages if isinstance(m, TerminalPane.Resized)]

    async def test_a_pane_that_comes_to_own_the_size_tells_it(self) -> None:
        app = PaneApp()
        app.pane.owns_size = False
        async with app.run_test(size=(30, 5)) as pilot:
            await pilot.pause()
            app.pane.owns_size = True
            await settle(pilot, lambda: any(isinstance(m, TerminalPane.Resized) for m in app.messages))
            assert (app.pane.emulator.cols, app.pane.emulator.rows) == (30, 5)

    async def test_parts_of_the_pane_are_cut_by_cells(self) -> None:
        app = PaneApp()
        async with app.run_test(size=(30, 5)) as pilot:
            app.pane.feed("中文字".encode())
            await settle(pilot, lambda: app.pane.lines()[0].startswith("中文字"))
            (strip,) = app.pane.render_lines(Region(1, 0, 4, 1))

            assert (strip.text, strip.cell_length) == (" 文 ", 4)


class TestSnapshots:
    async def test_a_snapshot_takes_the_place_of_everything(self) -> None:
        app = PaneApp()
        other = Emulator(30, 5)
        other.feed(b"\x1b]0;its title\x07from the host\x1b[?2004h\x1b[3")
        async with app.run_test(size=(30, 5)) as pilot:
            app.pane.feed(b"old\r\nold\r\nold")
            app.pane.load_snapshot(other.snapshot(), 30, 5)
            app.pane.feed(b"1mred")
            await settle(pilot, lambda: app.pane.lines()[0].startswith("from the hostred"))
            await settle(pilot, lambda: any(isinstance(m, TerminalPane.TitleChanged) for m in app.messages))

            assert not app.pane.lines()[1].strip()
            assert app.pane.emulator.modes().bracketed_paste
            (title,) = [m.title for m in app.messages if isinstance(m, TerminalPane.TitleChanged)]
            assert title == "its title"

    async def test_the_bytes_of_a_recording_are_a_snapshot_too(self) -> None:
        app = PaneApp()
        async with app.run_test(size=(30, 5)) as pilot:
            app.pane.feed(b"old")
            app.pane.load_snapshot(b"\x1b[2;3Hnew", 30, 5)
            await settle(pilot, lambda: app.pane.lines()[1].startswith("  new"))
            assert not app.pane.lines()[0].strip()

    async def test_a_damaged_snapshot_leaves_the_pane_as_it_was(self) -> None:
        app = PaneApp()
        async with app.run_test(size=(30, 5)) as pilot:
            app.pane.feed(b"as it was")
            await settle(pilot, lambda: app.pane.lines()[0].startswith("as it was"))
            with pytest.raises(AgentError):
                app.pane.load_snapshot(Emulator(30, 5).snapshot()[:-9], 30, 5)
            assert app.pane.lines()[0].startswith("as it was")


class TestNotices:
    async def test_what_the_program_asks_for_becomes_a_message(self) -> None:
        app = PaneApp()
        async with app.run_test(size=(30, 5)) as pilot:
            app.pane.feed(b"\x07\x1b]0;title\x07\x1b]9;4;1;50\x07\x1b]52;c;aGk=\x07")
            await settle(pilot, lambda: sum(isinstance(m, TerminalPane.Noticed) for m in app.messages) == 2)

            assert [m.title for m in app.messages if isinstance(m, TerminalPane.TitleChanged)] == ["title"]
            assert sum(isinstance(m, TerminalPane.Rang) for m in app.messages) == 1
            noticed = [m.notice for m in app.messages if isinstance(m, TerminalPane.Noticed)]
            assert set(map(type, noticed)) == {Progress, ClipboardRefused}

    async def test_questions_of_the_program_are_left_to_the_host(self) -> None:
        app = PaneApp()
        async with app.run_test(size=(30, 5)) as pilot:
            app.pane.feed(b"\x1b[c\x1b[6nasked")
            await settle(pilot, lambda: app.pane.lines()[0].startswith("asked"))

            assert app.typed == b""


class TestScrolling:
    async def test_the_wheel_scrolls_and_a_key_returns(self) -> None:
        app = PaneApp()
        async with app.run_test(size=(30, 5)) as pilot:
            app.pane.feed(b"".join(b"line %d\r\n" % number for number in range(100)))
            await settle(pilot, lambda: app.pane.lines()[3].startswith("line 99"))
            wheel = events.MouseScrollUp(app.pane, 1, 1, 0, 0, 0, False, False, False)
            app.pane.post_message(wheel)
            await settle(pilot, lambda: app.pane.scrolled_back == 3)
            await settle(pilot, lambda: app.pane.lines()[3].startswith("line 96"))
            app.pane.feed(b"more\r\n")
            await settle(pilot, lambda: app.pane.scrolled_back == 4)
            assert app.pane.lines()[3].startswith("line 96")
            assert app.typed == b""

            await pilot.press("a")
            await settle(pilot, lambda: app.pane.scrolled_back == 0)
            await settle(pilot, lambda: app.pane.lines()[3].startswith("more"))
            assert app.typed == b"a"

    async def test_the_wheel_is_arrow_keys_for_full_screen_programs(self) -> None:
        app = PaneApp()
        async with app.run_test(size=(30, 5)) as pilot:
            app.pane.feed(b"\x1b[?1049h\x1b[?1h")
            app.pane.post_message(events.MouseScrollDown(app.pane, 1, 1, 0, 0, 0, False, False, False))
            await settle(pilot, lambda: app.typed)

            assert app.typed == b"\x1bOB" * 3
