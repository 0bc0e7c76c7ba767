"""The environment that agents and test runs get: an allow-list, never the host's own."""

import os
from collections.abc import Iterable, Mapping

ALLOWED = (
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "LANGUAGE",
    "LC_*",
    "TZ",
    "TMPDIR",
    "XDG_CONFIG_HOME",
    "XDG_CACHE_HOME",
    "XDG_DATA_HOME",
    "XDG_STATE_HOME",
)
"""What every program gets. Agent sockets, terminal variables, keys and tokens are not in it; TERM is the caller's."""

_SECRET_WORDS = ("KEY", "TOKEN", "SECRET", "PASSWORD", "PASSWD", "CREDENTIAL", "AUTH")
_FALLBACK_PATH = "/usr/local/bin:/usr/bin:/bin"


def clean_environment(
    pass_names: Iterable[str] = (),
    set: Mapping[str, str] | None = None,
    *,
    source: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """A new environment of the allowed variables, those named in `pass_names`, and the values of `set` on top.

    Args:
        pass_names: More names to copy; a trailing `*` names a prefix. A name that looks like a secret (KEY, TOKEN,
            PASSWORD ...) passes only when it is written out, never through a prefix.
        set: Values to add or replace.
        source: Where to copy from; the host's own environment when not given.
    """
    origin = os.environ if source is None else source
    patterns = (*ALLOWED, *pass_names)
    environment = {name: value for name, value in origin.items() if _passes(name, patterns)}
    environment.setdefault("PATH", _FALLBACK_PATH)
    environment.update(set or {})
    return environment


def _passes(name: str, patterns: tuple[str, ...]) -> bool:
    if name in patterns:
        return True
    if any(word in name.upper() for word in _SECRET_WORDS):
        return False
    return any(pattern.endswith("*") and name.startswith(pattern[:-1]) for pattern in patterns)
