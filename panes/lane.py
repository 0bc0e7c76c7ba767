"""The handoff lane: what crosses between windows now, what crossed last, what is expected next."""

from textual.content import Content
from textual.reactive import reactive

from panes.figures import age, percent, tokens
from panes.fitting import pad, spread
from panes.needs import PAYLOAD_WORDS
from panes.roster import Roster
from panes.safe_text import safe_line
from panes.section import Line, Section
from sessions.state import HandoffState

_SHOWN_PAST = 3


class HandoffLane(Section):
    """One row for each handoff: solid when it flows, dashed when it is expected, HELD FOR YOU when it waits."""

    roster: reactive[Roster] = reactive(Roster(), repaint=False)

    def watch_roster(self) -> None:
        self.redraw()

    def title(self) -> Content:
        return Content.styled("HANDOFF LANE", "bold")

    def cut(self, lines: list[Line], height: int) -> list[Line]:
        """Let what is past give way to what is not."""
        return lines[-height:]

    def right(self) -> Content:
        held, flowing = self._counts()
        words = [f"{held} held"] if held else []
        words += [f"{flowing} flowing"] if flowing else []
        return Content.styled("  ".join(words), "$muted")

    def foot(self) -> Content:
        if not self.state.held():
            return Content("")
        return Content.styled("i inspect  a approve  e edit  o redirect  x reject", "$muted")

    def foot_right(self) -> Content:
        kept = self.state.filter.kept_out
        return (
            Content.styled(f"kept out of the Manager {tokens(kept, estimated=True)} tok", "$muted")
            if kept
            else Content("")
        )

    def _counts(self) -> tuple[int, int]:
        held = len(self.state.held())
        return held, len(self.state.handoffs) - held

    def lines(self, width: int) -> list[Line]:
        past = self.state.past_handoffs[-_SHOWN_PAST:]
        lines = [Line(self._row(one, width), one.proposed.handoff) for one in past]
        for one in self.state.handoffs.values():
            lines.append(Line(self._row(one, width), one.proposed.handoff))
            if one.stage == "proposed":
                lines += [Line(row, one.proposed.handoff) for row in self._after(one, width)]
        expected = self._expected(width)
        if expected is not None:
            lines.append(Line(expected))
        return lines or [Line(Content.styled("nothing has crossed yet", "$muted"))]

    def _ways(
        self, sender: str, words: str, receiver: str, width: int, *, dashed: bool = False, style: str = "$muted"
    ) -> Content:
        """Return `3 Worker --- report ---> 5 Auditor` in columns."""
        glyphs = self.look.glyphs
        stroke = glyphs.dashed if dashed else glyphs.solid
        name, line = (14, 26) if width >= 90 else (10, 22)
        middle = f" {words[: line - 8]} ".center(line - 2, stroke)
        return Content.assemble(
            pad(safe_line(sender, style if dashed else "bold"), name),
            (f" {stroke}{middle}{glyphs.arrow} ", style),
            pad(safe_line(receiver, style if dashed else "bold"), name),
        )

    def _row(self, handoff: HandoffState, width: int) -> Content:
        state, payload = self.state, handoff.proposed.payload
        sender, receiver = self.roster.ends(state, handoff.proposed.sender, handoff.receiver)
        held = handoff.stage == "proposed"
        style = "$state-waiting" if held else "$accent" if handoff.stage == "approved" else "$muted"
        left = self._ways(sender, self._what(handoff), receiver, width, style=style)
        size = sum(part.tokens for part in payload.parts if part.included)
        figures = f"{tokens(size, estimated=True) + ' tok' if size else '':>9}  "
        task = pad(safe_line(payload.task, "$muted", limit=8), 6)
        stage = self._stage(handoff, short=width < 90)
        if width >= 90:
            left = Content.assemble(left, "  ", task, (figures, "$muted"))
        return spread(left, stage, width)

    def _what(self, handoff: HandoffState) -> str:
        payload = handoff.proposed.payload
        word = PAYLOAD_WORDS[payload.kind]
        task = self.state.tasks.get(payload.task)
        if payload.kind.startswith("verdict") and task:
            mine = [one for one in task.verdicts if one.attempt == payload.attempt] or list(task.verdicts)
            word += f" {mine[-1].verdict.verdict.upper()}" if mine else ""
        return word

    def _stage(self, handoff: HandoffState, *, short: bool) -> Content:
        if handoff.stage == "proposed":
            return Content.styled(
                f"! {'HELD' if short else 'HELD FOR YOU'} {age(self.now - handoff.at)}", "bold reverse $state-waiting"
            )
        if handoff.stage == "approved":
            return safe_line("flowing" if short else f"flowing by {handoff.by}", "$accent", limit=40)
        if short:
            return Content.styled(f" {handoff.stage}", "$muted")
        edited = "edited, " if handoff.edited else ""
        return safe_line(f"{edited}{handoff.stage} by {handoff.by or 'you'}", "$muted", limit=40)

    def _after(self, handoff: HandoffState, width: int) -> list[Content]:
        """Return what the receiver's context will be once this has crossed."""
        receiver = self.roster.window_of(self.state, handoff.receiver)
        if receiver is None or not receiver.seat.context_window:
            return []
        size = receiver.seat.context_window
        crossing = sum(part.tokens for part in handoff.proposed.payload.parts if part.included)
        before, after = receiver.context_tokens / size, (receiver.context_tokens + crossing) / size
        words = f"{receiver.seat.title} ctx after: {percent(before)} -> {percent(after)}"
        return [spread(Content(""), safe_line(words, "$muted"), width)]

    def _expected(self, width: int) -> Content | None:
        """Return the row for what the node at work will hand over."""
        position = self.state.position
        if position.stage != "at":
            return None
        edge = self.roster.expected(position.node)
        if edge is None or not edge.handoff:
            return None
        sender, receiver = self.roster.ends(self.state, position.node, edge.target)
        left = self._ways(sender, PAYLOAD_WORDS[edge.handoff], receiver, width, dashed=True)
        return spread(left, safe_line(f"waits: {sender} at work" if width >= 90 else "waits", "$muted"), width)
