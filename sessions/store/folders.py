"""The folders of projects and sessions, below the state root.

    projects/<name>-<id>/project.json       where the repository is
    projects/<name>-<id>/sessions/<id>/     session.db artefacts/ panes/ clones/ bin/ host.log host.json lock

Paths are worked out by pure properties; the functions that make or list folders say so.
"""

import contextlib
import hashlib
import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self, cast

from sessions.store.errors import FolderUnusable, SessionAmbiguous, SessionNotFound
from sessions.store.files import (
    check_private_folder,
    make_private_folder,
    replace_private_file,
    sync_folder,
    told_as_unusable,
)
from sessions.store.roots import Roots, config_root, runtime_root, socket_name, state_root

__all__ = [
    "ProjectFolder",
    "Roots",
    "SessionFolder",
    "all_projects",
    "config_root",
    "find_session",
    "new_session_id",
    "runtime_root",
    "state_root",
]

# Digits and letters that nobody takes for one another, as in Crockford's base 32.
_LETTERS = "0123456789abcdefghjkmnpqrstvwxyz"
_SLOTS_A_MINUTE = len(_LETTERS) ** 2
_SESSION_ID = re.compile(rf"\d{{8}}-\d{{4}}-[{_LETTERS}]{{4}}")
_PROJECT_NAME = re.compile(r"[^A-Za-z0-9._-]+")
_TRIES = 100


@dataclass(frozen=True, slots=True)
class SessionFolder:
    """One session on disk. Its folder need not be there."""

    path: Path
    runtime: Path
    """Where its host puts the socket."""

    @property
    def id(self) -> str:
        """The session's id, which begins with the minute it began (UTC)."""
        return self.path.name

    @property
    def project(self) -> "ProjectFolder":
        """The project it belongs to."""
        return ProjectFolder(self.path.parent.parent, self.runtime)

    @property
    def database(self) -> Path:
        """The event log."""
        return self.path / "session.db"

    @property
    def artefacts(self) -> Path:
        """The folder of artefacts."""
        return self.path / "artefacts"

    @property
    def panes(self) -> Path:
        """The folder of terminal recordings."""
        return self.path / "panes"

    @property
    def clones(self) -> Path:
        """The folder of the clones in which agents work."""
        return self.path / "clones"

    @property
    def bin(self) -> Path:
        """The folder of commands put on the agents' PATH."""
        return self.path / "bin"

    @property
    def host_log(self) -> Path:
        """What the host said, for people who look for a fault."""
        return self.path / "host.log"

    @property
    def host_file(self) -> Path:
        """Written by a running host: its process id and its socket."""
        return self.path / "host.json"

    @property
    def lock(self) -> Path:
        """The file whose lock the host holds."""
        return self.path / "lock"

    @property
    def socket(self) -> Path:
        """Where a host of this session would listen, under the runtime folder; shorter than 100 bytes by default."""
        return self.runtime / socket_name(self.path)

    def exists(self) -> bool:
        """Whether the folder is there."""
        return self.path.is_dir()

    def prepare_socket(self) -> Path:
        """Make the runtime folder, check that it is ours alone, and give the socket's path.

        Raises:
            FolderUnusable: If it cannot be made or others could write to it.
        """
        make_private_folder(self.runtime)
        check_private_folder(self.runtime)
        return self.socket


