"""Composes a frame from what is to be seen. Pure."""

from dataclasses import dataclass

from sessions.agents.rehearsal_agent.cells import Line, cut, width
from sessions.agents.rehearsal_agent.editor import Editor
from sessions.agents.rehearsal_agent.transcript import Transcript

NAME = "rehearsal agent: scripted, no AI"
BOXED_FROM = 10
"""Rows from which the input stands in a box."""


@dataclass(frozen=True, slots=True)
class Question:
    """A permission question and the option that is marked."""

    text: str
    options: tuple[str, ...]
    marked: int = 0


@dataclass(frozen=True, slots=True)
class View:
    """All that a frame shows. `status` is the state in words, `hint` what the keys do now."""

    folder: str
    transcript: Transcript
    editor: Editor
    question: Question | None
    status: Line
    hint: str


@dataclass(frozen=True, slots=True)
class Frame:
    """Rows from the top, and the cursor's column and row from 0; None hides it."""

    rows: tuple[Line, ...]
    cursor: tuple[int, int] | None


def compose(view: View, columns: int, rows: int) -> Frame:
    """Return the frame for a terminal of this size, however small."""
    head = [_header(view, columns)] if rows >= 4 else []
    foot = [_status(view, columns)] if rows >= 3 else []
    box, place = _question_box(view.question, columns, rows) if view.question else _input_box(view, columns, rows)
    room = rows - len(head) - len(foot) - len(box)
    middle = view.transcript.rows(columns, room) if room > 0 else []
    middle += [()] * (max(room, 0) - len(middle))
    every = (head + middle + box + foot)[:rows]
    top = len(head) + len(middle)
    cursor = (place[0], top + place[1]) if place and place[0] < columns and top + place[1] < rows else None
    return Frame(tuple(cut(line, columns) for line in every), cursor)


def _header(view: View, columns: int) -> Line:
    room = columns - width(NAME) - 5
    folder = view.folder if width(view.folder) <= room else f"…{view.folder[-(room - 1) :]}" if room > 8 else ""
    gap = max(columns - width(NAME) - width(folder) - 4, 1)
    return (("title", f" ◆ {NAME}"), ("", " " * gap), ("dim", f"{folder} "))


def _status(view: View, columns: int) -> Line:
    used = sum(width(text) for _, text in view.status) + 1
    hint = view.hint if used + width(view.hint) + 2 <= columns else ""
    gap = max(columns - used - width(hint) - 1, 0)
    return (("", " "), *view.status, ("", " " * gap), ("dim", hint))


def _input_box(view: View, columns: int, rows: int) -> tuple[list[Line], tuple[int, int] | None]:
    if rows < BOXED_FROM or columns < 8:
        text, cursor = view.editor.view(max(columns - 2, 1))
        return [(("accent", "> "), ("", text))], (cursor + 2, 0)
    text, cursor = view.editor.view(columns - 6)
    fill = " " * (columns - 6 - width(text))
    middle: Line = (("dim", "│ "), ("accent", "> "), ("", text + fill), ("dim", " │"))
    return [_edge("╭", "╮", columns), middle, _edge("╰", "╯", columns)], (cursor + 4, 1)


def _question_box(question: Question, columns: int, rows: int) -> tuple[list[Line], tuple[int, int] | None]:
    if rows < BOXED_FROM + 2 or columns < 24:
        short = " ".join(f"{n} {option.split()[-1]}" for n, option in enumerate(question.options, start=1))
        return [(("warn", question.text),), (("", short),)], None
    lines: list[Line] = [(("warn", question.text),)]
    for n, option in enumerate(question.options):
        mark = "›" if n == question.marked else " "
        lines.append((("accent" if n == question.marked else "", f"{mark} {n + 1} {option}"),))
    boxed = [_boxed(line, columns) for line in lines]
    return [_edge("╭", "╮", columns), *boxed, _edge("╰", "╯", columns)], None


def _boxed(line: Line, columns: int) -> Line:
    inside = cut(line, columns - 4)
    fill = " " * (columns - 4 - sum(width(text) for _, text in inside))
    return (("dim", "│ "), *inside, ("", fill), ("dim", " │"))


def _edge(left: str, right: str, columns: int) -> Line:
    return (("dim", left + "─" * (columns - 2) + right),)
