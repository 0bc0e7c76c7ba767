"""How each entry of a transcript looks: rows of content for a width."""

from collections.abc import Callable, Mapping
from typing import Any, cast

from textual.content import Content

from panes.cards import CARD_WIDTH, handoff_rows, question_rows, verdict_rows
from panes.entries import (
    Entry,
    EvidenceShown,
    HandoffDecided,
    HandoffHeld,
    Happened,
    PlanShown,
    QuestionShown,
    SpecShown,
    ToolDone,
    TransitionMade,
    TurnClosed,
    TurnOpened,
    VerdictShown,
)
from panes.figures import count, speed, tokens
from panes.fitting import fold, spread
from panes.look import Look
from panes.safe_text import safe_line

INDENT = "  "
_EVENT_WIDTH = 104


def draw(entry: Entry, width: int, look: Look) -> list[Content]:
    """Return the rows of an entry, each at most `width` cells wide, without the margin. Said text is not drawn here."""
    rows = _DRAW[type(entry)](entry, width, look)
    return [row if row.cell_length <= width else row.truncate(width, ellipsis=True) for row in rows]


def group_of(entry: Entry) -> str:
    """Return the kind of row an entry is: where the kind changes, a transcript leaves one row free."""
    if isinstance(entry, ToolDone | TransitionMade):
        return "call"
    if isinstance(entry, TurnOpened | TurnClosed):
        return "turn"
    return "line" if isinstance(entry, Happened | HandoffDecided) else "card"


def hanging(head: Content, text: Content, width: int) -> list[Content]:
    """Return text folded beside a head that stands in the first row only."""
    indent = head.cell_length
    rows = fold(text, max(8, width - indent)) or [Content("")]
    return [Content.assemble(head if n == 0 else " " * indent, row) for n, row in enumerate(rows)]


def _opened(entry: TurnOpened, width: int, look: Look) -> list[Content]:
    rule, glyphs = look.glyphs.rule, look.glyphs
    words = [f"{entry.task} try {entry.attempt}" if entry.task else "turn"]
    if entry.sender:
        words.append(f"from {entry.sender}")
    words.append(f"prompt {tokens(entry.tokens, estimated=True)} tok")
    line = safe_line(f" {glyphs.dot} ".join(words), "$muted", limit=120)
    left = Content.assemble((f"{rule * 2} ", "$muted"), line, " ")
    right = Content.styled(f" {look.time(entry.at)} {rule * 2}", "$muted")
    return [spread(left, right, min(width, _EVENT_WIDTH), fill=rule, fill_style="$line")]


def _closed(entry: TurnClosed, width: int, look: Look) -> list[Content]:
    glyphs = look.glyphs
    if entry.ending == "transition":
        word = Content.styled(f"{glyphs.activity['done']} done", "$state-done")
    elif entry.ending == "interrupted":
        word = Content.styled(f"{glyphs.activity['halted']} interrupted", "bold")
    else:
        said = "failed" if entry.ending == "failed" else "ended without its transition"
        word = Content.styled(f"{glyphs.activity['failed']} {said}", "bold $state-failed")
    rate = entry.output_tokens / entry.seconds if entry.seconds > 0.05 and entry.output_tokens else None
    number, pace = speed(rate)
    figures = f"   {tokens(entry.output_tokens, estimated=entry.estimated)} tok out   {number} tok/s {pace}".rstrip()
    rows = [Content.assemble(word, (f"{figures}   {entry.seconds:.0f} s", "$muted"))]
    if entry.detail and entry.ending != "transition":
        rows += hanging(Content(INDENT), safe_line(entry.detail, limit=600), width)
    return rows


def _tool(entry: ToolDone, width: int, look: Look) -> list[Content]:
    glyphs = look.glyphs
    mark = Content.styled(f"{glyphs.activity['tool']} ", "$state-tool")
    left = Content.assemble(mark, safe_line(entry.tool, "bold", limit=40), "  ", safe_line(entry.summary))
    result = (glyphs.verdict["pass"], "$verdict-pass") if entry.ok else (glyphs.verdict["fail"], "bold $verdict-fail")
    right = Content.assemble("  ", result, (f" {entry.seconds:4.1f} s", "$muted"))
    return [spread(left, right, min(width, _EVENT_WIDTH))]


def _transition(entry: TransitionMade, width: int, look: Look) -> list[Content]:
    head = Content.assemble((f"{look.glyphs.arrow} ", "$accent"), safe_line(entry.tool, "bold", limit=40), "  ")
    if entry.accepted:
        return [Content.assemble(head, ("accepted", "$muted"))]
    return hanging(
        Content.assemble(head, ("refused  ", "bold $state-failed")), safe_line(entry.reply, limit=600), width
    )


def _happened(entry: Happened, width: int, look: Look) -> list[Content]:
    style = {"good": "$state-done", "warning": "bold $state-waiting", "error": "bold $state-failed"}.get(
        entry.level, ""
    )
    head = Content.styled(f"{look.time(entry.at)}  ", "$muted")
    text = safe_line(entry.text, style)
    if entry.detail:
        text = Content.assemble(text, "  ", safe_line(entry.detail, "$muted", limit=600))
    return hanging(head, text, min(width, _EVENT_WIDTH))


