"""The line at the top: what is being built, how far it is, what it costs, who has the say, who is waited for."""

from textual.content import Content
from textual.reactive import reactive

from panes.drawn import StateView
from panes.figures import age, money, tokens
from panes.fitting import Piece, keep_fitting
from panes.needs import needs
from panes.plan_strip import progress
from panes.roster import Roster
from panes.safe_text import safe_line
from sessions.state import SessionState


def gate_words(state: SessionState) -> str:
    """Return the gate mode as a word, with what is left of a relaxed one."""
    gate = state.gate
    return gate.mode.upper() if gate.mode == "manual" else f"{gate.mode.upper()} {gate.passes} left"


class TopBar(StateView):
    """One line; what matters least is left out first when it is narrow."""

    roster: reactive[Roster] = reactive(Roster(), repaint=False)

    def watch_roster(self) -> None:
        self.redraw()

    def rows(self, width: int) -> list[Content]:
        waiting = len(needs(self.state, self.roster))
        right = Content.styled(f" ! {waiting} YOU F7 ", "bold reverse $state-waiting") if waiting else Content("")
        room = width - right.cell_length - 2
        kept = keep_fitting(self._pieces(width), room, gap=3)
        between = Content.styled(f" {self.look.glyphs.bar} ", "$line")
        left = Content.assemble(" ", between.join(kept)).truncate(max(0, width - right.cell_length), ellipsis=True)
        return [Content("").join([left, " " * max(0, width - left.cell_length - right.cell_length), right])]

    def _pieces(self, width: int) -> list[Piece]:
        state = self.state
        started = state.started
        project = safe_line(
            started.project if started else "quarterdeck", "bold $focus", limit=24 if width >= 100 else 14
        )
        pieces = [Piece(project)]
        if started and started.rehearsal:
            words = "REHEARSAL: scripted, no AI" if width >= 60 else "REHEARSAL"
            pieces.append(Piece(Content.styled(words, "bold $accent")))
        if state.ended is not None:
            pieces.append(Piece(Content.styled(f"ended {state.ended.outcome.upper()}", "bold reverse")))
        done, total = progress(state)
        if state.milestones:
            pieces.append(Piece(Content(f"milestone {len(state.passed_milestones)}/{len(state.milestones)}"), 3))
        if total:
            pieces.append(Piece(Content(f"task {done}/{total}"), 1))
        gate_style = "bold $state-waiting" if state.gate.mode == "auto" else "bold"
        pieces.append(Piece(Content.assemble("gate ", (gate_words(state), gate_style)), 0 if width >= 80 else 1))
        totals = state.totals
        pieces.append(Piece(Content(f"{tokens(totals.input_tokens + totals.output_tokens)} tok"), 4))
        if totals.turns:
            pieces.append(Piece(Content(money(totals.cost, known=totals.cost_known)), 5))
        until = state.last_at if state.ended is not None else self.now
        if state.started_at:
            pieces.append(Piece(Content(age(until - state.started_at)), 2))
        if state.filter.kept_out:
            words = f"kept out of Manager {tokens(state.filter.kept_out, estimated=True)} tok"
            pieces.append(Piece(Content(words), 3))
        return pieces
