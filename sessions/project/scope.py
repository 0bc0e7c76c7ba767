"""Which paths a task may touch. Pure.

A scope is a list of patterns, matched from the project's root against whole paths, case and all:

- `*` and `?` stand for any letters but `/`; `[ab]` and `[!ab]` for one letter (each name as in `fnmatch`),
- `**` stands for any number of folders, none included: `src/**` is everything below src, `**/*.md` every Markdown file,
- a pattern whose last name has no such sign also means everything below it: `src` and `src/` are `src/**`,
- a leading `./` or `/` does not matter; `..` matches nothing.

An empty scope allows everything. A pattern without `/` is not searched in deeper folders: `*.py` is the root's alone.
"""

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase


def outside_scope(paths: Iterable[str], scope: Sequence[str]) -> tuple[str, ...]:
    """The paths that no pattern of the scope allows, in their order."""
    patterns = [_names(pattern) for pattern in scope if pattern.strip()]
    if not patterns:
        return ()
    return tuple(path for path in paths if not any(_allows(pattern, path.split("/")) for pattern in patterns))


def _names(pattern: str) -> list[str]:
    """A pattern as one entry for each folder, always ending in a name with a sign or in `**`."""
    names = [name for name in pattern.strip().split("/") if name not in ("", ".")]
    if not names or not any(sign in names[-1] for sign in "*?["):
        names.append("**")
    return names


def _allows(pattern: Sequence[str], path: Sequence[str]) -> bool:
    """Match name by name, keeping every position of the pattern that is still possible: no pattern takes long."""
    possible = _with_skipped(pattern, {0})
    for name in path:
        following: set[int] = set()
        for position in possible:
            if position == len(pattern):
                continue
            if pattern[position] == "**":
                following.add(position)
            elif fnmatchcase(name, pattern[position]):
                following.add(position + 1)
        possible = _with_skipped(pattern, following)
    return len(pattern) in possible


def _with_skipped(pattern: Sequence[str], positions: set[int]) -> set[int]:
    """The positions, and those behind each `**` that stands for no folder at all."""
    found = set(positions)
    for position in sorted(positions):
        while position < len(pattern) and pattern[position] == "**":
            position += 1
            found.add(position)
    return found
