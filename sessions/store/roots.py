"""Where Quarterdeck keeps what: the folders for state, sockets and configuration. Looks, but makes nothing.

`QUARTERDECK_HOME` puts all three in one place; else they are where the platform wants them.
"""

import hashlib
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import platformdirs

SOCKET_PATH_LIMIT = 100
"""Bytes the path of a socket stays under: the system takes 104 on macOS and 108 on Linux, with the ending zero."""

_NAME = "quarterdeck"
_DIGEST_LENGTH = 16
_SOCKET_ENDING = ".sock"


@dataclass(frozen=True, slots=True)
class Roots:
    """The three folders everything of ours is in."""

    state: Path
    """Projects and their sessions."""
    runtime: Path
    """Sockets. Private to the user, checked before use by `files.check_private_folder`."""
    config: Path
    """The user's own configuration."""

    @classmethod
    def of(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Give the folders that an environment asks for; that of this process when left out."""
        given = os.environ if environ is None else environ
        home = home_of(given)
        if home is None:
            return cls(
                platformdirs.user_state_path(_NAME, appauthor=False),
                _shared_runtime(given),
                platformdirs.user_config_path(_NAME, appauthor=False),
            )
        own = home / "run"
        fits = len(os.fsencode(own / socket_name(home))) < SOCKET_PATH_LIMIT
        return cls(home, own if fits else _shared_runtime(given), home / "config")


def state_root() -> Path:
    """Give the folder of projects and sessions."""
    return Roots.of().state


def runtime_root() -> Path:
    """Give the folder where a new host puts its socket; a running host's is in the session's `host_file`."""
    return Roots.of().runtime


def config_root() -> Path:
    """Give the folder of the user's own configuration."""
    return Roots.of().config


def home_of(environ: Mapping[str, str]) -> Path | None:
    """Give the folder that QUARTERDECK_HOME names, made absolute; None when it names none."""
    named = environ.get("QUARTERDECK_HOME", "").strip()
    return Path(os.path.abspath(os.path.expanduser(named))) if named else None  # noqa: PTH100, PTH111


def socket_name(session: Path) -> str:
    """Give the file name of a session's socket, which depends on the session's folder and has always one length.

    Several homes may share a runtime folder, so a session's id alone would not do.
    """
    return hashlib.sha256(os.fsencode(session)).hexdigest()[:_DIGEST_LENGTH] + _SOCKET_ENDING


def _shared_runtime(environ: Mapping[str, str]) -> Path:
    """Give a folder of this user's in the system's place for sockets, else among the temporary files."""
    named = environ.get("XDG_RUNTIME_DIR", "")
    if named:
        folder = Path(named)
        # After su or sudo the variable may still name another user's folder.
        with_us = folder.is_absolute() and folder.is_dir() and folder.stat().st_uid == os.geteuid()
        if with_us and len(os.fsencode(folder / _NAME / socket_name(folder))) < SOCKET_PATH_LIMIT:
            return folder / _NAME
    mine = f"{_NAME}-{os.geteuid()}"
    place = Path(tempfile.gettempdir()) / mine
    # TMPDIR may name any depth; sockets have no other place that every system offers.
    return place if len(os.fsencode(place / socket_name(place))) < SOCKET_PATH_LIMIT else Path("/tmp") / mine  # noqa: S108
