"""The transcript of a model's turn as plain text, for the Auditor and the record.

Labels stand at the beginning of a line and everything foreign is indented, so that no text can pass for a label.
"""

from sessions.agents.wording import shorten, storable

_ARGUMENTS = 800
_RESULT = 3000


class Transcript:
    """What was said and done in a turn, in order."""

    def __init__(self) -> None:
        self._blocks: list[tuple[str, list[str]]] = []

    def say(self, text: str) -> None:
        """Add a piece of the answer's text."""
        self._extend("says", text)

    def reason(self, text: str) -> None:
        """Add a piece of reasoning."""
        self._extend("reasons", text)

    def call(self, tool: str, arguments: str) -> None:
        """Add a tool call."""
        self._blocks.append((f"calls {storable(tool)[:80]!r}", [shorten(arguments, _ARGUMENTS)]))

    def result(self, ok: bool, text: str) -> None:
        """Add what came back."""
        self._blocks.append(("result" if ok else "result (refused or failed)", [shorten(text, _RESULT)]))

    def note(self, text: str) -> None:
        """Add a remark of ours."""
        self._blocks.append(("note", [text]))

    def render(self) -> str:
        """Return the whole transcript."""
        return "\n".join(f"[{label}]\n{_indented(''.join(pieces))}" for label, pieces in self._blocks)

    def _extend(self, label: str, text: str) -> None:
        if self._blocks and self._blocks[-1][0] == label:
            self._blocks[-1][1].append(text)
        else:
            self._blocks.append((label, [text]))


def _indented(text: str) -> str:
    # Every line end that any reader of the transcript may honour begins an indented line.
    return "".join(f"  {line.rstrip()}\n" for line in storable(text).splitlines())
