"""The small project the demo builds in: a fresh git repository in a scratch folder."""

import os
import subprocess
import tempfile
from pathlib import Path

from sessions.errors import ProjectError

_README = """# Sample

A small project made by `quarterdeck demo`. The rehearsal fleet builds a command line tool in it, on a branch of its
own: your other projects are not touched. Delete this folder whenever you like.
"""


def make_demo_project(folder: Path | None = None) -> Path:
    """Make the sample repository and return its folder.

    Raises:
        ProjectError: If the folder exists and is not empty, cannot be made, or git is missing.
    """
    try:
        if folder is None:
            path = Path(tempfile.mkdtemp(prefix="quarterdeck-demo-")) / "sample"
        else:
            path = folder.expanduser().resolve()
        if path.exists() and any(path.iterdir()):
            raise ProjectError("the demo needs an empty folder", where=str(path), next="give another --folder")
        path.mkdir(parents=True, exist_ok=True)
        (path / "README.md").write_text(_README, "utf-8")
        _git(path, "init", "--quiet", "--initial-branch=main", "--template=")
        _git(path, "add", "README.md")
        identity = (
            "-c",
            "user.name=Quarterdeck",
            "-c",
            "user.email=quarterdeck@localhost",
            "-c",
            "commit.gpgsign=false",
        )
        _git(path, *identity, "commit", "--quiet", "--message=Begin the sample")
    except OSError as error:
        raise ProjectError(
            f"the sample project cannot be made: {error.strerror or error}",
            where=str(folder or tempfile.gettempdir()),
            next="give a writable folder with --folder",
        ) from error
    return path


def _git(folder: Path, *arguments: str) -> None:
    # GIT_* would have git work in another repository, and the person's own hooks have no business in a sample.
    alone = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    command = ["git", "-c", f"core.hooksPath={os.devnull}", *arguments]
    try:
        subprocess.run(command, cwd=folder, env=alone, check=True, capture_output=True, stdin=subprocess.DEVNULL)
    except FileNotFoundError as error:
        raise ProjectError("git was not found", next="install git, then try again") from error
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode("utf-8", "replace").strip().splitlines()
        raise ProjectError(
            f"git {arguments[0]} failed: {said[-1] if said else error.returncode}", where=str(folder)
        ) from error
