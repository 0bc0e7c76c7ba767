"""Cards: a verdict, a handoff, a question, as rows for any width."""

from textual.content import Content

from panes.boxes import boxed
from panes.entries import HandoffHeld, QuestionShown, VerdictShown
from panes.figures import tokens
from panes.fitting import fold
from panes.glyphs import VERDICT_STYLES
from panes.look import Look
from panes.needs import PAYLOAD_WORDS
from panes.safe_text import safe, safe_line

CARD_WIDTH = 92
"""Cards are never wider: a line longer than this is hard to read."""

_NAME_WIDTH = 11
_LOUD = "bold reverse $state-waiting"


def _named(name: str, value: Content, width: int) -> list[Content]:
    """Return a field as rows: its name in the first column, its value folded beside it."""
    rows = fold(value, max(8, width - _NAME_WIDTH)) or [Content("")]
    head = Content.styled(name.ljust(_NAME_WIDTH), "$muted")
    return [Content.assemble(head if n == 0 else " " * _NAME_WIDTH, row) for n, row in enumerate(rows)]


def verdict_rows(shown: VerdictShown, width: int, look: Look) -> list[Content]:
    """Return a verdict card: exactly verdict, diagnosis, recommended action and pointer, with task, try and author.

    Where the host's own evidence disagrees, one more row says so.
    """
    width = min(width, CARD_WIDTH)
    event, verdict = shown.event, shown.event.verdict
    inner = width - 4
    style = VERDICT_STYLES[verdict.verdict]
    word = Content.styled(f"{look.glyphs.verdict[verdict.verdict]} {verdict.verdict.upper()}", style)
    advice = Content.assemble("   recommends ", (verdict.rec_action.upper(), "bold"))
    lines = [Content.assemble(word, advice)]
    lines += _named("diagnosis", safe_line(verdict.diagnosis), inner)
    lines += _named("pointer", safe_line(verdict.pointer), inner)
    if event.conflict:
        lines += _named("CONFLICT", safe_line(event.conflict, "bold $state-waiting"), inner)
    return boxed(
        lines,
        width,
        look.glyphs,
        title=Content.assemble(("VERDICT", "bold"), "  ", safe_line(f"{event.task} try {event.attempt}", limit=40)),
        right=safe_line(f"{shown.author} {look.time(shown.at)}", "$muted", limit=40),
        foot=_verdict_foot(shown),
        style=style.removeprefix("bold "),
    )


def _verdict_foot(shown: VerdictShown) -> Content | None:
    if shown.decided:
        return safe_line(shown.decided, "$muted", limit=70)
    return (
        Content.styled("held for you: the Manager has not seen it yet", "bold $state-waiting")
        if shown.handoff
        else None
    )


def handoff_rows(shown: HandoffHeld, width: int, look: Look) -> list[Content]:
    """Return a handoff card: who to whom, what crosses and how big it is, why the gate stopped it."""
    width = min(width, CARD_WIDTH)
    event, payload = shown.event, shown.event.payload
    inner = width - 4
    crossing = sum(part.tokens for part in payload.parts if part.included)
    ways = Content.assemble(
        safe_line(shown.sender, "bold", limit=40),
        (f" {look.glyphs.solid * 3}{look.glyphs.arrow} ", "$muted"),
        safe_line(shown.receiver, "bold", limit=40),
    )
    lines = [ways]
    lines += _named(PAYLOAD_WORDS[payload.kind], safe_line(payload.title), inner)
    if payload.parts:
        names = ", ".join(part.title for part in payload.parts if part.included)
        lines += _named(
            "crosses", Content.assemble(f"{tokens(crossing, estimated=True)} tok  ", safe_line(names, "$muted")), inner
        )
    if not shown.decided:
        lines += _named("held", safe_line(event.held), inner)
    attempt = f"{payload.task} try {payload.attempt}" if payload.task else ""
    return boxed(
        lines,
        width,
        look.glyphs,
        title=Content.assemble(("HANDOFF", "bold"), "  " if attempt else "", safe_line(attempt, limit=40)),
        right=safe_line(shown.decided, "$muted", limit=60)
        if shown.decided
        else Content.styled("! HELD FOR YOU", _LOUD),
        foot=None if shown.decided else Content.styled("i inspect  a approve  e edit  o redirect  x reject", "$muted"),
        style="$line" if shown.decided else "$state-waiting",
    )


def question_rows(shown: QuestionShown, width: int, look: Look) -> list[Content]:
    """Return a question card: the question whole, and its options by number."""
    width = min(width, CARD_WIDTH)
    event = shown.event
    inner = width - 4
    lines = [line for part in safe(event.text).split("\n") for line in fold(part, inner)]
    for n, option in enumerate(event.options, start=1):
        rows = fold(safe_line(option), inner - 4)
        lines += [Content.assemble((f"{n}   " if m == 0 else "    ", "bold $key"), row) for m, row in enumerate(rows)]
    source = {"decision": "structural", "turn": "its turn failed", "limit": "a limit was met", "agent": "asks"}
    return boxed(
        lines,
        width,
        look.glyphs,
        title=Content.assemble(("QUESTION", "bold"), "  ", safe_line(f"from {shown.author}", limit=40)),
        right=Content.styled(f"{source[event.source]}  {look.time(shown.at)}", "$muted"),
        foot=Content.styled("F7 answers", "$muted"),
        style="$state-waiting",
    )
