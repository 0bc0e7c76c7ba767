"""What can be wrong with a fleet file, and on which line. Pure, and careful never to repeat a secret."""

import difflib
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from pydantic import ValidationError

_SECRET_FIELDS = {
    "key", "api_key", "apikey", "token", "api_token", "access_token", "secret", "password", "auth", "authorization",
    "bearer",
}  # fmt: skip

# Shapes providers give their keys; a long run of letters and digits with no separator is one as well.
_SECRET_SHAPES = re.compile(
    r"(?<![A-Za-z0-9])(?:(?:sk|pk|rk|gsk|xai|hf|ghp|r8|pplx|nvapi|tgp|csk|fw)[-_][A-Za-z0-9_-]{12,}|AIza[A-Za-z0-9_-]{16,}"
    r"|[A-Za-z0-9]{32,}|Bearer\s+\S{8,})(?![A-Za-z0-9])"
)
_LOGIN_IN_ADDRESS = re.compile(r"^[a-z]+://[^/@\s]+@|[?&](?:api_?)?key=", re.IGNORECASE)

_ADVICE = 'Put the key into an environment variable and name that: key_env = "PROVIDER_API_KEY".'


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault at a key of the file: what is wrong, and what to write instead."""

    path: tuple[str, ...]
    what: str
    next: str


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the known name most like this one; empty when none is."""
    return next(iter(difflib.get_close_matches(name, list(known), n=1)), "")


def line_of(text: str, path: tuple[str, ...]) -> int:
    """Return the number of the line a key begins on, counted from 1; 0 when it cannot be told.

    TOML's reader gives no positions, so the file is read in growing pieces: the key stands where it first turns up.
    """
    lines = text.split("\n")
    begun = 1
    for count in range(1, len(lines) + 1):
        try:
            data: Any = tomllib.loads("\n".join([*lines[:count], ""]))
        except tomllib.TOMLDecodeError:
            continue  # In the middle of a value of several lines.
        if _holds(data, path):
            return begun
        begun = count + 1
    return line_of(text, path[:-1]) if path else 0


def find_secret(data: Mapping[str, Any], path: tuple[str, ...] = ()) -> Fault | None:
    """Return the fault of the first thing that looks like a key, without repeating it; None when there is none."""
    for key, value in data.items():
        if _SECRET_SHAPES.search(key):
            return Fault(path, "A key stands in the fleet file, as the name of a field", _ADVICE)
        here = (*path, key)
        if key.lower().replace("-", "_") in _SECRET_FIELDS and len(here) != 2:
            return Fault(here, f"A key may not stand in the fleet file: {'.'.join(here)}", _ADVICE)
        for inner in cast(list[Any], value) if isinstance(value, list) else [value]:
            if isinstance(inner, dict):
                fault = find_secret(cast(dict[str, Any], inner), here)
            elif isinstance(inner, str) and (_SECRET_SHAPES.search(inner) or _LOGIN_IN_ADDRESS.search(inner)):
                fault = Fault(here, f"{'.'.join(here)} looks like a key or holds one", _ADVICE)
            else:
                fault = None
            if fault:
                return fault
    return None


def fault_of_value(error: ValidationError, path: tuple[str, ...], known: Iterable[str]) -> Fault:
    """Translate pydantic's first complaint about the table at `path`. Its input is never repeated."""
    first = error.errors(include_url=False, include_input=False)[0]
    place = tuple(str(part) for part in first["loc"])
    here, names = (*path, *place), tuple(known)
    shown = ".".join(here)
    match first["type"]:
        case "extra_forbidden":
            close = nearest(place[-1], names)
            offer = f"Did you mean {close!r}? " if close else ""
            return Fault(here, f"{shown} is not known", f"{offer}Known: {', '.join(names)}.")
        case "missing":
            return Fault(path, f"{shown} is missing", f"Add the line {place[-1]} = ... to [{'.'.join(path)}].")
        case "string_pattern_mismatch":
            return Fault(here, f"{shown} is not the name of an environment variable", _ADVICE)
        case _:
            return Fault(here, f"{shown}: {first['msg'].removeprefix('Value error, ')}", "Mend the line.")


def _holds(data: Any, path: tuple[str, ...]) -> bool:
    for key in path:
        if not isinstance(data, dict) or key not in data:
            return False
        data = cast(dict[str, Any], data)[key]
    return True
