"""What a fresh interpreter really loads: the layers as they are, whatever the contracts on the source say."""

import json
import subprocess
import sys
from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent
# The one module that imports litellm, which loads rich for its own use.
_LITELLM_BACKEND = "sessions.models.litellm_backend"


def _loaded(code: str, *arguments: str) -> set[str]:
    """Run `code` in a fresh interpreter and return the top-level names of every module it ended with."""
    report = f"""
import atexit, json, os, sys
answer = os.dup(1)
os.dup2(2, 1)
def tell():
    os.write(answer, json.dumps(sorted({{name.partition(".")[0] for name in sys.modules}})).encode())
atexit.register(tell)
{code}
"""
    ended = subprocess.run(
        [sys.executable, "-c", report, *arguments], capture_output=True, text=True, cwd=_ROOT, check=False
    )
    assert ended.returncode == 0, ended.stderr
    return set(json.loads(ended.stdout))


def _modules_of(package: str) -> list[str]:
    """Return the dotted names of every module of a package; a folder without __init__.py holds data."""
    found = [package]
    for path in sorted((_ROOT / package).rglob("*.py")):
        inside = [folder for folder in path.parents if folder.is_relative_to(_ROOT / package)]
        if path.stem != "__main__" and all((folder / "__init__.py").exists() for folder in inside):
            found.append(".".join(path.relative_to(_ROOT).with_suffix("").parts).removesuffix(".__init__"))
    return found


def test_sessions_and_themes_load_nothing_that_draws_and_litellm_only_in_its_backend() -> None:
    names = [name for name in _modules_of("sessions") + _modules_of("themes") if name != _LITELLM_BACKEND]
    loaded = _loaded("import importlib\nfor name in sys.argv[1:]: importlib.import_module(name)", *names)
    assert {"sessions", "themes"} <= loaded
    assert not loaded & {"textual", "rich", "tui", "panes", "litellm"}


def test_the_version_is_told_without_loading_the_app() -> None:
    loaded = _loaded("from tui.cli import main\nsys.argv = ['quarterdeck', '--version']\nmain()")
    assert "tui" in loaded
    assert not loaded & {"textual", "rich", "pydantic", "litellm"}
