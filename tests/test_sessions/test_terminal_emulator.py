"""The emulator: what programs write becomes rows, runs, a cursor, modes, notices and replies."""

import pytest

from sessions.errors import AgentError
from sessions.terminal.emulator import Emulator
from sessions.terminal.notices import (
    Bell,
    ClipboardRefused,
    FolderChanged,
    Notification,
    ProgramStatus,
    Progress,
    TitleChanged,
    foreign_text,
)
from sessions.terminal.screen import PLAIN, Cursor, Row, Run, Style


def shown(data: bytes, cols: int = 20, rows: int = 3) -> tuple[Row, ...]:
    """The screen after a program wrote the data, without the blank end of each row."""
    emulator = Emulator(cols, rows)
    emulator.feed(data)
    return emulator.screen()


def styled(row: Row) -> list[tuple[str, Style]]:
    """A row's runs that are not blank and plain."""
    return [(run.text, run.style) for run in row.runs if run.style != PLAIN or run.text.strip()]


class TestStyles:
    @pytest.mark.parametrize(
        ("sgr", "style"),
        [
            ("31", Style(foreground=1)),
            ("91;104", Style(foreground=9, background=12)),
            ("38;5;200;48;5;17", Style(foreground=200, background=17)),
            ("38;2;1;2;3;48;2;4;5;6", Style(foreground=(1, 2, 3), background=(4, 5, 6))),
            ("1", Style(bold=True)),
            ("2;3", Style(dim=True, italic=True)),
            ("5", Style(blink=True)),
            ("7", Style(inverse=True)),
            ("8", Style(invisible=True)),
            ("9;53", Style(strike=True, overline=True)),
            ("4", Style(underline="single")),
            ("21", Style(underline="double")),
            ("4:3", Style(underline="curly")),
            ("4:4", Style(underline="dotted")),
            ("4:5;58:2::9:8:7", Style(underline="dashed", underline_colour=(9, 8, 7))),
            ("4;58:5:3", Style(underline="single", underline_colour=3)),
        ],
    )
    def test_sgr_is_carried_by_the_run_it_styles(self, sgr: str, style: Style) -> None:
        rows = shown(f"a\x1b[{sgr}mbc\x1b[0md".encode())

        assert rows[0].runs[:2] == (Run("a", PLAIN, 1), Run("bc", style, 2))
        assert rows[0].runs[2].text.startswith("d")

    def test_runs_cover_every_cell_of_every_row(self) -> None:
        rows = shown("\x1b[31mred\x1b[0m 中文 \x1b[44m\x1b[K\r\n\x1b[0me\u0301\r\nplain".encode())

        assert [sum(run.cells for run in row.runs) for row in rows] == [20, 20, 20]

    def test_erasing_with_a_background_colours_cells_without_text(self) -> None:
        rows = shown(b"ab\x1b[44m\x1b[K\r\n\x1b[48;2;9;9;9m\x1b[2K")

        assert rows[0].runs == (Run("ab", PLAIN, 2), Run(" " * 18, Style(background=4), 18))
        assert rows[1].runs == (Run(" " * 20, Style(background=(9, 9, 9)), 20),)

    def test_links_end_where_the_program_ends_them(self) -> None:
        link = "\x1b]8;;http://a/1\x1b\\one\x1b]8;;http://a/2\x1b\\two\x1b]8;;\x1b\\ three"
        rows = shown(link.encode())

        assert styled(rows[0])[:2] == [
            ("one", Style(link="http://a/1")),
            ("two", Style(link="http://a/2")),
        ]
        assert rows[0].runs[2].style == PLAIN

    @pytest.mark.parametrize("address", ["javascript:alert(1)", "http://a/\u202e", "data:text/html,x", "x" * 3000])
    def test_links_of_another_kind_are_plain_text(self, address: str) -> None:
        rows = shown(f"\x1b]8;;{address}\x1b\\link\x1b]8;;\x1b\\".encode())

        assert rows[0].text.startswith("link")
        assert {run.style.link for run in rows[0].runs} == {""}


