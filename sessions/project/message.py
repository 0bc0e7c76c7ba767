"""Commit messages with trailers that foreign text cannot forge. Pure."""

import re
from collections.abc import Mapping

from sessions.project.git import safe_text

KEY_TRAILER = "Checkpoint-Key"
"""The trailer that tells finished work from work to be done again."""

_SUBJECT_LIMIT = 200
_BODY_LIMIT = 20_000
_VALUE_LIMIT = 500
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*")


def commit_message(subject: str, body: str, trailers: Mapping[str, str], key: str) -> bytes:
    """A message of subject, body and trailers, the key last.

    git reads trailers from the last paragraph alone, which is always ours: whatever the body says stands above it.

    Raises:
        ValueError: If a trailer's name is malformed or the key's own.
    """
    for name in trailers:
        if not _NAME.fullmatch(name) or name == KEY_TRAILER:
            raise ValueError(f"{name!r} cannot be a trailer's name")
    paragraphs = [one_line(subject)[:_SUBJECT_LIMIT] or "Checkpoint"]
    if text := safe_text(body, _BODY_LIMIT):
        paragraphs.append(text)
    lines = [f"{name}: {one_line(value)}" for name, value in trailers.items() if one_line(value)]
    paragraphs.append("\n".join([*lines, f"{KEY_TRAILER}: {one_line(key)}"]))
    return ("\n\n".join(paragraphs) + "\n").encode("utf-8")


def one_line(text: str) -> str:
    """Text made safe, with every run of white space one blank, and cut to what a trailer holds."""
    return " ".join(safe_text(text).split())[:_VALUE_LIMIT]
