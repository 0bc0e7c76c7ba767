"""Finds and opens libghostty-vt, fast: its C declarations are parsed once and kept in the person's cache
folder.

Parsing 80 KB of C takes most of 200 ms on each start; the parsed form loads in 10 ms. The parsed form is
Python code, so it is only ever read from a folder and a file that belong to this user and that nobody else
can write.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import json
import os
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import platformdirs

from sessions.errors import AgentError
from sessions.store.roots import home_of

_INSTALL = (
    "Install pyghostty 0.1.3 into the same Python. It has wheels for Linux with glibc 2.27 or newer and for "
    "macOS 13 or newer, on 64-bit Intel and ARM; terminal panes do not work elsewhere."
)
_TWINS = """
typedef struct { uint16_t x; uint32_t y; uint64_t _pad; } QuarterdeckPointValue;
typedef struct { GhosttyPointTag tag; QuarterdeckPointValue value; } QuarterdeckPoint;
typedef struct { uint64_t number; uint64_t _pad; } QuarterdeckScrollValue;
typedef struct { GhosttyTerminalScrollViewportTag tag; QuarterdeckScrollValue value; } QuarterdeckScroll;
"""
"""Structures laid out as the tagged unions that cffi cannot pass by value."""

_TWIN_OF = {"QuarterdeckPoint": "GhosttyPoint", "QuarterdeckScroll": "GhosttyTerminalScrollViewport"}
_CELL_BITS = {
    "content_tag": (0, 2),
    "content": (2, 24),
    "style_id": (26, 16),
    "wide": (42, 2),
    "hyperlink": (45, 1),
}
"""First bit and width of the parts of a cell that `rows` reads."""


@dataclass(frozen=True, slots=True)
class Library:
    """The opened library. `ffi` and `lib` are cffi's objects, which have no types."""

    ffi: Any
    lib: Any
    fingerprint: str
    """Names this version of the interface; snapshots travel only between equal ones."""

    grid_ref: Any
    """`ghostty_terminal_grid_ref`, taking a `QuarterdeckPoint`."""

    scroll_viewport: Any
    """`ghostty_terminal_scroll_viewport`, taking a `QuarterdeckScroll`."""


_loading = threading.Lock()
_loaded: dict[Path | None, Library] = {}


def load(cache: Path | None = None) -> Library:
    """Open the library, once for each process and cache folder.

    Args:
        cache: Where the parsed declarations are kept; by default the user's cache folder.

    Raises:
        AgentError: If the library is not installed for this platform, or has a layout that is not known here.
    """
    with _loading:
        if cache not in _loaded:
            _loaded[cache] = _open(cache or _cache_folder())
        return _loaded[cache]


def check_cell_layout(description: str) -> None:
    """Refuse a library whose cells are laid out in another way than `rows` reads them.

    Args:
        description: The library's description of its types, as JSON.

    Raises:
        AgentError: If the layout differs or is not described.
    """
    try:
        bits = json.loads(description)["types"]["GhosttyCell"]["bits"]
        found = {name: (bits[name]["lsb"], bits[name]["width"]) for name in _CELL_BITS}
    except (ValueError, KeyError, TypeError):
        found = None
    if found != _CELL_BITS or sys.byteorder != "little":
        raise AgentError("The terminal emulator stores its cells in a way this version does not know.", next=_INSTALL)


def _open(cache: Path) -> Library:
    package = _package_folder()
    declarations = package / "_cdef.py"
    try:
        fingerprint = hashlib.sha256(declarations.read_bytes() + _TWINS.encode()).hexdigest()[:16]
        ffi = _ffi(declarations, cache, fingerprint)
        lib = ffi.dlopen(str(_library_file(package)))
    except (OSError, ImportError) as error:
        raise AgentError(f"The terminal emulator cannot be opened: {error}", next=_INSTALL) from error
    check_cell_layout(ffi.string(lib.ghostty_type_json()).decode())
    for twin, real in _TWIN_OF.items():
        if (ffi.sizeof(twin), ffi.alignof(twin)) != (ffi.sizeof(real), ffi.alignof(real)):
            raise AgentError(f"The terminal emulator lays out {real} in an unknown way.", next=_INSTALL)
    return Library(
        ffi=ffi,
        lib=lib,
        fingerprint=fingerprint,
        grid_ref=ffi.cast(
            "GhosttyResult(*)(GhosttyTerminal, QuarterdeckPoint, GhosttyGridRef*)",
            ffi.addressof(lib, "ghostty_terminal_grid_ref"),
        ),
        scroll_viewport=ffi.cast(
            "void(*)(GhosttyTerminal, QuarterdeckScroll)",
            ffi.addressof(lib, "ghostty_terminal_scroll_viewport"),
        ),
    )


def _package_folder() -> Path:
    """Where pyghostty lies, without importing it: the import itself is what takes the time."""
    spec = importlib.util.find_spec("pyghostty")
    if spec is None or not spec.submodule_search_locations:
        raise AgentError("The terminal emulator (pyghostty) is not installed.", next=_INSTALL)
    return Path(spec.submodule_search_locations[0])


def _library_file(package: Path) -> Path:
    if chosen := os.environ.get("PYGHOSTTY_LIB"):
        return Path(chosen)
    suffix = ".dylib" if sys.platform == "darwin" else ".so"
    return package / "_lib" / f"libghostty-vt{suffix}"


def _cache_folder() -> Path:
    home = home_of(os.environ)
    return home / "cache" if home else platformdirs.user_cache_path("quarterdeck", appauthor=False)


def _ffi(declarations: Path, cache: Path, fingerprint: str) -> Any:
    """Give cffi's object for the declarations: from the cache, into the cache, or parsed for this process
    alone.
    """
    import _cffi_backend  # type: ignore[import-untyped]  # its version is part of what the parsed form depends on

    version = str(getattr(_cffi_backend, "__version__", "")).replace(".", "_")
    name = f"ghostty_{fingerprint}_{version}"
    parsed = cache / f"{name}.py"
    if not _is_private(parsed):
        ffi = _parse(declarations)
        if not _write_parsed(ffi, name, parsed):
            return ffi
    return _import_file(name, parsed).ffi


def _is_private(path: Path) -> bool:
    """Whether a file and its folder exist, are this user's, and can be written by nobody else."""
    try:
        found = [path.parent.stat(), path.stat()]
    except OSError:
        return False
    return all(stat.st_uid == os.getuid() and not stat.st_mode & 0o022 for stat in found)


def _parse(declarations: Path) -> Any:
    from cffi import FFI  # type: ignore[import-untyped]  # slow: only when nothing is cached

    source = _import_file("_quarterdeck_ghostty_cdef", declarations).CDEF
    ffi: Any = FFI()
    ffi.cdef(source + _TWINS)
    return ffi


def _write_parsed(ffi: Any, name: str, path: Path) -> bool:
    """Keep the parsed form; False when the folder does not allow it or is not private."""
    from cffi import recompiler  # type: ignore[import-untyped]  # the public `emit_python_code` prints to stdout

    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        ffi.set_source(name, None)
        make: Any = recompiler.make_py_source  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        make(ffi, name, str(fresh))
        fresh.chmod(0o600)
        fresh.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            fresh.unlink(missing_ok=True)
        return False
    return _is_private(path)


def _import_file(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
