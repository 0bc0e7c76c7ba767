"""What the program has shown so far: a bounded list of lines, streamed into at the end."""

import difflib
from collections.abc import Callable, Iterable

from sessions.agents.rehearsal_agent.cells import Line, Span, harmless, wrap

LONGEST = 4000
"""Lines that are kept."""
LONGEST_LINE = 2000
"""Letters of a line that are kept."""
NEW_FILE_LINES = 14
"""Lines of a new file that are shown."""


class Transcript:
    """The lines above the input box. `scrolled` counts rows up from the end.

    Args:
        keep: Gets everything that is added as plain text, a line break before each line.
    """

    def __init__(self, keep: Callable[[str], None] = lambda text: None) -> None:
        self._lines: list[Line] = []
        self._keep = keep
        self.scrolled = 0

    def add(self, *lines: Iterable[Span]) -> None:
        """Add whole lines."""
        for line in lines:
            self._lines.append(tuple(line))
            self._keep("\n" + "".join(text for _, text in self._lines[-1]))
        del self._lines[:-LONGEST]

    def gap(self) -> None:
        """Set the next lines apart from the last."""
        if self._lines and self._lines[-1]:
            self.add(())

    def stream(self, style: str, text: str, *, margin: Line = ()) -> None:
        """Continue the last line with foreign or own text; each line break begins a line with `margin`."""
        first, *others = harmless(text).split("\n")
        if not self._lines:
            self._lines.append(margin)
        last = self._lines[-1] or margin
        self._keep(first)
        if sum(len(part) for _, part in last) < LONGEST_LINE:
            self._lines[-1] = _joined(last, style, first[:LONGEST_LINE])
        self.add(*(_joined(margin, style, other[:LONGEST_LINE]) for other in others))

    def drop(self, line: Line) -> None:
        """Take the last line back if it is this one."""
        if self._lines and self._lines[-1] == line:
            self._lines.pop()

    def rows(self, columns: int, count: int) -> list[Line]:
        """Return the rows to be seen: the last `count` at this width, or those further up when scrolled."""
        wanted = count + self.scrolled
        found: list[Line] = []
        for line in reversed(self._lines):
            if len(found) >= wanted:
                break
            found[:0] = wrap(line, columns)
        self.scrolled = max(min(self.scrolled, len(found) - count), 0)
        end = len(found) - self.scrolled
        return found[max(end - count, 0) : end]


def edit_lines(before: str | None, after: str) -> list[Line]:
    """Return a small coloured diff: the beginning of a new file, or the changed lines with one line around them."""
    if before is None:
        lines = after.splitlines()
        shown: list[Line] = [
            (("dim", f"  {n:3} "), ("good", f"+ {harmless(line)}"))
            for n, line in enumerate(lines[:NEW_FILE_LINES], start=1)
        ]
        more = len(lines) - NEW_FILE_LINES
        return [*shown, (("dim", f"      … {more} more lines"),)] if more > 0 else shown
    diff = difflib.unified_diff(before.splitlines(), after.splitlines(), n=1, lineterm="")
    return [_diff_line(line) for line in diff if not line.startswith(("---", "+++"))]


def changed(before: str | None, after: str) -> tuple[int, int]:
    """Return how many lines an edit adds and takes away."""
    old = before.splitlines() if before else []
    diff = list(difflib.unified_diff(old, after.splitlines(), n=0, lineterm=""))[2:]
    return sum(line.startswith("+") for line in diff), sum(line.startswith("-") for line in diff)


def _diff_line(line: str) -> Line:
    if line.startswith("@@"):
        return (("dim", f"      {line}"),)
    style = {"+": "good", "-": "bad"}.get(line[:1], "dim")
    return (("", "      "), (style, f"{line[:1]} {harmless(line[1:])}"))


def _joined(line: Line, style: str, text: str) -> Line:
    if line and line[-1][0] == style:
        return (*line[:-1], (style, line[-1][1] + text))
    return (*line, (style, text))
