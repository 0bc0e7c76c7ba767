"""A widget that is a list of rows for a width, and one that draws the state of a session so."""

from textual.content import Content
from textual.geometry import Size
from textual.reactive import reactive
from textual.widget import Widget

from panes.look import Look
from sessions.state import EMPTY, SessionState


class Drawn(Widget):
    """A widget whose whole face is `rows(width)`; it draws anew only when a row is another one."""

    def __init__(self, look: Look, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.look = look
        self._drawn: Content | None = None
        self._drawn_width = -1
        self._height = 0

    def rows(self, width: int) -> list[Content]:
        """Return the rows of the widget, each at most `width` cells wide; this is what a subclass gives."""
        return []

    def redraw(self) -> None:
        """Draw again if something else is to be seen."""
        width = self.content_size.width
        if not self.is_mounted or width <= 0:
            return
        height = self.wanted_height(width)
        content = Content("\n").join(self.rows(width))
        if self._drawn is not None and content.is_same(self._drawn) and height == self._height:
            return
        taller = height != self._height
        self._drawn, self._drawn_width, self._height = content, width, height
        self.refresh(layout=taller and self.styles.height is not None and self.styles.height.is_auto)

    def wanted_height(self, width: int) -> int:
        """Return how many rows there are to show, were there room for all."""
        return len(self.rows(width))

    def render(self) -> Content:
        width = self.content_size.width
        if self._drawn is None or self._drawn_width != width:
            self._drawn, self._drawn_width = Content("\n").join(self.rows(width)), width
            self._height = self.wanted_height(width)
        return self._drawn

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return self.wanted_height(width)

    def on_resize(self) -> None:
        self._drawn = None
        self.redraw()


class StateView(Drawn):
    """A drawn widget of the session's state.

    `now` is the wall time in seconds, passed in so that pictures hold still. Both come down from the screen by binding.
    """

    state: reactive[SessionState] = reactive(EMPTY, repaint=False)
    now: reactive[float] = reactive(0.0, repaint=False)

    def watch_state(self) -> None:
        self.redraw()

    def watch_now(self) -> None:
        self.redraw()