class TestText:
    def test_wide_characters_cover_two_cells(self) -> None:
        row = shown("中文a".encode())[0]

        assert row.runs[0].text.rstrip() == "中文a"
        assert row.runs[0].pieces[:6] == ("中", "", "文", "", "a", " ")

    def test_a_wide_character_that_does_not_fit_starts_the_next_row(self) -> None:
        rows = shown("abc中".encode(), cols=4)

        assert [row.text for row in rows[:2]] == ["abc ", "中  "]

    def test_combining_marks_and_joined_emoji_stay_in_their_cell(self) -> None:
        family = "\N{MAN}\u200d\N{WOMAN}\u200d\N{GIRL}"
        row = shown(f"\x1b[?2027h{family}e\u0301x".encode())[0]

        assert row.runs[0].pieces[:4] == (family, "", "e\u0301", "x")

    def test_box_drawing_by_the_graphics_character_set(self) -> None:
        assert shown(b"\x1b(0lqk\x1b(B")[0].text.rstrip() == "┌─┐"

    def test_scroll_regions_move_only_their_rows(self) -> None:
        rows = shown(b"one\r\ntwo\r\nthree\r\nfour\x1b[2;3r\x1b[3;1H\n", rows=4)

        assert [row.text.rstrip() for row in rows] == ["one", "three", "", "four"]

    def test_the_alternate_screen_leaves_the_first_one_as_it_was(self) -> None:
        emulator = Emulator(20, 3)
        emulator.feed(b"before\x1b[?1049hduring")
        assert emulator.modes().alternate_screen
        assert emulator.text().strip() == "during"

        emulator.feed(b"\x1b[?1049l")
        assert not emulator.modes().alternate_screen
        assert emulator.text() == "before"

    def test_narrowing_flows_long_lines_anew(self) -> None:
        emulator = Emulator(20, 3)
        emulator.feed(b"abcdefghij")
        emulator.resize(5, 3)

        assert emulator.text() == "abcde\nfghij"
        assert (emulator.cols, emulator.rows) == (5, 3)

    @pytest.mark.parametrize("size", [(0, 3), (3, 0), (-1, 3), (100_000, 3)])
    def test_sizes_that_cannot_be_are_refused(self, size: tuple[int, int]) -> None:
        emulator = Emulator(20, 3)
        with pytest.raises(AgentError):
            emulator.resize(*size)
        with pytest.raises(AgentError):
            Emulator(*size)


class TestFrames:
    def test_a_frame_has_only_the_rows_that_changed(self) -> None:
        emulator = Emulator(20, 5)
        assert set(emulator.take_frame().rows) == {0, 1, 2, 3, 4}
        assert not emulator.take_frame().rows

        emulator.feed(b"\x1b[3;1Hthird")
        assert set(emulator.take_frame().rows) >= {2}
        assert not set(emulator.take_frame().rows)

    def test_looking_at_the_screen_takes_nothing_from_the_next_frame(self) -> None:
        emulator = Emulator(20, 5)
        emulator.take_frame()
        emulator.feed(b"\x1b[2;1Hnew")
        assert emulator.screen()[1].text.startswith("new")

        assert emulator.take_frame().rows[1].text.startswith("new")

    def test_a_smaller_screen_has_no_rows_of_the_larger_one(self) -> None:
        emulator = Emulator(20, 5)
        emulator.feed(b"\x1b[5;1Hlast")
        emulator.take_frame()
        emulator.resize(10, 2)

        assert set(emulator.take_frame().rows) == {0, 1}
        assert len(emulator.screen()) == 2

    @pytest.mark.parametrize(
        ("data", "cursor"),
        [
            (b"ab", Cursor(2, 0)),
            (b"\x1b[2;5H", Cursor(4, 1)),
            (b"\x1b[?25l", Cursor(0, 0, visible=False)),
            (b"\x1b[4 q", Cursor(0, 0, shape="underline")),
            (b"\x1b[5 q", Cursor(0, 0, shape="bar", blinking=True)),
        ],
    )
    def test_the_cursor_is_where_and_how_the_program_put_it(self, data: bytes, cursor: Cursor) -> None:
        emulator = Emulator(20, 3)
        emulator.feed(data)

        assert emulator.take_frame().cursor == cursor

    def test_colours_of_the_program_stand_over_the_default(self) -> None:
        emulator = Emulator(20, 3, foreground=(1, 1, 1), background=(2, 2, 2))
        colours = emulator.take_frame().colours
        assert (colours.foreground, colours.background, colours.palette) == (None, None, ())

        emulator.feed(b"\x1b]11;#ff0000\x07\x1b]4;1;#00ff00\x07\x1b[?5h")
        colours = emulator.take_frame().colours
        assert colours.background == (255, 0, 0)
        assert colours.palette == ((1, (0, 255, 0)),)
        assert colours.reversed

    def test_a_held_update_is_told(self) -> None:
        emulator = Emulator(20, 3)
        emulator.feed(b"\x1b[?2026h")
        assert emulator.held
        emulator.feed(b"\x1b[?2026l")
        assert not emulator.held


