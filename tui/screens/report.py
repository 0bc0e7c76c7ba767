"""The report of a session that has ended: outcome, what was built, how to run it, what it took."""

from collections.abc import Awaitable, Callable

from textual import events
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from panes.figures import age, count, money, tokens
from panes.look import Look
from panes.plan_strip import progress
from panes.safe_text import safe, safe_line
from sessions.state import SessionState
from tui.screens.dialog import Dialog, keys_line


class ReportScreen(Dialog[bool]):
    """Shows the summary and the figures at once, the whole report as soon as it is read. Gives True to quit."""

    def __init__(self, state: SessionState, look: Look, *, read: Callable[[str], Awaitable[str]]) -> None:
        ended = state.ended
        outcome = ended.outcome.upper() if ended else "?"
        super().__init__(f"SESSION {outcome}", state.started.project if state.started else "")
        self._session = state
        self._look = look
        self._read = read
        self.add_class("-large")

    def body(self) -> ComposeResult:
        ended = self._session.ended
        with VerticalScroll(id="report-scroll"):
            yield Static(safe(ended.summary if ended else "", limit=4000), id="summary", markup=False)
            yield Static(self._figures(), id="figures", markup=False)
            yield Static("", id="report", markup=False)

    def _figures(self) -> Content:
        state = self._session
        done, total = progress(state)
        totals = state.totals
        rows = [
            ("tasks", f"{done} of {total} done, {count(totals.retasks, 'retask')}, {count(totals.turns, 'turn')}"),
            ("time", age(state.last_at - state.started_at)),
            (
                "tokens",
                f"{tokens(state.totals.input_tokens)} in  {tokens(state.totals.output_tokens)} out  "
                f"cost {money(state.totals.cost, known=state.totals.cost_known)}",
            ),
            ("kept out", f"{tokens(state.filter.kept_out, estimated=True)} tok kept out of the Manager, who received "
                         f"{tokens(state.filter.manager_received, estimated=True)}"),
        ]  # fmt: skip
        if state.ended and state.ended.ref:
            rows.append(("take over", f"git merge {state.ended.ref}"))
        return Content("\n").join(
            [Content.assemble((name.ljust(11), "$muted"), safe_line(words)) for name, words in rows]
        )

    def keys(self) -> Content:
        return keys_line(("Up Down", "scroll"), ("Esc", "back to the windows"), ("q", "quit"))

    def first_focus(self) -> Widget:
        ended = self._session.ended
        if ended is not None and ended.report:
            self.run_worker(self._fetch(ended.report), group="report", exclusive=True)
        return self.query_one("#report-scroll")

    def on_key(self, event: events.Key) -> None:
        if event.key == "q":
            event.stop()
            self.dismiss(True)

    async def _fetch(self, artefact: str) -> None:
        text = await self._read(artefact)
        self.query_one("#report", Static).update(report_content(text))


def report_content(text: str) -> Content:
    """Return a report in Markdown for reading: headings and indented commands told apart, nothing interpreted."""
    rows: list[Content] = []
    for line in safe(text, limit=60_000).split("\n"):
        plain = line.plain
        if plain.startswith("#"):
            rows.append(Content.styled(plain.lstrip("# "), "bold $focus"))
        elif plain.startswith("    "):
            rows.append(line.stylize("bold $accent"))
        else:
            rows.append(line)
    return Content("\n").join(rows)