@dataclass(frozen=True, slots=True)
class ProjectFolder:
    """What Quarterdeck keeps for one repository. The folder need not be there."""

    path: Path
    runtime: Path
    """Where hosts of its sessions put their sockets."""

    @classmethod
    def for_repository(cls, repository: Path, roots: Roots | None = None) -> Self:
        """Give the folder of a repository, the same for every path that leads to it.

        Args:
            repository: The repository's top folder.
            roots: Where everything is; by default what the environment says.
        """
        given = roots or Roots.of()
        real = Path(os.path.realpath(repository))
        return cls(given.state / "projects" / project_name(real), given.runtime)

    def create(self, repository: Path) -> None:
        """Make the folder and note in it which repository it is for. Safe to repeat.

        Raises:
            FolderUnusable: If it cannot be made or written.
        """
        make_private_folder(self.path / "sessions")
        real = os.path.realpath(repository)
        if self.repository() != Path(real):
            note = json.dumps({"repository": real}, ensure_ascii=True, indent=2)
            replace_private_file(self._note, f"{note}\n".encode())

    def repository(self) -> Path | None:
        """Give the repository this folder is for; None when its note is missing or unreadable."""
        try:
            note: object = json.loads(self._note.read_bytes())
        except (OSError, ValueError):
            return None
        if not isinstance(note, dict):
            return None
        named = cast("dict[str, object]", note).get("repository")
        return Path(named) if isinstance(named, str) and named else None

    def session(self, session: str) -> SessionFolder:
        """Give the folder of a session by its whole id.

        Raises:
            SessionNotFound: If `session` is not an id, so that no text can lead out of the folder.
        """
        if _SESSION_ID.fullmatch(session) is None:
            raise _not_found(session, self.path)
        return SessionFolder(self.path / "sessions" / session, self.runtime)

    def sessions(self) -> list[SessionFolder]:
        """Give the sessions that are there, newest first.

        Raises:
            FolderUnusable: If the folder may not be listed.
        """
        found = [name for name in _names(self.path / "sessions") if _SESSION_ID.fullmatch(name)]
        return [self.session(name) for name in sorted(found, reverse=True)]

    def create_session(self, now: datetime, randomness: Callable[[int], bytes] = os.urandom) -> SessionFolder:
        """Make the folders of a new session; its log is made by whoever writes it.

        Args:
            now: When the session begins, with its time zone.
            randomness: Gives that many random bytes.

        Raises:
            FolderUnusable: If they cannot be made.
        """
        make_private_folder(self.path / "sessions")
        for _ in range(_TRIES):
            session = self.session(new_session_id(now, randomness(2)))
            with told_as_unusable(session.path):
                try:
                    session.path.mkdir(mode=0o700)
                except FileExistsError:
                    continue
                sync_folder(session.path.parent)
            for folder in (session.artefacts, session.panes, session.clones, session.bin):
                make_private_folder(folder)
            return session
        raise FolderUnusable(
            "Every id for a session that begins now is taken",
            where=str(self.path),
            next="Try again in a minute.",
        )

    @property
    def _note(self) -> Path:
        return self.path / "project.json"


def project_name(repository: Path) -> str:
    """Give the folder name of a repository: its own name made plain, and a digest of its whole path."""
    plain = _PROJECT_NAME.sub("-", repository.name).strip("-.")[:40] or "project"
    return f"{plain}-{hashlib.sha256(os.fsencode(repository)).hexdigest()[:8]}"


def new_session_id(now: datetime, randomness: bytes) -> str:
    """Give an id such as `20261121-1432-ab3f`: ids sort by the time they were made, to a seventeenth of a second.

    The first two of the last four letters are the time within the minute, the others are random.

    Args:
        now: A moment with its time zone; the id has it in UTC.
        randomness: Two random bytes.
    """
    moment = now.astimezone(UTC)
    slot = (moment.second * 1_000_000 + moment.microsecond) * _SLOTS_A_MINUTE // 60_000_000
    chance = int.from_bytes(randomness[:2], "big") % _SLOTS_A_MINUTE
    return f"{moment:%Y%m%d-%H%M}-{_two_letters(slot)}{_two_letters(chance)}"


def all_projects(roots: Roots | None = None) -> list[ProjectFolder]:
    """Give the projects that are there, by name.

    Raises:
        FolderUnusable: If the state folder may not be listed.
    """
    given = roots or Roots.of()
    projects = given.state / "projects"
    return [ProjectFolder(projects / name, given.runtime) for name in sorted(_names(projects))]


def find_session(prefix: str, roots: Roots | None = None) -> SessionFolder:
    """Give the one session, of all projects, whose id or whose id's last part begins with `prefix`.

    Raises:
        SessionNotFound: If there is none, or `prefix` is empty.
        SessionAmbiguous: If there are several.
        FolderUnusable: If the state folder may not be listed.
    """
    given = roots or Roots.of()
    wanted = prefix.strip().lower()
    every = [session for project in all_projects(given) for session in project.sessions()]
    found = [one for one in every if wanted and (one.id.startswith(wanted) or _last_part(one.id).startswith(wanted))]
    if len(found) == 1:
        return found[0]
    if not found:
        raise _not_found(prefix, given.state)
    raise SessionAmbiguous(
        prefix, given.state, [f"{one.id} ({one.project.repository() or one.project.path.name})" for one in found]
    )


def _last_part(session: str) -> str:
    return session.rpartition("-")[2]


def _two_letters(number: int) -> str:
    high, low = divmod(number, len(_LETTERS))
    return _LETTERS[high] + _LETTERS[low]


def _names(folder: Path) -> list[str]:
    """List the folders in a folder that may not be there."""
    with told_as_unusable(folder), contextlib.suppress(FileNotFoundError):
        return [entry.name for entry in folder.iterdir() if entry.is_dir()]
    return []


def _not_found(session: str, where: Path) -> SessionNotFound:
    return SessionNotFound(
        f"There is no session {session[:80]!a}",
        where=str(where),
        next="Run `quarterdeck sessions` to see the sessions there are.",
    )