def _decided(entry: HandoffDecided, width: int, look: Look) -> list[Content]:
    return _happened(Happened(entry.at, entry.level, entry.line, entry.detail), width, look)


def _evidence(entry: EvidenceShown, width: int, look: Look) -> list[Content]:
    event, glyphs = entry.event, look.glyphs
    if event.exit_code is None:
        verdict = ("? no test command ran", "bold") if not event.timed_out else ("? timed out", "bold $state-failed")
    elif event.passed:
        verdict = (f"{glyphs.verdict['pass']} exit 0", "$verdict-pass")
    else:
        verdict = (f"{glyphs.verdict['fail']} exit {event.exit_code}", "bold $verdict-fail")
    counts = f"  {event.counts.passed} passed, {event.counts.failed} failed" if event.counts else ""
    head = Content.styled(f"{look.time(entry.at)}  ", "$muted")
    first = Content.assemble(("the host ran ", "$muted"), safe_line(event.command), "  ", verdict, counts)
    rows = hanging(head, first, min(width, _EVENT_WIDTH))
    size = f"diff {count(len(event.files), 'file')} +{event.added} -{event.removed}"
    second = Content.assemble((f"{size}  ", "$muted"), safe_line(", ".join(event.files), "$muted"))
    rows += hanging(Content(" " * 7), second, min(width, _EVENT_WIDTH))
    if event.first_failure:
        rows += hanging(Content(" " * 7), safe_line(event.first_failure, "$verdict-fail"), min(width, _EVENT_WIDTH))
    if event.outside_scope:
        outside = safe_line(", ".join(event.outside_scope))
        rows += hanging(Content.styled(" " * 7 + "OUTSIDE SCOPE  ", "bold $state-waiting"), outside, width)
    return rows


def _spec(entry: SpecShown, width: int, look: Look) -> list[Content]:
    given = entry.entry
    head = Content.styled(f"{look.time(entry.at)}  ", "$muted")
    title = Content.assemble((f"SPEC r{given.revision}", "bold"), f"  +{count(len(given.clauses), 'clause')}  ")
    rows = hanging(head, Content.assemble(title, safe_line(given.reason, "$muted")), min(width, _EVENT_WIDTH))
    for clause in given.clauses:
        name = Content.assemble(" " * 7, safe_line(clause.id, "$accent", limit=12), "  ")
        rows += hanging(name, safe_line(clause.text, limit=600), min(width, _EVENT_WIDTH))
    if given.supersedes:
        words = safe_line(f"supersedes {', '.join(given.supersedes)}", "$muted")
        rows.append(Content.assemble(" " * 7, words))
    return rows


def _plan(entry: PlanShown, width: int, look: Look) -> list[Content]:
    plan = entry.plan
    width = min(width, _EVENT_WIDTH)
    head = Content.styled(f"{look.time(entry.at)}  ", "$muted")
    title = Content.assemble((f"PLAN {plan.number}", "bold"), "  ", safe_line(plan.summary))
    rows = hanging(head, title, width)
    homeless = [task for task in plan.tasks if not task.milestone]
    for milestone in plan.milestones:
        line = Content.assemble(
            " " * 7,
            safe_line(milestone.id, "$accent", limit=12),
            "  ",
            safe_line(milestone.title),
            (f"  {milestone.kind}", "$muted"),
        )
        rows.append(line.truncate(width, ellipsis=True))
        rows += [_task_row(task.id, task.title, width) for task in plan.tasks if task.milestone == milestone.id]
    rows += [_task_row(task.id, task.title, width) for task in homeless]
    return rows


def _task_row(task: str, title: str, width: int) -> Content:
    return Content.assemble(" " * 9, safe_line(task, "$muted", limit=12), "  ", safe_line(title)).truncate(
        width, ellipsis=True
    )


def _verdict(entry: VerdictShown, width: int, look: Look) -> list[Content]:
    return verdict_rows(entry, min(width, CARD_WIDTH), look)


def _handoff(entry: HandoffHeld, width: int, look: Look) -> list[Content]:
    return handoff_rows(entry, min(width, CARD_WIDTH), look)


def _question(entry: QuestionShown, width: int, look: Look) -> list[Content]:
    return question_rows(entry, min(width, CARD_WIDTH), look)


_DRAW: Mapping[type, Callable[[Any, int, Look], list[Content]]] = cast(
    "Mapping[type, Callable[[Any, int, Look], list[Content]]]",
    {
        TurnOpened: _opened,
        TurnClosed: _closed,
        ToolDone: _tool,
        TransitionMade: _transition,
        Happened: _happened,
        HandoffDecided: _decided,
        EvidenceShown: _evidence,
        SpecShown: _spec,
        PlanShown: _plan,
        VerdictShown: _verdict,
        HandoffHeld: _handoff,
        QuestionShown: _question,
    },
)
