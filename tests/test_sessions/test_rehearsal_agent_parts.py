"""The parts of the rehearsal agent that need no terminal: keys, the input box, lines, frames, children."""

import os
import shlex
import sys
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions.agents.rehearsal_agent.cells import Line, cut, harmless, paint, width, wrap
from sessions.agents.rehearsal_agent.child import NOT_FOUND, run_child
from sessions.agents.rehearsal_agent.editor import Editor
from sessions.agents.rehearsal_agent.keys import Input, Key, KeyReader, Pasted, Typed
from sessions.agents.rehearsal_agent.screen import Question, View, compose
from sessions.agents.rehearsal_agent.transcript import Transcript, edit_lines

FOREIGN = st.text(alphabet=st.sampled_from("ab \t\n\r\x1b[]0;m\x07\x9b漢é\u0301👍\u202e\ud800"), max_size=60)


def joined(found: list[Input]) -> list[Input]:
    """Return input with neighbouring typed texts put together: how reads cut them does not matter."""
    whole: list[Input] = []
    for one in found:
        if isinstance(one, Typed) and whole and isinstance(whole[-1], Typed):
            whole[-1] = Typed(whole[-1].text + one.text)
        else:
            whole.append(one)
    return whole


class TestKeys:
    @pytest.mark.parametrize(
        ("data", "found"),
        [
            (b"hi\r", [Typed("hi"), Key("enter")]),
            (b"\x1b[D\x1bOC\x1b[1~\x1b[F", [Key("left"), Key("right"), Key("home"), Key("end")]),
            (b"\x7f\x15\x03\x04", [Key("backspace"), Key("ctrl-u"), Key("ctrl-c"), Key("ctrl-d")]),
            (b"\x1b[200~one\rtwo\x1b[201~\r", [Pasted("one\rtwo"), Key("enter")]),
            (b"\x1b[27u", [Key("escape")]),
            (b"\x1bhello", [Key("escape"), Typed("hello")]),
            (b"\x1b\x1b[A", [Key("escape"), Key("up")]),
            (b"\x1b[I\x1b[<0;1;1M\x1b[99~x", [Typed("x")]),
            ("é漢".encode(), [Typed("é漢")]),
        ],
    )
    def test_bytes_become_input(self, data: bytes, found: list[Input]) -> None:
        assert KeyReader().feed(data) == found

    def test_a_lone_escape_waits_for_what_may_follow(self) -> None:
        keys = KeyReader()
        assert keys.feed(b"\x1b") == []
        assert keys.pending
        assert keys.flush() == [Key("escape")]
        assert not keys.pending

    def test_an_endless_sequence_does_not_swallow_the_keyboard(self) -> None:
        keys = KeyReader()
        keys.feed(b"\x1b[" + b"1" * 100)
        assert keys.feed(b"\r")[-1] == Key("enter")

    @given(st.lists(st.integers(0, 60), max_size=8))
    def test_where_reads_are_cut_does_not_matter(self, cuts: list[int]) -> None:
        data = "ab\x1b[C漢\x1b[200~x\x1b[20y\x1b[201~\r\x1b[3~é".encode()
        places = sorted({min(one, len(data)) for one in cuts})
        keys = KeyReader()
        found: list[Input] = []
        for begin, end in zip([0, *places], [*places, len(data)], strict=True):
            found += keys.feed(data[begin:end])
        assert joined(found) == joined(KeyReader().feed(data))


class TestEditor:
    def test_a_line_is_edited(self) -> None:
        editor = Editor()
        editor.insert("hallo wrld")
        for name in ("left", "left", "left"):
            editor.key(name)
        editor.insert("o")
        editor.key("home")
        editor.key("right")
        editor.key("delete")
        editor.insert("e")
        editor.key("end")
        editor.insert("!x")
        editor.key("backspace")
        assert editor.text == "hello world!"
        editor.key("ctrl-w")
        assert editor.take() == "hello "
        assert editor.text == ""

    def test_the_view_follows_the_cursor(self) -> None:
        editor = Editor()
        editor.insert("0123456789\nabc")
        assert editor.view(6) == ("9⏎abc", 5)
        editor.key("home")
        assert editor.view(6) == ("012345", 0)

    @given(FOREIGN, st.integers(1, 12), st.integers(0, 60))
    def test_the_view_always_fits(self, text: str, columns: int, left: int) -> None:
        editor = Editor()
        editor.insert(text)
        for _ in range(left):
            editor.key("left")
        shown, cursor = editor.view(columns)
        assert width(shown) <= columns
        assert 0 <= cursor <= columns
        assert "\x1b" not in shown


