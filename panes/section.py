"""A titled box of lines drawn from the session's state, each line of which may stand for something to click."""

from dataclasses import dataclass

from textual import events
from textual.content import Content
from textual.message import Message

from panes.boxes import boxed
from panes.drawn import StateView


@dataclass(frozen=True, slots=True)
class Line:
    """One line, and what a click on it means to the section; empty when it means nothing."""

    content: Content
    target: str = ""


class Section(StateView):
    """A box that fills its height. Subclasses give `title`, `right` and `lines`."""

    @dataclass
    class Chosen(Message):
        """A line was clicked: its section and its target."""

        section: "Section"
        target: str

    def title(self) -> Content:
        """Return the words in the top edge."""
        return Content("")

    def right(self) -> Content:
        """Return the words at the right end of the top edge."""
        return Content("")

    def foot(self) -> Content:
        """Return the words in the bottom edge."""
        return Content("")

    def foot_right(self) -> Content:
        """Return the words at the right end of the bottom edge."""
        return Content("")

    def lines(self, width: int) -> list[Line]:
        """Return the lines for `width` cells inside the box."""
        return []

    def rows(self, width: int) -> list[Content]:
        lines = self._fitted(max(1, width - 4))
        return boxed(
            [line.content for line in lines],
            width,
            self.look.glyphs,
            title=self.title(),
            right=self.right(),
            foot=self.foot(),
            foot_right=self.foot_right(),
            style="$line",
        )

    def wanted_height(self, width: int) -> int:
        return len(self.lines(max(1, width - 4))) + 2

    def on_click(self, event: events.Click) -> None:
        lines = self._fitted(max(1, self.content_size.width - 4))
        at = event.y - 1
        if 0 <= at < len(lines) and lines[at].target:
            self.post_message(self.Chosen(self, lines[at].target))

    def cut(self, lines: list[Line], height: int) -> list[Line]:
        """Return `height` of too many lines."""
        more = len(lines) - height + 1
        return [*lines[: height - 1], Line(Content.styled(f"{more} more lines", "$muted"))]

    def _fitted(self, width: int) -> list[Line]:
        """Return the lines cut or filled up to the height there is."""
        lines = self.lines(width)
        height = self.content_size.height - 2
        if height <= 0:
            return lines
        if len(lines) > height:
            return self.cut(lines, height)
        return lines + [Line(Content(""))] * (height - len(lines))
