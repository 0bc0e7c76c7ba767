"""A verdict card shows exactly what the contract has; other cards show who, what and why."""

from recorded.tidytable import tell

from panes.cards import handoff_rows, question_rows, verdict_rows
from panes.entries import HandoffHeld, QuestionShown, VerdictShown
from panes.look import Look
from sessions.contract import SubmitVerdict
from sessions.events import HandoffProposed, QuestionAsked, VerdictSubmitted


def verdict(**changes: str) -> VerdictSubmitted:
    fields = {
        "verdict": "partial",
        "diagnosis": "LF input fixed, CRLF still loses the last field",
        "rec_action": "retask",
        "pointer": "src/lines.py / split / test_crlf",
        "notes": "SECRET NOTES",
        **changes,
    }
    return VerdictSubmitted(
        task="T-06",
        attempt=2,
        verdict=SubmitVerdict.model_validate(fields),
        notes="n",
        spec_revision=1,
        turn="t",
    )


def text_of(rows: list[object]) -> str:
    return "\n".join(str(row) for row in rows)


def test_a_verdict_card_has_the_four_fields_the_task_the_try_and_the_author() -> None:
    rows = text_of(list(verdict_rows(VerdictShown(0, verdict(), "5 Auditor"), 92, Look())))
    for words in (
        "VERDICT",
        "T-06 try 2",
        "5 Auditor",
        "~ PARTIAL",
        "recommends RETASK",
        "LF input fixed",
        "src/lines.py",
    ):
        assert words in rows
    assert "SECRET" not in rows
    assert "CONFLICT" not in rows


def test_a_verdict_that_the_hosts_evidence_contradicts_says_so() -> None:
    event = verdict(verdict="pass").model_copy(update={"conflict": "the host saw 1 failed test"})
    rows = text_of(list(verdict_rows(VerdictShown(0, event, "5 Auditor"), 92, Look())))
    assert "CONFLICT" in rows
    assert "the host saw 1 failed test" in rows


def test_a_verdict_on_its_way_says_that_it_was_not_read_yet() -> None:
    held = VerdictShown(0, verdict(), "5 Auditor", handoff="h")
    assert "has not seen it yet" in text_of(list(verdict_rows(held, 92, Look())))


def test_a_handoff_card_names_both_ends_its_size_and_why_it_waits() -> None:
    events = [record.event for record in tell().records() if isinstance(record.event, HandoffProposed)]
    event = next(event for event in events if event.held)
    rows = text_of(list(handoff_rows(HandoffHeld(0, event, "1 Planner", "2 Manager"), 80, Look())))
    for words in ("1 Planner", "2 Manager", "~240 tok", "a change of the spec always waits for you", "HELD FOR YOU"):
        assert words in rows


def test_a_question_card_numbers_its_options() -> None:
    event = QuestionAsked(question="q", window="m", source="decision", text="Which wins?", options=("this", "that"))
    rows = text_of(list(question_rows(QuestionShown(0, event, "2 Manager"), 60, Look())))
    for words in ("Which wins?", "1   this", "2   that", "structural"):
        assert words in rows
