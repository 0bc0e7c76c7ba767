"""Reading, writing and editing files of the clone. Blocking: the toolbox calls them in a thread."""

import os
from typing import BinaryIO

from sessions.agents.toolbox.arguments import EditFile, ReadFile, WriteFile
from sessions.agents.toolbox.confined import ConfinedFolder
from sessions.agents.toolbox.result import ToolFault, ToolResult
from sessions.agents.wording import count

MAX_FILE = 16 * 1024 * 1024
"""Bytes of the largest file that is read or edited."""

_MAX_LINE = 2000
_MAX_READ = 60_000
_SNIFFED = 8192


def read_lines(folder: ConfinedFolder, wanted: ReadFile) -> ToolResult:
    """Return lines of a text file with their numbers."""
    with folder.open_file(wanted.path) as file:
        if b"\0" in file.read(_SNIFFED):
            size = os.fstat(file.fileno()).st_size
            raise ToolFault(f"{wanted.path} is a binary file of {count(size, 'byte')}; it cannot be read as text")
        content = _whole(file, wanted.path)
    lines = content.decode("utf-8", "replace").split("\n")
    if lines[-1] == "":
        lines.pop()
    asked = lines[wanted.start - 1 : wanted.start - 1 + wanted.lines]
    shown, cut = _numbered(asked, wanted.start)
    last = wanted.start + len(shown) - 1
    notes = [f"{wanted.path}: lines {wanted.start} to {last} of {len(lines)}"]
    if not lines:
        notes = [f"{wanted.path} is empty"]
    elif not shown:
        notes = [f"{wanted.path} has only {count(len(lines), 'line')}"]
    elif last < len(lines):
        notes.append(f"go on with start={last + 1}")
    if cut:
        notes.append(f"{count(cut, 'line')} cut to {_MAX_LINE} letters")
    if "\ufffd" in "".join(shown) and not _is_utf8(content):
        notes.append("not UTF-8: letters that could not be read are shown as \ufffd")
    header = "; ".join(notes)
    return ToolResult(True, "\n".join([header, *shown]), header)


def write_whole(folder: ConfinedFolder, wanted: WriteFile) -> ToolResult:
    """Write a file."""
    new = folder.replace_file(wanted.path, _encoded(wanted.text))
    size = count(len(wanted.text.splitlines()), "line")
    said = f"{wanted.path} {'made' if new else 'replaced'}: {size}"
    return ToolResult(True, said, said)


def edit_passage(folder: ConfinedFolder, wanted: EditFile) -> ToolResult:
    """Replace the only place where the old passage stands. Works on bytes, so nothing else of the file changes."""
    if not wanted.old:
        raise ToolFault("old is empty; to write a whole file use write_file")
    if wanted.old == wanted.new:
        raise ToolFault("old and new are the same; nothing would change")
    with folder.open_file(wanted.path) as file:
        content = _whole(file, wanted.path)
    old, new = _encoded(wanted.old), _encoded(wanted.new)
    if old not in content and b"\r\n" in content and b"\r" not in old:
        # read_file shows both kinds of line ends alike, so the model cannot know that this file has the other one.
        old, new = old.replace(b"\n", b"\r\n"), new.replace(b"\n", b"\r\n")
    stands = content.count(old)
    if stands != 1:
        then = "read the file again" if stands == 0 else "take in more of what stands around it"
        raise ToolFault(f"old stands {count(stands, 'time')} in {wanted.path}, and must stand exactly once: {then}")
    line = content[: content.index(old)].count(b"\n") + 1
    folder.replace_file(wanted.path, content.replace(old, new))
    said = f"{wanted.path} edited at line {line}"
    return ToolResult(True, said, said)


def _whole(file: BinaryIO, path: str) -> bytes:
    """Return a file's bytes from its beginning."""
    file.seek(0)
    content = file.read(MAX_FILE + 1)
    if len(content) > MAX_FILE:
        raise ToolFault(f"{path} is larger than {MAX_FILE // 1024 // 1024} MB; use run to look at parts of it")
    return content


def _numbered(lines: list[str], start: int) -> tuple[list[str], int]:
    """Return as many lines as fit, with their numbers, and how many of them were cut."""
    shown: list[str] = []
    cut = size = 0
    for number, line in enumerate(lines, start):
        text = line.removesuffix("\r")
        if len(text) > _MAX_LINE:
            text, cut = f"{text[:_MAX_LINE]} [...]", cut + 1
        size += len(text) + 8
        if size > _MAX_READ and shown:
            break
        shown.append(f"{number}\t{text}")
    return shown, cut


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _encoded(text: str) -> bytes:
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ToolFault("the text holds half of a surrogate pair and cannot be written") from error
