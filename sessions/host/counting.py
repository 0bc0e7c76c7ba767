"""Counting the tokens of long texts without holding up the loop."""

import asyncio

from sessions.prompts import PromptPart, estimate_tokens

_SLICE = 50_000
"""Letters counted at once: a regular expression holds Python's lock until it has found everything."""


async def count_tokens(text: str) -> int:
    """Estimate a text's tokens, in a thread and in slices when it is long. A word cut in two counts as two."""
    if len(text) <= _SLICE:
        return estimate_tokens(text)
    slices = range(0, len(text), _SLICE)
    return await asyncio.to_thread(lambda: sum(estimate_tokens(text[at : at + _SLICE]) for at in slices))


async def counted_part(name: str, title: str, text: str) -> PromptPart:
    """Make a part of a prompt and count it."""
    return PromptPart(name=name, title=title, text=text, tokens=await count_tokens(text))
