"""Which files of the clone there are: those git knows or would add, else all of them but git's own."""

import asyncio
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from sessions.agents.toolbox.arguments import ListFiles
from sessions.agents.toolbox.confined import ConfinedFolder
from sessions.agents.toolbox.result import ToolFault, ToolResult
from sessions.agents.wording import count, storable
from sessions.processes.running import run_program

_MOST_WALKED = 50_000
_MOST_LISTED = 1000
_GIT_LIMIT = 16 * 1024 * 1024
_GIT_SECONDS = 20
# Standard error would mix with the names. What the clone's configuration could make git start is off, and git is told
# where the clone is rather than left to look for it or to believe the configuration.
_QUIET_GIT = ("/bin/sh", "-c", 'exec git "$@" 2>/dev/null', "git")
_HARMLESS = ("-c", "core.fsmonitor=false", "-c", "core.untrackedCache=false")
_LS_FILES = ("ls-files", "-z", "--cached", "--others", "--exclude-standard")


async def list_files(folder: ConfinedFolder, wanted: ListFiles, environment: Mapping[str, str]) -> ToolResult:
    """List the files under a path."""
    names = await names_under(folder, wanted.path, environment)
    lines = await asyncio.to_thread(lambda: [_line(folder.root, name) for name in names[:_MOST_LISTED]])
    said = f"{count(len(names), 'file')} in {wanted.path}"
    if len(names) > _MOST_LISTED:
        lines.append(f"[... {len(names) - _MOST_LISTED} more left out: list a folder of it ...]")
    return ToolResult(True, "\n".join([said, *lines]), said)


async def names_under(folder: ConfinedFolder, path: str, environment: Mapping[str, str]) -> list[str]:
    """Return the existing files at or under a path, as names relative to the folder, sorted.

    Raises:
        ToolFault: If there is nothing at the path, or it leads outside.
    """
    parts = await asyncio.to_thread(folder.resolve, path)
    if ".git" in parts:
        raise ToolFault("git's own folder is not listed; use git commands with run")
    place = folder.root.joinpath(*parts)
    if not await asyncio.to_thread(os.path.lexists, place):
        raise ToolFault(f"there is nothing at {path}")
    known = await _known_to_git(folder.root, environment)
    return await asyncio.to_thread(_choose, folder.root, parts, known)


async def _known_to_git(root: Path, environment: Mapping[str, str]) -> bytes | None:
    """Return what git lists, each name ended by a zero byte; None where it cannot."""
    where = ("--git-dir", str(root / ".git"), "--work-tree", str(root))
    result = await run_program(
        (*_QUIET_GIT, *_HARMLESS, *where, *_LS_FILES),
        cwd=root,
        env={**environment, "GIT_OPTIONAL_LOCKS": "0"},
        timeout=_GIT_SECONDS,
        output_limit=_GIT_LIMIT,
    )
    if result.exit_code != 0 or result.timed_out or result.dropped:
        return None
    return result.output


def _choose(root: Path, parts: tuple[str, ...], known: bytes | None) -> list[str]:
    """Pick the names at or under `parts` that exist; `known` are those of git, each ended by a zero byte.

    A place that git ignores whole was asked for by name, so it is walked.
    """
    prefix = "/".join(parts)
    if known is not None:
        names = {os.fsdecode(name) for name in known.split(b"\0") if name}
        under = (name for name in names if not prefix or name == prefix or name.startswith(f"{prefix}/"))
        found = sorted(name for name in under if _is_file(root / name))
        if found or not prefix:
            return found
    return sorted(_walk(root, prefix))


def _walk(root: Path, prefix: str) -> Iterator[str]:
    if _is_file(root / prefix):
        yield prefix
        return
    seen = 0
    for place, folders, files in os.walk(root / prefix):
        folders[:] = [name for name in folders if name != ".git"]
        for name in files:
            yield os.path.relpath(os.path.join(place, name), root)  # noqa: PTH118  a Path per file is slow
            seen += 1
            if seen == _MOST_WALKED:
                return


def _is_file(path: Path) -> bool:
    return os.path.lexists(path) and (os.path.islink(path) or not os.path.isdir(path))  # noqa: PTH112, PTH114


def _line(root: Path, name: str) -> str:
    shown = "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in storable(name))
    return f"{shown} (a link)" if (root / name).is_symlink() else shown
