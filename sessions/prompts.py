"""Prompts as declared parts: built, counted, rendered and read back. Pure.

A prompt is a system text (the role's contract) and named parts. Parts that hold foreign text are fenced by a marker
that is new for each request, so that nothing inside one can pretend to be another part.
"""

import re
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict


class PromptPart(BaseModel):
    """One named part of a prompt. `tokens` is an estimate; `title` is what the inspector and the model read."""

    model_config = ConfigDict(frozen=True)
    name: str
    title: str
    text: str
    tokens: int


class PartCount(BaseModel):
    """What went into a prompt, or was kept out of it, without the text: for the log and the inspector."""

    model_config = ConfigDict(frozen=True)
    name: str
    title: str
    tokens: int
    included: bool = True
    artefact: str = ""


@dataclass(frozen=True, slots=True)
class Prompt:
    """A whole prompt: the role's contract and the parts of this turn, fenced by `marker`."""

    system: str
    parts: tuple[PromptPart, ...]
    marker: str

    @property
    def tokens(self) -> int:
        """Estimated tokens of everything that is sent."""
        return estimate_tokens(self.system) + sum(part.tokens for part in self.parts)

    def text(self) -> str:
        """Return the user message: every part between its fence lines."""
        blocks = [
            f"<<<{part.name} {self.marker}>>> {part.title}\n{part.text.rstrip()}\n<<<end {part.name} {self.marker}>>>"
            for part in self.parts
        ]
        return "\n\n".join(blocks) + "\n"


def part(name: str, title: str, text: str) -> PromptPart:
    """Make a part and count it."""
    return PromptPart(name=name, title=title, text=text, tokens=estimate_tokens(text))


def estimate_tokens(text: str) -> int:
    """Estimate the tokens of a text without a tokenizer. Always marked `~` on screen.

    Fitted to OpenAI's o200k counts of prose, Markdown, Python, YAML, Make and pytest output, and within a tenth of
    each; exact counts come from the provider's usage where it reports any.
    """
    letters = len(re.findall(r"[A-Za-z]", text))
    words = len(re.findall(r"[A-Za-z]+|\d{1,3}", text))
    wide = len(re.findall(r"[^\x00-\x7f]", text))
    signs = len(re.findall(r"[^\sA-Za-z0-9]", text)) - wide
    return max(words, round(letters / 4.2)) + round(0.8 * signs) + wide + round(0.5 * text.count("\n"))


_FENCE = re.compile(
    r"^<<<(?P<name>[a-z_]+) (?P<marker>[0-9a-f]{8,})>>> (?P<title>[^\n]*)\n"
    r"(?P<text>.*?)\n?<<<end (?P=name) (?P=marker)>>>$",
    re.M | re.S,
)


def read_parts(text: str) -> dict[str, str]:
    """Return the parts of a rendered prompt by name: what a scripted agent needs to answer from what it was told.

    Only the first marker met is trusted, so a fence quoted inside a part is text like any other.
    """
    first = _FENCE.search(text)
    if first is None:
        return {}
    marker = first["marker"]
    return {found["name"]: found["text"] for found in _FENCE.finditer(text) if found["marker"] == marker}
