"""The transcript of a window: what its agent says as it comes, what it calls, and cards for what happened."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from rich.segment import Segment
from textual import events
from textual.binding import Binding
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip
from textual.visual import Visual

from panes.drawing import INDENT, draw, group_of
from panes.entries import Entry, Said, TurnClosed, TurnOpened
from panes.figures import tokens
from panes.look import Look
from panes.visible_text import visible
from panes.wrapping import wrap

BLOCK_LIMIT = 4000
"""Blocks kept; a line of said text and a card are one each. The log and the artefacts keep everything."""
_LINE_LIMIT = 4000
_KINDS = ("text", "reasoning", "tool", "output", "note")


@dataclass(slots=True)
class Block:
    """A piece of the transcript that is laid out as one: a line of said text, or an entry. `rows` counts its rows on screen."""

    group: str
    entry: Entry | None = None
    text: str = ""
    turn: str = ""
    spaced: bool = False
    cut: int = 0
    rows: int = 0
    folded: TurnClosed | None = None


@dataclass(slots=True)
class _Page:
    """The blocks laid out for one width."""

    width: int = 0
    laid: int = 0
    strips: list[Strip] = field(default_factory=list[Strip])


class Transcript(ScrollView, can_focus=True):
    """Shows entries in the order they come. Follows the end unless the person scrolled up.

    Nothing is laid out while the widget is not on screen.
    """

    BINDINGS = [
        Binding("pageup", "page_up", "Scroll up", show=False),
        Binding("pagedown", "page_down", "Scroll down", show=False),
        Binding("home", "scroll_home", "To the start", show=False),
        Binding("end", "to_end", "To the end", show=False),
        Binding("enter", "unfold", "Show what was said", show=False),
    ]
    COMPONENT_CLASSES = {f"transcript--{kind}" for kind in (*_KINDS, "folded", "empty")}

    follow: reactive[bool] = reactive(True, repaint=False)
    """Whether new text keeps the end in view."""

    @dataclass
    class TextWanted(Message):
        """The person wants to read what a past turn said: the turn, and the artefact that holds it."""

        turn: str
        artefact: str

    def __init__(self, look: Look, *, empty: str, id: str | None = None) -> None:
        super().__init__(id=id)
        self.look = look
        self._empty = empty
        self._blocks: list[Block] = []
        self._page = _Page()
        self._on_screen = False
        self._heard: set[str] = set()
        self._dropped = 0

    def take(self, entries: Iterable[Entry]) -> None:
        """Add entries at the end."""
        before = len(self._blocks)
        for entry in entries:
            if isinstance(entry, Said):
                self._say(entry)
                before = min(before, max(0, len(self._blocks) - 1))
            else:
                self._add(entry)
        self._page.laid = min(self._page.laid, before)
        self._forget_oldest()
        if self._on_screen:
            self._lay_out()

    def unfold(self, turn: str, text: str) -> None:
        """Show what a past turn said in place of the line that offered it."""
        at = next((n for n, block in enumerate(self._blocks) if block.folded and block.turn == turn), None)
        if at is None:
            return
        lines = text.rstrip().split("\n")[:BLOCK_LIMIT]
        said = [Block("text", text=line[:_LINE_LIMIT], turn=turn, cut=max(0, len(line) - _LINE_LIMIT)) for line in lines]
        said[0].spaced = self._blocks[at].spaced
        self._blocks[at : at + 1] = said
        self._heard.add(turn)
        self._page.laid = 0
        if self._on_screen:
            self._lay_out()

    def plain_rows(self) -> list[str]:
        """Return the rows as plain text, as they are laid out now."""
        return [strip.text.rstrip() for strip in self._page.strips]

    # What is said comes in pieces that end anywhere; each line of it is a block, so only the last one is laid out again.

    def _say(self, said: Said) -> None:
        self._heard.add(said.turn)
        kind = said.kind if said.kind in _KINDS else "note"
        first, *rest = said.text.split("\n")
        last = self._blocks[-1] if self._blocks else None
        if last is not None and last.group == kind and last.turn == said.turn and last.entry is None:
            self._lengthen(last, first)
        elif first or rest:
            self._append(Block(kind, text="", turn=said.turn))
            self._lengthen(self._blocks[-1], first)
        for line in rest:
            self._append(Block(kind, text="", turn=said.turn))
            self._lengthen(self._blocks[-1], line)

    def _lengthen(self, block: Block, text: str) -> None:
        room = _LINE_LIMIT - len(block.text)
        block.text += text[:room]
        block.cut += max(0, len(text) - room)

    def _add(self, entry: Entry) -> None:
        self._close_line()
        if isinstance(entry, TurnClosed):
            if entry.transcript and entry.transcript_tokens and entry.turn not in self._heard:
                self._append(Block("folded", turn=entry.turn, folded=entry))
            self._heard.discard(entry.turn)
        self._append(Block(group_of(entry), entry=entry, turn=getattr(entry, "turn", "")))

    def _close_line(self) -> None:
        """Drop the empty line that a trailing newline opened."""
        while self._blocks and self._blocks[-1].entry is None and not self._blocks[-1].folded and not self._blocks[-1].text:
            self._blocks.pop()
        self._page.laid = min(self._page.laid, len(self._blocks))

    def _append(self, block: Block) -> None:
        last = self._blocks[-1] if self._blocks else None
        block.spaced = last is not None and (
            last.group != block.group or block.group == "card" or isinstance(block.entry, TurnOpened)
        )
        self._blocks.append(block)

    def _forget_oldest(self) -> None:
        if len(self._blocks) <= BLOCK_LIMIT:
            return
        gone = len(self._blocks) - BLOCK_LIMIT + BLOCK_LIMIT // 10
        rows = sum(block.rows for block in self._blocks[:gone])
        del self._blocks[:gone]
        del self._page.strips[:rows]
        self._page.laid = max(0, self._page.laid - gone)
        self._dropped += gone
        if not self.follow:
            self.scroll_to(y=max(0, self.scroll_y - rows), animate=False, immediate=True)

    # Laying out.

    def _lay_out(self) -> None:
        """Lay out what is not laid out yet for the present width, and keep the end in view when following."""
        width = self.scrollable_content_region.width
        if width <= 0:
            return
        page = self._page
        if page.width != width:
            page.width, page.laid = width, 0
        keep = sum(block.rows for block in self._blocks[: page.laid])
        del page.strips[keep:]
        for block in self._blocks[page.laid :]:
            strips = self._strips_of(block, width)
            if block.spaced:
                strips.insert(0, Strip.blank(width))
            block.rows = len(strips)
            page.strips += strips
        page.laid = len(self._blocks)
        self.virtual_size = Size(width, len(page.strips))
        if self.follow:
            self.scroll_to(y=self.max_scroll_y, animate=False, immediate=True, force=True)
        self.refresh()

    def _strips_of(self, block: Block, width: int) -> list[Strip]:
        if block.folded is not None:
            size = tokens(block.folded.transcript_tokens, estimated=True)
            words = f"{INDENT}{self.look.glyphs.fold} {size} tok said   Enter shows them"
            return self._plain([words[:width]], "", "folded")
        if block.entry is None:
            return self._said(block, width)
        rows = draw(block.entry, max(10, width - len(INDENT) * 2), self.look)
        content = Content("\n").join([Content.assemble(INDENT, row) for row in rows])
        return Visual.to_strips(self, content, width, None, self.visual_style)

    def _said(self, block: Block, width: int) -> list[Strip]:
        glyphs = self.look.glyphs
        lead = {
            "reasoning": f"{glyphs.bar if glyphs.ascii else '┊'} ",
            "tool": f"{glyphs.activity['tool']} ",
            "output": f"{glyphs.upright} ",
            "note": f"{glyphs.dot} ",
        }.get(block.group, "")
        text = visible(block.text, limit=_LINE_LIMIT)
        if block.cut:
            text += f"… ({block.cut:,} more characters)"
        return self._plain(wrap(text, max(4, min(width, 120) - 4 - len(lead))), INDENT + lead, block.group)

    def _plain(self, rows: list[str], lead: str, kind: str) -> list[Strip]:
        style = self.get_component_rich_style(f"transcript--{kind}")
        return [Strip([Segment(lead + row, style)]) for row in rows]

    # Showing.

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        if not self._blocks:
            return self._empty_line(y, width)
        at = y + round(self.scroll_y)
        strips = self._page.strips
        if at >= len(strips):
            return Strip.blank(width, self.rich_style)
        strip = strips[at].extend_cell_length(width).apply_style(self.rich_style)
        selection = self.text_selection
        if selection is not None and (span := selection.get_span(at)) is not None:
            strip = self._select(strip, *span)
        return strip.apply_offsets(0, at)

    def _select(self, strip: Strip, start: int, end: int) -> Strip:
        style = self.screen.get_component_rich_style("screen--selection")
        end = strip.cell_length if end == -1 else min(end, strip.cell_length)
        if end <= start:
            return strip
        before, chosen, after = strip.crop(0, start), strip.crop(start, end), strip.crop(end)
        marked = Strip(Segment.apply_style(chosen, post_style=style), chosen.cell_length)
        return Strip.join([before, marked, after])

    def _empty_line(self, y: int, width: int) -> Strip:
        style = self.get_component_rich_style("transcript--empty")
        if y != self.size.height // 2:
            return Strip.blank(width, self.rich_style)
        words = self._empty[:width].center(width)
        return Strip([Segment(words, style)], width).apply_style(self.rich_style)

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        return selection.extract("\n".join(self.plain_rows())), "\n"

    def selection_updated(self, selection: Selection | None) -> None:
        self.refresh()

    def on_show(self) -> None:
        self._on_screen = True
        self._lay_out()

    def on_hide(self) -> None:
        self._on_screen = False

    def on_resize(self) -> None:
        if self._on_screen:
            self._lay_out()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._page.laid = 0
        if self._on_screen:
            self.call_after_refresh(self._lay_out)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self.follow = new_value >= self.max_scroll_y - 1

    def action_to_end(self) -> None:
        self.scroll_end(animate=False, immediate=True)

    # Reading what past turns said.

    def action_unfold(self) -> None:
        """Ask for the lowest folded turn in view, or the last one of all."""
        bottom = round(self.scroll_y) + self.size.height
        row, found = 0, None
        for block in self._blocks:
            if block.folded and (row < bottom or found is None):
                found = block.folded
            row += block.rows
        self._want(found)

    def on_click(self, event: events.Click) -> None:
        at, row = event.y + round(self.scroll_y), 0
        for block in self._blocks:
            row += block.rows
            if at < row:
                self._want(block.folded)
                return

    def _want(self, folded: TurnClosed | None) -> None:
        if folded is not None:
            self.post_message(self.TextWanted(folded.turn, folded.transcript))