class TestLines:
    def test_foreign_text_loses_what_a_terminal_would_act_on(self) -> None:
        assert harmless("a\x1b]0;evil\x07b\x1b[31mc\x9bd\re\tf") == "abc·d·e    f"

    @given(FOREIGN)
    def test_nothing_that_acts_is_left(self, text: str) -> None:
        left = harmless(text)
        assert "\x1b" not in left
        assert not any((ord(one) < 32 and one != "\n") or 0x7F <= ord(one) < 0xA0 for one in left)
        assert left.encode().decode() == left

    @given(FOREIGN, st.integers(2, 40))
    def test_wrapped_rows_fit_and_lose_no_letter(self, text: str, columns: int) -> None:
        plain = harmless(text).replace("\n", " ")
        rows = wrap((("", plain),), columns)
        assert all(sum(width(part) for _, part in row) <= columns for row in rows)
        letters = "".join(part for row in rows for _, part in row)
        assert "".join(letters.split()) == "".join(plain.split())

    def test_what_continues_is_set_in(self) -> None:
        line: Line = (("accent", "● "), ("", "one two three four five six"))
        assert [("".join(text for _, text in row)).rstrip() for row in wrap(line, 20)] == [
            "● one two three four",
            "  five six",
        ]

    @given(FOREIGN, st.integers(0, 30))
    def test_a_cut_line_fits(self, text: str, columns: int) -> None:
        assert sum(width(part) for _, part in cut((("", harmless(text)),), columns)) <= columns

    def test_a_full_row_is_not_erased_behind(self) -> None:
        assert paint((("", "abcd"),), 4, colour=True) == "abcd"
        assert paint((("bad", "abc"),), 4, colour=True) == "\x1b[31mabc\x1b[0m\x1b[K"
        assert paint((("good", "abc"),), 4, colour=False) == "abc\x1b[K"

    def test_a_new_file_is_shown_by_its_beginning(self) -> None:
        lines = edit_lines(None, "\n".join(f"line {n}" for n in range(40)))
        assert lines[0] == (("dim", "    1 "), ("good", "+ line 0"))
        assert lines[-1] == (("dim", "      … 26 more lines"),)

    def test_an_edit_is_shown_as_a_diff(self) -> None:
        assert [
            span for line in edit_lines("a\nb\nc\n", "a\nB\nc\n") for span in line if span[0] in ("good", "bad")
        ] == [
            ("bad", "- b"),
            ("good", "+ B"),
        ]


class TestFrames:
    def view(self, *, question: bool = False) -> View:
        transcript = Transcript()
        for n in range(60):
            transcript.add((("", f"line {n} " * 5),))
        editor = Editor()
        editor.insert("some text that is being typed")
        asked = Question("Allow: python -m pytest?", ("Allow once", "Always", "No")) if question else None
        return View("/home/somebody/project", transcript, editor, asked, (("", "idle"),), "/help  /quit")

    @pytest.mark.parametrize("question", [False, True])
    @given(columns=st.integers(1, 130), rows=st.integers(1, 50))
    def test_a_frame_fills_any_terminal_exactly(self, question: bool, columns: int, rows: int) -> None:
        frame = compose(self.view(question=question), columns, rows)
        assert len(frame.rows) == rows
        assert all(sum(width(text) for _, text in row) <= columns for row in frame.rows)
        if frame.cursor:
            assert 0 <= frame.cursor[0] < columns
            assert 0 <= frame.cursor[1] < rows

    @staticmethod
    def text(view: View, columns: int, rows: int) -> list[str]:
        return ["".join(text for _, text in row).rstrip() for row in compose(view, columns, rows).rows]

    def test_the_smallest_useful_terminal_shows_everything(self) -> None:
        rows = self.text(self.view(), 20, 6)
        assert rows[0].startswith(" ◆ rehearsal agent")
        assert rows[-2].startswith("> ")
        assert rows[-1].strip() == "idle  /help  /quit"

    def test_a_question_can_be_answered_in_twenty_columns(self) -> None:
        rows = self.text(self.view(question=True), 20, 6)
        assert rows[-3] == "Allow: python -m py…"
        assert rows[-2] == "1 once 2 Always 3 No"

    def test_scrolling_stops_at_both_ends(self) -> None:
        view = self.view()
        view.transcript.scrolled = 10_000
        assert "line 0 " in self.text(view, 100, 20)[1]
        view.transcript.scrolled = 0
        assert "line 59" in "".join(self.text(view, 100, 20))


class TestChild:
    async def run(self, command: str, show: Callable[[str], None] = lambda text: None) -> tuple[int, str]:
        return await run_child(("/bin/sh", "-c", command), show, environment=os.environ)

    async def test_output_and_exit_code_come_back(self) -> None:
        shown: list[str] = []
        assert await self.run("echo out; echo err >&2; exit 3", shown.append) == (3, "out\nerr\n")
        assert "".join(shown) == "out\nerr\n"

    async def test_a_program_that_is_not_there_is_a_result(self) -> None:
        code, text = await run_child(("no-such-program",), lambda text: None, environment=os.environ)
        assert (code, text) == (NOT_FOUND, "no-such-program: No such file or directory\n")

    async def test_what_stays_in_the_background_does_not_hold_it_up(self) -> None:
        assert await self.run("sleep 300 & echo done") == (0, "done\n")

    async def test_a_program_may_close_its_output_and_go_on(self) -> None:
        assert await self.run("exec >&- 2>&-; sleep 0.2; exit 4") == (4, "")

    async def test_only_the_end_of_a_flood_is_kept(self) -> None:
        command = f"{shlex.quote(sys.executable)} -c \"print('x' * 5_000_000); print('end')\""
        code, text = await self.run(command)
        assert code == 0
        assert text.endswith("end\n")
        assert len(text) < 2_000_000