class TestScrollback:
    def test_the_view_moves_through_the_history_and_stays_there(self) -> None:
        emulator = Emulator(20, 3)
        emulator.feed(b"".join(b"line %d\r\n" % number for number in range(100)))
        assert emulator.scrollback().below == 0

        emulator.scroll(-10)
        top = emulator.screen()[0].text
        assert emulator.scrollback().below == 10
        emulator.feed(b"more\r\n")
        assert emulator.screen()[0].text == top
        assert not emulator.take_frame().cursor.visible

        emulator.scroll(None)
        assert emulator.scrollback().below == 0
        assert emulator.text() == "line 99\nmore"

    def test_the_view_stops_at_both_ends(self) -> None:
        emulator = Emulator(20, 3)
        emulator.feed(b"first\r\n" + b"x\r\n" * 20)
        emulator.scroll(-1_000_000)
        assert emulator.screen()[0].text.startswith("first")
        emulator.scroll(1_000_000)
        assert emulator.scrollback().below == 0

    @pytest.mark.parametrize("line", [b"line %d\r\n", b"\x1b[3%dmsome\x1b[48;5;%dmline\x1b[0m \x1b[4mx\x1b[0m\r\n"])
    @pytest.mark.parametrize("cols", [40, 200])
    def test_ten_thousand_lines_are_kept_and_not_many_more(self, line: bytes, cols: int) -> None:
        emulator = Emulator(cols, 24)
        numbers = line.count(b"%d")
        emulator.feed(b"".join(line % ((number % 8,) * numbers) for number in range(40_000)))

        assert 10_000 <= emulator.scrollback().total <= 20_000

    def test_the_history_survives_packing(self) -> None:
        emulator = Emulator(80, 24)
        emulator.feed(b"".join(b"line %d\r\n" % number for number in range(9_000)))
        while emulator.compress():
            pass
        emulator.scroll(-1_000_000)

        assert emulator.screen()[0].text.startswith("line 0 ")

    def test_no_history_when_none_is_asked_for(self) -> None:
        emulator = Emulator(80, 24, scrollback_lines=0)
        emulator.feed(b"x\r\n" * 1000)

        assert emulator.scrollback().above == 0


class TestModes:
    @pytest.mark.parametrize(
        ("mode", "name"),
        [
            ("?1", "application_cursor_keys"),
            ("?1004", "focus_events"),
            ("?2004", "bracketed_paste"),
            ("?1002", "mouse_tracking"),
            ("?1049", "alternate_screen"),
        ],
    )
    def test_modes_are_told(self, mode: str, name: str) -> None:
        emulator = Emulator(20, 3)
        assert not getattr(emulator.modes(), name)
        emulator.feed(f"\x1b[{mode}h".encode())
        assert getattr(emulator.modes(), name)

    def test_kitty_keyboard_flags_are_told(self) -> None:
        emulator = Emulator(20, 3)
        emulator.feed(b"\x1b[>5u")
        assert emulator.modes().kitty_keyboard == 5


