"""The transcript of a window: what its agent says as it comes, what it calls, and cards for what happened."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from rich.segment import Segment
from textual import events
from textual.binding import Binding
from textual.content import Content
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip
from textual.visual import Visual

from panes.blocks import LINE_LIMIT, SAID_KINDS, Block, Blocks
from panes.drawing import INDENT, draw
from panes.entries import Entry, TurnClosed
from panes.figures import tokens
from panes.look import Look
from panes.visible_text import visible
from panes.wrapping import wrap


@dataclass(slots=True)
class _Page:
    """The blocks laid out for one width."""

    width: int = 0
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
    COMPONENT_CLASSES = {f"transcript--{kind}" for kind in (*SAID_KINDS, "folded", "empty")}

    follow: reactive[bool] = reactive(True, repaint=False)
    """Whether new text keeps the end in view."""

    @dataclass
    class TextWanted(Message):
        """The person wants to read what a past turn said: who shows it, the turn, and the artefact that holds it."""

        transcript: "Transcript"
        turn: str
        artefact: str

    def __init__(self, look: Look, *, empty: str, id: str | None = None) -> None:
        super().__init__(id=id)
        self.look = look
        self._empty = empty
        self._blocks = Blocks()
        self._page = _Page()

    def take(self, entries: Iterable[Entry]) -> None:
        """Add entries at the end."""
        for entry in entries:
            self._blocks.take(entry)
        gone = self._blocks.forget_oldest()
        del self._page.strips[:gone]
        if gone and not self.follow:
            self.scroll_to(y=max(0, self.scroll_y - gone), animate=False, immediate=True)
        self._show_changes()

    def unfold(self, turn: str, text: str) -> None:
        """Show what a past turn said in place of the line that offered it."""
        self._blocks.unfold(turn, text)
        self._show_changes()

    def plain_rows(self) -> list[str]:
        """Return the rows as plain text, as they are laid out now."""
        return [strip.text.rstrip() for strip in self._page.strips]

    # Laying out.

    def _show_changes(self) -> None:
        if self.is_attached and self.is_on_screen:
            self._lay_out()

    def _lay_out(self) -> None:
        """Lay out what is not laid out yet for the present width, and keep the end in view when following."""
        width = self.scrollable_content_region.width
        if width <= 0:
            return
        page, blocks = self._page, self._blocks
        if page.width != width:
            page.width, blocks.changed = width, 0
        del page.strips[sum(block.rows for block in blocks.all[: blocks.changed]) :]
        for block in blocks.all[blocks.changed :]:
            strips = self._strips_of(block, width)
            if block.spaced and strips:
                strips.insert(0, Strip.blank(width))
            block.rows = len(strips)
            page.strips += strips
        blocks.changed = len(blocks.all)
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
            # The line that a trailing newline opened is not there until something is said in it.
            return [] if not block.text and block is self._blocks.all[-1] else self._said(block, width)
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
        text = visible(block.text, limit=LINE_LIMIT)
        if block.cut:
            text += f"… ({block.cut:,} more characters)"
        return self._plain(wrap(text, max(4, min(width, 120) - 4 - len(lead))), INDENT + lead, block.group)

    def _plain(self, rows: list[str], lead: str, kind: str) -> list[Strip]:
        style = self.get_component_rich_style(f"transcript--{kind}")
        return [Strip([Segment(lead + row, style)]) for row in rows]

    # Showing.

    def render_lines(self, crop: Region) -> list[Strip]:
        # A widget mounted while the screen is laid out gets its size, but the event that says so may be lost: what is
        # asked to paint without being laid out therefore asks for it.
        if self._page.width != self.scrollable_content_region.width and self._blocks.all:
            self.call_later(self._lay_out)
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        if not self._blocks.all:
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
        self._lay_out()

    def on_resize(self) -> None:
        self._lay_out()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._blocks.changed = 0
        self.call_after_refresh(self._show_changes)

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
        for block in self._blocks.all:
            if block.folded and (row < bottom or found is None):
                found = block.folded
            row += block.rows
        self._want(found)

    def on_click(self, event: events.Click) -> None:
        at, row = event.y + round(self.scroll_y), 0
        for block in self._blocks.all:
            row += block.rows
            if at < row:
                self._want(block.folded)
                return

    def _want(self, folded: TurnClosed | None) -> None:
        if folded is not None:
            self.post_message(self.TextWanted(self, folded.turn, folded.transcript))
