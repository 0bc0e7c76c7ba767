"""From the log to a transcript: the same entries live and from an old log, each within its width."""

from dataclasses import fields, replace

import pytest
from pydantic import BaseModel
from recorded.tidytable import tell

from panes.blocks import BLOCK_LIMIT, Blocks
from panes.chronicle import Shown, chronicle
from panes.drawing import draw
from panes.entries import (
    Entry,
    HandoffDecided,
    HandoffHeld,
    Happened,
    Said,
    ToolDone,
    TurnClosed,
    VerdictShown,
)
from panes.glyphs import ASCII, UNICODE
from panes.look import Look
from panes.roster import read_roster
from sessions.state import EMPTY, fold


def told() -> Shown:
    """Return everything the whole story shows, with its windows."""
    story, state, shown = tell(), EMPTY, []
    roster = read_roster("")
    for record in story.records():
        if state.started is not None and roster.workflow is None:
            roster = read_roster(state.started.workflow)
        shown += chronicle(state, roster, record)
        state = fold(state, record)
    return shown


def test_every_entry_belongs_to_a_window_of_the_session() -> None:
    assert {window for window, _ in told()} == {"planner", "manager", "worker", "auditor", "exit"}


@pytest.mark.parametrize("width", [20, 36, 80, 116, 200])
@pytest.mark.parametrize("glyphs", [UNICODE, ASCII], ids=["unicode", "ascii"])
def test_every_entry_fits_its_width_and_shows_something(width: int, glyphs: object) -> None:
    look = Look(glyphs)  # type: ignore[arg-type]
    for _, entry in told():
        rows = draw(entry, width, look)
        assert rows
        assert max(row.cell_length for row in rows) <= width


def test_a_verdict_is_shown_to_its_author_and_to_who_is_to_read_it() -> None:
    shown = [(window, entry) for window, entry in told() if isinstance(entry, VerdictShown)]
    partial = [(window, entry.handoff) for window, entry in shown if entry.event.verdict.verdict == "partial"]
    assert [window for window, _ in partial] == ["auditor", "manager"]
    assert partial[0][1] == ""
    assert partial[1][1] != ""


def test_raw_work_never_reaches_the_manager() -> None:
    for window, entry in told():
        if window == "manager":
            assert "AssertionError" not in str(entry)


def texts(blocks: Blocks) -> list[tuple[str, str]]:
    return [(block.group, block.text) for block in blocks.all]


def fed(*entries: Entry) -> Blocks:
    blocks = Blocks()
    for entry in entries:
        blocks.take(entry)
    return blocks


def test_pieces_join_into_lines_wherever_they_were_cut() -> None:
    blocks = fed(Said("t", "text", "one tw"), Said("t", "text", "o\nthr"), Said("t", "text", "ee\n"))
    assert texts(blocks) == [("text", "one two"), ("text", "three"), ("text", "")]


def test_a_change_of_kind_begins_a_new_block() -> None:
    blocks = fed(Said("t", "reasoning", "hm\n"), Said("t", "text", "so\n"))
    assert texts(blocks) == [("reasoning", "hm"), ("text", "so"), ("text", "")]
    assert blocks.all[1].spaced


def test_only_the_last_line_is_laid_out_again() -> None:
    blocks = fed(*[Said("t", "text", f"line {n}\n") for n in range(50)])
    blocks.changed = len(blocks.all)
    blocks.take(Said("t", "text", "more"))
    assert blocks.changed == len(blocks.all) - 1


def test_a_finished_call_takes_the_place_of_its_announcement() -> None:
    blocks = fed(Said("t", "tool", "run: pytest\n"), ToolDone(0, "t", "run", "pytest -q", True, 0.5))
    assert [block.group for block in blocks.all] == ["call"]


def test_a_past_turn_offers_what_it_said_and_a_heard_one_does_not() -> None:
    def closed(turn: str) -> TurnClosed:
        return TurnClosed(0, turn, "transition", "", 10, 20, False, 1.0, f"said-{turn}", 20)

    blocks = fed(closed("old"), Said("new", "text", "hello\n"), closed("new"))
    assert [block.turn for block in blocks.all if block.folded] == ["old"]
    blocks.unfold("old", "first\nsecond\n")
    assert texts(blocks)[:2] == [("text", "first"), ("text", "second")]
    blocks.unfold("old", "again")
    assert ("text", "again") not in texts(blocks)


def test_a_decision_is_written_onto_the_card_of_its_handoff() -> None:
    held = next(entry for _, entry in told() if isinstance(entry, HandoffHeld))
    decided = HandoffDecided(0, held.event.handoff, "approved by you", "spec to 2 Manager: approved by you")
    blocks = fed(held, Happened(0, "info", "between"), decided)
    assert len(blocks.all) == 2
    card = blocks.all[0].entry
    assert isinstance(card, HandoffHeld)
    assert card.decided == "approved by you"
    rows = "\n".join(row.plain for row in draw(card, 80, Look()))
    assert "approved by you" in rows
    assert "HELD FOR YOU" not in rows


def test_a_decision_on_a_handoff_without_a_card_is_a_line() -> None:
    blocks = fed(HandoffDecided(0, "h", "passed by gate auto", "task T-01 to 3 Worker: passed by gate auto"))
    assert [block.group for block in blocks.all] == ["line"]


def test_the_oldest_go_when_there_are_too_many() -> None:
    blocks = Blocks()
    for n in range(BLOCK_LIMIT + 10):
        blocks.take(Happened(0, "info", str(n)))
    for block in blocks.all:
        block.rows = 1
    gone = blocks.forget_oldest()
    assert gone >= 10
    assert len(blocks.all) == BLOCK_LIMIT + 10 - gone
    assert blocks.forget_oldest() == 0


def test_an_endless_line_is_cut_and_counted() -> None:
    blocks = fed(Said("t", "text", "x" * 10_000), Said("t", "text", "y" * 10))
    assert len(blocks.all) == 1
    assert blocks.all[0].cut == 6_010


HOSTILE = "\x1b]0;t\x07 [red]x[/] \u202e \u200b \x9b31m"


def poisoned(value: object) -> object:
    """Return a value with every string in it replaced by text that would like to steer the terminal."""
    if isinstance(value, str):
        return HOSTILE
    if isinstance(value, tuple):
        return tuple(poisoned(one) for one in value)
    if isinstance(value, BaseModel):
        keep = {name for name, field in type(value).model_fields.items() if "Literal" in str(field.annotation)}
        changes = {name: poisoned(getattr(value, name)) for name in type(value).model_fields if name not in keep}
        return value.model_copy(update=changes)
    return value


def test_no_entry_lets_foreign_text_through_whatever_field_it_stands_in() -> None:
    for _, entry in told():
        changes = {field.name: poisoned(getattr(entry, field.name)) for field in fields(entry)}
        for name in ("ending", "level", "kind"):
            if name in changes:
                changes[name] = getattr(entry, name)
        for row in draw(replace(entry, **changes), 90, Look()):  # type: ignore[arg-type]
            assert not set(row.plain) & {"\x1b", "\x07", "\u202e", "\u200b", "\x9b"}
