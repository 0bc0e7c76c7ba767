"""Foreign text made visible: what would steer a terminal or hide from the eye becomes a mark. Knows no widget."""

import re

_HIDDEN = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 but tab and newline, DEL, C1
    "\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"  # soft hyphen, fillers, Mongolian selectors
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb"  # zero width, bidi, separators
    "\ud800-\udfff\U0001d173-\U0001d17a\U000e0000-\U000e0fff"  # lone surrogates, musical controls, tags
)
_ODD = re.compile(f"[{_HIDDEN}\t]")
_MANY_MARKS = re.compile(
    "([\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]{4})"
    "[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]+"
)
_LINE_LIMIT = 2000


def visible(text: str, *, limit: int = 20_000, line_limit: int = _LINE_LIMIT) -> str:
    """Return text that a terminal only prints: controls, bidi and zero-width characters stand as marks.

    Control characters become `^[`, everything else that hides becomes `<U+202E>`. Tabs become spaces, CRLF a newline.
    Piles of combining marks are cut, and so are lines of over `line_limit` and text of over `limit` characters, with a
    note.
    """
    if len(text) > limit:
        text = f"{text[:limit]}… ({len(text) - limit:,} more characters)"
    text = text.replace("\r\n", "\n")
    if _ODD.search(text):
        text = "\n".join(_ODD.sub(_mark, line.expandtabs(4)) for line in text.split("\n"))
    if not text.isascii():
        text = _MANY_MARKS.sub(r"\1<…>", text)
    if len(text) > line_limit:
        text = "\n".join(_shorten(line, line_limit) for line in text.split("\n"))
    return text


def one_line(text: str, *, limit: int = 300) -> str:
    """Return foreign text as a single visible line of at most `limit` characters."""
    # The cut comes first: a megabyte must not be searched for the sake of a title.
    line = visible(" ".join(text[: limit * 8].split()), limit=limit * 8)
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def _mark(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code < 0x20 or code == 0x7F:
        return f"^{chr(code ^ 0x40)}"
    return f"<U+{code:04X}>"


def _shorten(line: str, limit: int) -> str:
    if len(line) <= limit:
        return line
    return f"{line[:limit]}… ({len(line) - limit:,} more characters)"