class TestReplies:
    @pytest.mark.parametrize(
        ("question", "answer"),
        [
            (b"\x1b[c", b"\x1b[?62;22c"),
            (b"\x1b[5n", b"\x1b[0n"),
            (b"ab\x1b[6n", b"\x1b[1;3R"),
            (b"\x1b[18t", b"\x1b[8;3;20t"),
            (b"\x1b[?996n", b"\x1b[?997;1n"),
            (b"\x1b]10;?\x1b\\", b"\x1b]10;rgb:0101/0202/0303\x1b\\"),
            (b"\x1b]11;?\x07", b"\x1b]11;rgb:0404/0505/0606\x07"),
            (b"\x1b[?2026$p", b"\x1b[?2026;2$y"),
            (b"\x1b]7501;?\x1b\\", b"\x1b]7501;?\x1b\\"),
            (b"\x1b]7501;?\x07", b"\x1b]7501;?\x07"),
        ],
    )
    def test_questions_of_programs_are_answered(self, question: bytes, answer: bytes) -> None:
        emulator = Emulator(20, 3, foreground=(1, 2, 3), background=(4, 5, 6))

        assert emulator.feed(question).replies == answer

    def test_the_terminal_names_itself(self) -> None:
        assert Emulator(20, 3).feed(b"\x1b[>q").replies.startswith(b"\x1bP>|quarterdeck ")

    @pytest.mark.parametrize(
        "question",
        [
            b"\x1b]0;rm -rf\x07\x1b[21t",  # the title, back as input
            b"\x1b]52;c;?\x07",  # the clipboard
            b"\x1b_Ga=q,i=1,s=1,v=1,f=24,t=f;L2V0Yy9wYXNzd2Q=\x1b\\",  # a file, as an image
        ],
    )
    def test_questions_that_reach_out_get_no_yes(self, question: bytes) -> None:
        replies = Emulator(20, 3).feed(question).replies

        assert b"OK" not in replies
        assert b"rm" not in replies
        assert not replies.startswith(b"\x1b]52")

    def test_a_flood_of_questions_is_bounded(self) -> None:
        assert len(Emulator(20, 3).feed(b"\x1b[c" * 100_000).replies) <= 64 * 1024

    def test_a_light_theme_is_told_as_light(self) -> None:
        assert Emulator(20, 3, background=(250, 250, 250)).feed(b"\x1b[?996n").replies == b"\x1b[?997;2n"


class TestNotices:
    @pytest.mark.parametrize(
        ("data", "notice"),
        [
            (b"\x07", Bell()),
            (b"\x1b]0;a title\x07", TitleChanged("a title")),
            (b"\x1b]2;\xe2\x9c\xb3 Claude\x1b\\", TitleChanged("✳ Claude")),
            (b"\x1b]7;file:///tmp\x07", FolderChanged("file:///tmp")),
            (b"\x1b]9;look\x07", Notification("", "look")),
            (b"\x1b]777;notify;who;what\x07", Notification("who", "what")),
            (b"\x1b]9;4;1;40\x07", Progress("set", 40)),
            (b"\x1b]9;4;3\x07", Progress("indeterminate", None)),
            (b"\x1b]9;4;0\x07", Progress("remove", None)),
            (b"\x1b]52;c;aGVsbG8=\x07", ClipboardRefused(5)),
            (
                b"\x1b]7501;state=blocked:app=claude-code:kind=permission:msg=UnVuPw==\x1b\\",
                ProgramStatus("blocked", "claude-code", "permission", "Run?"),
            ),
        ],
    )
    def test_what_a_program_asks_for_is_a_notice(self, data: bytes, notice: object) -> None:
        emulator = Emulator(20, 3)

        assert emulator.feed(data).notices == (notice,)
        assert emulator.feed(b"x").notices == ()

    @pytest.mark.parametrize(
        "body",
        ["7501;state=flying", "7501;state=idle:app=a b", "7501;state=idle:msg=???", "7502;state=idle", "7501"],
    )
    def test_a_status_out_of_form_is_no_status(self, body: str) -> None:
        assert Emulator(20, 3).feed(f"\x1b]{body}\x1b\\".encode()).notices == ()

    def test_a_storm_of_bells_and_titles_is_one_of_each(self) -> None:
        data = b"".join(b"\x07\x1b]0;title %d\x07" % number for number in range(1000))

        assert set(Emulator(20, 3).feed(data).notices) == {Bell(), TitleChanged("title 999")}

    def test_foreign_text_in_a_notice_has_no_controls(self) -> None:
        fed = Emulator(20, 3).feed("\x1b]777;notify;a\u202eb;c\u009bd\x07".encode())

        assert fed.notices == (Notification("a b", "c d"),)

    def test_foreign_text_has_an_end(self) -> None:
        assert len(foreign_text(b"x" * 10_000)) == 1000

    def test_the_title_is_safe_to_show(self) -> None:
        emulator = Emulator(20, 3)
        emulator.feed("\x1b]0;a\u202eb\x07".encode())

        assert emulator.title == "a b"
