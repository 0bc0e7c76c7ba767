"""The queue of what needs the person, most urgent first; below it what can wait."""

from textual.content import Content
from textual.reactive import reactive

from panes.figures import short_age
from panes.fitting import fold, spread
from panes.look import Look
from panes.needs import Need, later, needs
from panes.roster import Roster, window_name
from panes.safe_text import safe_line
from panes.section import Line, Section

_HOW = {
    "question": "F7 answers it",
    "waiting": "answer in its window",
    "failed": "F7 goes there, t tries again",
    "handoff": "F7 then a approves",
    "limit": "F7 answers it",
}


class NeedsQueue(Section):
    """One entry for each need; a click goes there."""

    roster: reactive[Roster] = reactive(Roster(), repaint=False)

    def __init__(self, look: Look, *, id: str | None = None) -> None:
        super().__init__(look, id=id)

    def watch_roster(self) -> None:
        self.redraw()

    def title(self) -> Content:
        waiting = len(needs(self.state, self.roster))
        style = "bold reverse $state-waiting" if waiting else "bold"
        return Content.styled(f" NEEDS YOU {waiting} " if waiting else "NEEDS YOU", style)

    def right(self) -> Content:
        return Content.styled("F7 next", "$muted") if needs(self.state, self.roster) else Content("")

    def lines(self, width: int) -> list[Line]:
        found = needs(self.state, self.roster)
        lines: list[Line] = []
        for need in found:
            lines += [Line(row, need.key) for row in self._need(need, width, first=need is found[0])]
        if not found:
            lines.append(Line(Content.styled("nothing: the session goes on", "$muted")))
        quiet, done = later(self.state), self._done(width)
        if quiet or done:
            lines += [Line(Content("")), Line(Content.styled("later (no action)", "$muted"))]
        for one in quiet:
            name = window_name(self.state.windows[one.window])
            lines.append(Line(safe_line(f"  {name}  {one.text}", "$muted").truncate(width, ellipsis=True), one.window))
        return lines + done

    def _done(self, width: int) -> list[Line]:
        """Return one line for the windows whose last turn is done."""
        titles = [window.seat.title for window in self.state.windows.values() if window.activity == "done"]
        if not titles or self.state.ended is not None:
            return []
        rows = fold(safe_line(f"done: {', '.join(titles)}", "$muted"), max(4, width - 2))
        return [Line(Content.assemble("  ", row)) for row in rows]

    def _need(self, need: Need, width: int, *, first: bool) -> list[Content]:
        style = "bold $state-waiting" if need.kind != "failed" else "bold $state-failed"
        head = Content.assemble(("! ", style), safe_line(need.title, style))
        age = Content.styled(f" {short_age(self.now - need.since)}", "$muted")
        rows = [spread(head, age, width)]
        text = fold(safe_line(need.text), max(4, width - 2))
        rows += [Content.assemble("  ", row) for row in text[: 3 if first else 1]]
        if first:
            rows.append(Content.styled(f"  {_HOW[need.kind]}"[:width], "$muted"))
        return rows
