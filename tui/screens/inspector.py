"""The handoff inspector: who to whom, what crosses and how big it is, why it stopped, the text, and the decision."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from panes.figures import age, percent, tokens
from panes.fitting import spread
from panes.look import Look
from panes.needs import PAYLOAD_WORDS, handoff_title
from panes.roster import Roster
from panes.safe_text import safe, safe_line
from panes.windows import agent_words
from sessions.prompts import PartCount
from sessions.state import HandoffState, SessionState
from tui.screens.dialog import GUARD, Dialog, Draft, keys_line, no_draft

_VERBS = {
    "a": "approve",
    "e": "edit",
    "o": "redirect",
    "x": "reject",
    "t": "pane.retask",
    "exclamation_mark": "pane.escalate",
    "g": "session.gate",
}
_LEFT = 36


@dataclass(frozen=True, slots=True)
class Decision:
    """What the person decided: `approve`, `edit`, `redirect`, `reject` or the id of another command, and a note."""

    verb: str
    note: str = ""


class Inspector(Dialog[Decision]):
    """Shows a held handoff and gives the decision, None for later.

    Args:
        read: Returns an artefact as text.
    """

    def __init__(
        self,
        handoff: HandoffState,
        state: SessionState,
        roster: Roster,
        look: Look,
        *,
        now: Callable[[], float],
        ticks: Callable[[], float],
        read: Callable[[str], Awaitable[str]],
        draft: Draft = no_draft,
    ) -> None:
        payload = handoff.proposed.payload
        task = [f"{payload.task} try {payload.attempt}"] if payload.task else []
        words = [handoff_title(state, handoff, roster), *task, f"held {age(now() - handoff.at)}"]
        subject = f" {look.glyphs.dot} ".join(words)
        super().__init__("HANDOFF", subject, draft=draft)
        self.handoff = handoff
        self._session = state
        self._roster = roster
        self._look = look
        self._ticks = ticks
        self._read = read
        self._opened = 0.0
        self.add_class("-large")
        self.add_class("-inspector")

    def body(self) -> ComposeResult:
        payload = self.handoff.proposed.payload
        with Horizontal(classes="inspector-columns"):
            with Vertical(classes="inspector-left"):
                yield Static(Content.styled("WHAT GOES ACROSS", "bold"), markup=False)
                yield OptionList(*self._options(), id="parts", markup=False)
                yield Static(self._facts(), id="facts", markup=False)
            with Vertical(classes="inspector-right"):
                yield Static("", id="preview-title", markup=False)
                with VerticalScroll(id="preview-scroll", can_focus=False):
                    yield Static(safe(self.handoff.text), id="preview", markup=False)
        with Horizontal(classes="inspector-note"):
            yield Static(
                safe_line(f"note to {self._roster.name_of(self._session, self.handoff.receiver)}", "$muted", limit=30),
                markup=False,
            )
            yield Input(value=self.draft(None), max_length=2000, id="note", compact=True, select_on_focus=False)
        self._show_title(PAYLOAD_WORDS[payload.kind], payload.title)

    def _options(self) -> list[Option]:
        payload = self.handoff.proposed.payload
        options = [
            Option(Content.assemble("    ", safe_line(payload.title, "bold")).truncate(_LEFT, ellipsis=True), id="text")
        ]
        for n, part in enumerate(payload.parts):
            options.append(Option(self._part(part), id=f"part-{n}"))
        return options

    def _part(self, part: PartCount) -> Content:
        style = "" if part.included else "$muted"
        box = "[x] " if part.included else "[ ] "
        size = tokens(part.tokens, estimated=True)
        return spread(
            Content.assemble((box, style), safe_line(part.title, style)), Content.styled(f" {size}", style), _LEFT
        )

    def _facts(self) -> Content:
        state, proposed = self._session, self.handoff.proposed
        parts = proposed.payload.parts
        crossing = sum(part.tokens for part in parts if part.included)
        left_out = sum(part.tokens for part in parts if not part.included)
        lines = [Content.assemble(("total ", "$muted"), f"{tokens(crossing, estimated=True)} tok")] if parts else []
        if left_out:
            lines.append(Content.assemble(("kept out ", "$muted"), f"{tokens(left_out, estimated=True)} tok"))
        receiver = self._roster.window_of(state, self.handoff.receiver)
        if receiver is not None and receiver.seat.context_window:
            size = receiver.seat.context_window
            before, after = receiver.context_tokens / size, (receiver.context_tokens + crossing) / size
            words = f"{percent(before)} -> {percent(after)} of {tokens(size).replace('.0k', 'k')}"
            lines.append(Content.assemble(safe_line(f"{receiver.seat.title} ctx", "$muted", limit=30), f" {words}"))
        lines.append(Content(""))
        lines.append(Content.styled("WHY IT STOPPED", "bold"))
        lines.append(safe_line(proposed.held or "the gate holds it"))
        sender = self._roster.window_of(state, proposed.sender)
        if sender is not None:
            lines += [
                Content(""),
                Content.styled("BY", "bold"),
                safe_line(f"{sender.seat.title}, {agent_words(sender)}"),
            ]
            lines.append(Content.styled(f"at {self._look.time(self.handoff.at)}", "$muted"))
        if self.handoff.edited:
            lines.append(Content.styled("edited by you", "bold $state-waiting"))
        return Content("\n").join(lines)

    def keys(self) -> Content:
        pairs = [
            ("a", "approve"),
            ("e", "edit"),
            ("o", "redirect"),
            ("x", "reject"),
            ("t", "retask"),
            ("!", "escalate"),
        ]
        return keys_line(*pairs, ("Tab", "note"), ("PgDn", "read on"), ("Esc", "later"))

    def first_focus(self) -> OptionList:
        self._opened = self._ticks()
        parts = self.query_one("#parts", OptionList)
        parts.highlighted = 0
        return parts

    def stands(self, state: SessionState) -> bool:
        open_one = state.handoffs.get(self.handoff.proposed.handoff)
        return open_one is not None and open_one.stage == "proposed"

    def on_key(self, event: events.Key) -> None:
        if event.key in ("pageup", "pagedown"):
            event.stop()
            event.prevent_default()
            scroll = self.query_one("#preview-scroll", VerticalScroll)
            scroll.scroll_relative(y=(scroll.size.height - 1) * (1 if event.key == "pagedown" else -1), animate=False)
            return
        verb = _VERBS.get(event.key)
        if verb is None or isinstance(self.focused, Input):
            return
        event.stop()
        if self._ticks() - self._opened < GUARD:
            return
        note = self.query_one("#note", Input).value.strip()
        self.dismiss(Decision(verb, note))

    @on(Input.Changed, "#note")
    def keep_draft(self, message: Input.Changed) -> None:
        """Keep the note, whatever closes the dialog."""
        self.draft(message.value)

    @on(Input.Submitted, "#note")
    def leave_note(self) -> None:
        """Enter in the note leaves it; the decision is a key of its own."""
        self.query_one("#parts", OptionList).focus()

    @on(OptionList.OptionHighlighted, "#parts")
    def preview_part(self, message: OptionList.OptionHighlighted) -> None:
        """Show the text of the highlighted part."""
        message.stop()
        payload = self.handoff.proposed.payload
        at = message.option_index - 1
        if at < 0:
            self._show_title(PAYLOAD_WORDS[payload.kind], payload.title)
            self._show_text(self.handoff.text)
            return
        part = payload.parts[at]
        self._show_title("part" if part.included else "kept out", part.title)
        if part.artefact:
            self.run_worker(self._fetch(part.artefact), group="preview", exclusive=True)
        else:
            self._show_text("This part has no text of its own in the log.")

    async def _fetch(self, artefact: str) -> None:
        self._show_text("...")
        self._show_text(await self._read(artefact))

    def _show_title(self, word: str, title: str) -> None:
        for widget in self.query("#preview-title").results(Static):
            widget.update(Content.assemble(("PREVIEW  ", "bold"), (f"{word}  ", "$muted"), safe_line(title)))

    def _show_text(self, text: str) -> None:
        self.query_one("#preview", Static).update(preview(text))
        self.query_one("#preview-scroll", VerticalScroll).scroll_home(animate=False)


def preview(text: str) -> Content:
    """Return a text for reading, with the lines of a diff told apart."""
    lines = safe(text, limit=60_000).split("\n")
    if not text.startswith(("diff ", "--- ")):
        return Content("\n").join(lines)
    styles = {"+": "$verdict-pass", "-": "$verdict-fail", "@": "$accent"}
    return Content("\n").join(
        [line.stylize(styles[line.plain[0]]) if line.plain[:1] in styles else line for line in lines]
    )
