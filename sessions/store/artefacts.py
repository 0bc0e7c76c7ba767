"""Texts too big for the log, kept whole under the digest of their bytes: raw output, diffs, test logs, proposals.

An artefact is on disk before the event that names it, so an id found in the log can be read. The same bytes are kept
once, and what is read is what was put, or an error.
"""

import asyncio
import hashlib
import os
import re
from pathlib import Path

from sessions.store.errors import ArtefactDamaged, ArtefactMissing
from sessions.store.files import make_private_folder, replace_private_file, told_as_unusable

_ID = re.compile(r"[0-9a-f]{64}")
_BLOCK = 1024 * 1024


class ArtefactStore:
    """The artefacts of one session, in a folder that is made when the first is put. Works off the event loop."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    async def put(self, data: bytes | str) -> str:
        """Keep `data` and give its id, the SHA-256 of its bytes in hex; it is on disk when this returns.

        A text is kept as UTF-8; bytes that a decoder had carried over as lone surrogates are again what they were.
        Putting the same twice keeps it once, and mends a copy that was damaged.

        Raises:
            FolderUnusable: If it cannot be written.
        """
        return await asyncio.to_thread(self._put, data)

    async def get(self, artefact: str) -> bytes:
        """Give the whole of an artefact.

        Raises:
            ArtefactMissing: If there is none of this id.
            ArtefactDamaged: If its bytes are not those of its id.
        """
        return await asyncio.to_thread(self._read, artefact, None)

    async def head(self, artefact: str, limit: int) -> bytes:
        """Give up to `limit` bytes from the start of an artefact, of which all is checked. Raises like `get`."""
        return await asyncio.to_thread(self._read, artefact, max(limit, 0))

    async def exists(self, artefact: str) -> bool:
        """Whether there is an artefact of this id; its bytes are not checked."""
        return await asyncio.to_thread(self._exists, artefact)

    async def size(self, artefact: str) -> int:
        """Give the length of an artefact in bytes.

        Raises:
            ArtefactMissing: If there is none of this id.
        """
        return await asyncio.to_thread(self._size, artefact)

    def path(self, artefact: str) -> Path:
        """Give the file of an artefact, whether there or not.

        Raises:
            ArtefactMissing: If `artefact` is not an id at all, so that no text can lead out of the folder.
        """
        if _ID.fullmatch(artefact) is None:
            raise ArtefactMissing(
                f"{artefact[:80]!a} is not an artefact's id",
                where=str(self.folder),
                next="Use an id from the session's history: 64 hexadecimal digits.",
            )
        return self.folder / artefact[:2] / artefact

    def _put(self, data: bytes | str) -> str:
        kept = _encoded(data) if isinstance(data, str) else data
        artefact = hashlib.sha256(kept).hexdigest()
        path = self.path(artefact)
        make_private_folder(path.parent)
        try:
            if self._read(artefact, None) == kept:
                return artefact
        except (ArtefactMissing, ArtefactDamaged):
            replace_private_file(path, kept)
        return artefact

    def _read(self, artefact: str, limit: int | None) -> bytes:
        path = self.path(artefact)
        digest = hashlib.sha256()
        kept = bytearray()
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError as error:
            raise self._missing(artefact) from error
        except OSError as error:
            raise self._damaged(path, error.strerror or str(error)) from error
        try:
            with os.fdopen(descriptor, "rb") as file:
                while block := file.read(_BLOCK):
                    digest.update(block)
                    kept += block if limit is None else block[: max(limit - len(kept), 0)]
        except OSError as error:
            raise self._damaged(path, error.strerror or str(error)) from error
        if digest.hexdigest() != artefact:
            raise self._damaged(path, "its bytes are not those that were kept")
        return bytes(kept)

    def _exists(self, artefact: str) -> bool:
        try:
            return self.path(artefact).is_file()
        except ArtefactMissing:
            return False

    def _size(self, artefact: str) -> int:
        path = self.path(artefact)
        with told_as_unusable(path):
            try:
                return path.stat().st_size
            except FileNotFoundError as error:
                raise self._missing(artefact) from error

    def _missing(self, artefact: str) -> ArtefactMissing:
        return ArtefactMissing(
            f"The artefact {artefact[:12]} is not here",
            where=str(self.folder),
            next="It may belong to another session, or its file was removed.",
        )

    def _damaged(self, path: Path, fault: str) -> ArtefactDamaged:
        return ArtefactDamaged(
            f"The artefact {path.name[:12]} cannot be trusted: {fault}",
            where=str(path),
            next="See to the disk. The session's log is not touched by this.",
        )


def _encoded(text: str) -> bytes:
    try:
        return text.encode(errors="surrogateescape")
    except UnicodeEncodeError:
        # Surrogates of another origin have no bytes of their own; kept in a form that reading shows as damage.
        return text.encode(errors="surrogatepass")
