"""One line for screens with no room for the queue and the lane: what needs the person, or what moved last."""

from textual.content import Content
from textual.reactive import reactive

from panes.drawn import StateView
from panes.figures import age
from panes.fitting import spread
from panes.needs import PAYLOAD_WORDS, handoff_title, needs
from panes.roster import Roster
from panes.safe_text import safe_line

_KEYS = {
    "handoff": "i inspect  a approve",
    "question": "F7 answer",
    "limit": "F7 answer",
    "waiting": "F7 go",
    "failed": "F7 go",
}


class StatusLine(StateView):
    """The most urgent need, with its age and the keys for it; with none, the latest handoff."""

    roster: reactive[Roster] = reactive(Roster(), repaint=False)

    def watch_roster(self) -> None:
        self.redraw()

    def rows(self, width: int) -> list[Content]:
        state, arrow = self.state, self.look.glyphs.arrow
        found = needs(state, self.roster)
        if found:
            need = found[0]
            left = Content.assemble(
                (f" {arrow} ", "$state-waiting"),
                safe_line(need.title, "bold $state-waiting"),
                "  ",
                safe_line(need.text),
            )
            keys = _KEYS[need.kind] if width >= 60 else "F7"
            return [
                spread(
                    left, Content.assemble((f"  {age(self.now - need.since)}  ", "$muted"), (f"{keys} ", "$key")), width
                )
            ]
        crossing = [*state.past_handoffs[-1:], *state.handoffs.values()]
        if not crossing:
            return [Content(" " * width)]
        last = crossing[-1]
        payload = last.proposed.payload
        words = f"{PAYLOAD_WORDS[payload.kind]} {payload.task}".rstrip()
        title = safe_line(f"{handoff_title(state, last, self.roster)} {words}", "$muted")
        left = Content.assemble((f" {arrow} ", "$muted"), title)
        return [spread(left, safe_line(f"{last.stage} by {last.by or 'you'}", "$muted", limit=40), width)]
