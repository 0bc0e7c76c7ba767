"""What is worth a notice between two states of a session. Pure."""

from collections.abc import Iterator

from panes.needs import needs
from panes.roster import Roster
from sessions.state import SessionState


def news(before: SessionState, after: SessionState, roster: Roster, focus: str) -> Iterator[tuple[str, str]]:
    """Yield what is new and needs the person, and what changed by itself, each with its severity.

    Between nothing and the first state only how the session began is news: the past is not. A window that waits and has
    the `focus` is in sight, and needs no notice over it.
    """
    if not before.seq:
        if after.started is not None and after.ended is None:
            yield from ((text, "warning") for text in after.started.notices)
        return
    yield from ((one.text, one.level) for one in after.notices[len(before.notices) :] if one.level != "info")
    known = {need.key for need in needs(before, roster)}
    for need in needs(after, roster):
        in_sight = need.kind == "waiting" and need.window == focus
        if need.key not in known and not in_sight:
            yield f"{need.title}: {need.text}   F7", "warning"
    if after.gate.mode != before.gate.mode and after.gate.by != "you":
        yield f"gate {after.gate.mode.upper()}: {after.gate.reason or after.gate.by}", "warning"
    if after.epoch > before.epoch > 0:
        yield "the session host was started again; the session goes on from its log", "information"
