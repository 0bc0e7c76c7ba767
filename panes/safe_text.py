"""The one door for foreign text into a widget: it comes out as `Content`, which is never read as markup."""

from textual.content import Content

from panes.visible_text import one_line, visible


def safe(text: str, style: str = "", *, limit: int = 20_000) -> Content:
    """Return foreign text as content of any number of lines; see `visible` for what is marked and cut."""
    return Content.styled(visible(text, limit=limit), style) if style else Content(visible(text, limit=limit))


def safe_line(text: str, style: str = "", *, limit: int = 300) -> Content:
    """Return foreign text as content of one line."""
    return Content.styled(one_line(text, limit=limit), style) if style else Content(one_line(text, limit=limit))
