"""Reading the project's files out of a tree: never from the disk, where a link or a pipe may stand in their place."""

import os
from dataclasses import dataclass

from sessions.project.git import Git

_LETTERS_A_TOKEN = 3
"""On the safe side: program text has three to four."""
_LARGEST = 200_000
_TEXT_PROBE = 8_000
_NAMES_SHOWN = 50


@dataclass(frozen=True, slots=True)
class TreeFile:
    """One entry of a tree that is a file, a link or a submodule."""

    path: str
    mode: str
    blob: str
    size: int
    """Bytes; 0 for a submodule."""


async def list_files(git: Git, tree: str) -> tuple[TreeFile, ...]:
    """Every entry of a tree, sorted by path."""
    listing = await git("ls-tree", "-r", "-l", "-z", "--full-tree", tree)
    found: list[TreeFile] = []
    for entry in listing.split(b"\0"):
        if entry:
            facts, _, path = entry.partition(b"\t")
            mode, _, blob, size = facts.decode("ascii").split()
            found.append(TreeFile(os.fsdecode(path), mode, blob, int(size) if size.isdigit() else 0))
    return tuple(found)


async def read_contents(git: Git, tree: str, tokens: int) -> str:
    """The text files of a tree under their names, smallest first, until about so many tokens are used."""
    files = [one for one in await list_files(git, tree) if one.mode.startswith("100")]
    budget = tokens * _LETTERS_A_TOKEN
    chosen: list[TreeFile] = []
    for one in sorted(files, key=lambda file: (file.size, file.path)):
        if one.size > min(budget, _LARGEST):
            break
        budget -= one.size + len(one.path) + 10
        chosen.append(one)
    bodies = await _read_blobs(git, [one.blob for one in chosen])
    texts = {one.path: body for one, body in zip(chosen, bodies, strict=True) if b"\0" not in body[:_TEXT_PROBE]}
    parts = [f"=== {path}\n{body.decode('utf-8', 'replace')}" for path, body in sorted(texts.items())]
    missing = [one.path for one in files if one.path not in texts]
    if missing:
        more = f" and {len(missing) - _NAMES_SHOWN} more" if len(missing) > _NAMES_SHOWN else ""
        parts.append(f"=== not shown (large or binary): {', '.join(missing[:_NAMES_SHOWN])}{more}\n")
    return "\n".join(parts).encode("utf-8", "replace").decode("utf-8")


async def _read_blobs(git: Git, blobs: list[str]) -> list[bytes]:
    answer = await git("cat-file", "--batch", input="".join(f"{blob}\n" for blob in blobs).encode("ascii"))
    bodies: list[bytes] = []
    position = 0
    for _ in blobs:
        end = answer.index(b"\n", position)
        size = int(answer[position:end].split()[2])
        bodies.append(answer[end + 1 : end + 1 + size])
        position = end + 1 + size + 1
    return bodies
