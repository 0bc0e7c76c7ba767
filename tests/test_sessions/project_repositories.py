"""Real repositories for tests, made by git itself."""

import os
import subprocess
from pathlib import Path

from sessions.project.clone import SessionClone
from sessions.project.inspection import require_workable

BRANCH = "quarterdeck/s1"


def git(folder: Path, *arguments: str, check: bool = True, input: bytes | None = None) -> str:
    """Run git as a person would, and return what it printed."""
    answer = subprocess.run(["git", *arguments], cwd=folder, input=input, capture_output=True, check=False)
    assert not check or answer.returncode == 0, answer.stderr.decode(errors="replace")
    return os.fsdecode(answer.stdout).strip("\n")


def make_repository(folder: Path, *options: str) -> Path:
    """A repository with two files and two commits on `main`."""
    folder.mkdir(parents=True)
    git(folder, "init", "--quiet", "--initial-branch=main", *options)
    (folder / "README.md").write_text("sample\n")
    (folder / "src").mkdir()
    (folder / "src" / "app.py").write_text("def answer():\n    return 41\n")
    commit_all(folder, "Start")
    (folder / "README.md").write_text("sample\n\nmore\n")
    commit_all(folder, "Say more")
    return folder


def commit_all(folder: Path, subject: str) -> str:
    """Commit everything and return the commit."""
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", subject)
    return git(folder, "rev-parse", "HEAD")


async def open_clone(root: Path, home: Path) -> SessionClone:
    """A session's clone of a repository's last commit."""
    repository = await require_workable(root)
    return await SessionClone.open_or_create(
        repository, home, branch=BRANCH, base_commit=git(root, "rev-parse", "HEAD")
    )


def content(folder: Path) -> dict[str, bytes]:
    """Every file of a folder but `.git`, by its path."""
    return {
        os.fsdecode(os.path.relpath(path, folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.is_symlink() and ".git" not in path.relative_to(folder).parts
    }


def repository_state(root: Path) -> tuple[object, ...]:
    """All that must not change in a person's repository: checkout, index, branches, configuration, HEAD."""
    git_dir = root / ".git"
    branches = git(root, "for-each-ref", "refs/heads", "refs/tags", "refs/remotes", "refs/stash")
    kept = [(git_dir / name).read_bytes() for name in ("index", "HEAD", "config")]
    names = sorted(path.name for path in git_dir.iterdir())
    return content(root), branches, kept, names


def set_mode(paths: list[Path], mode: int) -> None:
    """Change the permissions of files or folders."""
    for path in paths:
        path.chmod(mode)
