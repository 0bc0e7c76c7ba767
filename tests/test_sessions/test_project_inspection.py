"""A repository is looked at before work starts: what stops it, what is worth knowing, and that nothing is changed."""

import os
from pathlib import Path

import pytest
from project_repositories import commit_all, git, make_repository, repository_state, set_mode

from sessions.errors import ProjectError
from sessions.project import git as git_module
from sessions.project.identity import Identity, person_identity
from sessions.project.inspection import inspect_repository, require_workable


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_repository(tmp_path / "sample")


async def test_a_clean_repository_has_nothing_to_say(root: Path) -> None:
    repository = await require_workable(root)

    assert repository.root == root
    assert repository.name == "sample"
    assert repository.head_commit == git(root, "rev-parse", "HEAD")
    assert repository.branch == "main"
    assert (repository.dirty, repository.detached, repository.bare, repository.shallow) == ((), False, False, False)
    assert (repository.git_dir, repository.common_dir) == (root / ".git", root / ".git")
    assert repository.notices == ()


async def test_a_subfolder_finds_its_repository(root: Path) -> None:
    assert (await require_workable(root / "src")).root == root


async def test_a_linked_worktree_is_a_place_to_work(root: Path, tmp_path: Path) -> None:
    git(root, "worktree", "add", "-b", "side", str(tmp_path / "linked"))

    repository = await require_workable(tmp_path / "linked")

    assert repository.root == tmp_path / "linked"
    assert (repository.branch, repository.linked_worktree) == ("side", True)
    assert repository.common_dir == root / ".git"


async def test_uncommitted_changes_are_noticed_and_not_in_the_way(root: Path) -> None:
    (root / "README.md").write_text("changed\n")
    (root / "staged name").write_text("x\n")
    git(root, "add", "staged name")
    git(root, "mv", "src/app.py", "src/new\nname.py")
    (root / "folder").mkdir()
    (root / "folder" / "one").write_text("1")
    (root / "folder" / "two").write_text("2")
    before = repository_state(root)

    repository = await require_workable(root)

    assert set(repository.dirty) == {"README.md", "staged name", "src/new\nname.py", "folder/"}
    (notice,) = repository.notices
    assert "4 files" in notice
    assert repository.head_commit[:9] in notice
    assert repository_state(root) == before


async def test_a_detached_head_is_named_by_its_commit(root: Path) -> None:
    git(root, "checkout", "--quiet", "--detach", "HEAD~1")

    repository = await require_workable(root)

    assert (repository.detached, repository.branch) == (True, None)
    (notice,) = repository.notices
    assert "detached" in notice
    assert git(root, "rev-parse", "HEAD")[:9] in notice


async def test_an_unfinished_merge_is_noticed(root: Path) -> None:
    git(root, "checkout", "--quiet", "-b", "other", "HEAD~1")
    (root / "README.md").write_text("conflict\n")
    commit_all(root, "Conflict")
    git(root, "merge", "main", check=False)

    repository = await require_workable(root)

    assert repository.unfinished == "a merge"
    assert any("middle of a merge" in notice for notice in repository.notices)


async def test_a_shallow_clone_is_noticed(root: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "--quiet", "--depth=1", f"file://{root}", "shallow")

    repository = await require_workable(tmp_path / "shallow")

    assert repository.shallow
    assert "shallow" in repository.notices[0]


async def test_submodules_and_lfs_are_noticed(root: Path, tmp_path: Path) -> None:
    make_repository(tmp_path / "part")
    git(root, "-c", "protocol.file.allow=always", "submodule", "add", str(tmp_path / "part"), "parts/p")
    (root / ".gitattributes").write_text("*.bin filter=lfs diff=lfs -text\n")
    commit_all(root, "Add a part")

    repository = await require_workable(root)

    assert repository.submodules == ("parts/p",)
    assert repository.uses_lfs
    assert ["parts/p" in repository.notices[0], "LFS" in repository.notices[1]] == [True, True]


async def test_odd_names_of_branches_and_folders_are_taken(tmp_path: Path) -> None:
    root = make_repository(tmp_path / "öd\nd 'name' $(x)")
    git(root, "checkout", "--quiet", "-b", 'feat/$(id);`id`"é')

    repository = await require_workable(root / "src")

    assert repository.root == root
    assert repository.branch == 'feat/$(id);`id`"é'


async def test_sha256_repositories_are_known(tmp_path: Path) -> None:
    root = make_repository(tmp_path / "modern", "--object-format=sha256")

    assert (await require_workable(root)).object_format == "sha256"


async def test_a_folder_without_git_says_how_to_start(tmp_path: Path) -> None:
    with pytest.raises(ProjectError) as caught:
        await require_workable(tmp_path)

    assert "not in a git repository" in caught.value.what
    assert caught.value.where == str(tmp_path)
    assert "git init && git commit --allow-empty -m start" in caught.value.next


async def test_a_repository_without_commits_says_how_to_go_on(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet", "--initial-branch=trunk")
    repository = await inspect_repository(tmp_path)
    assert (repository.head_commit, repository.branch, repository.detached) == ("", "trunk", False)

    with pytest.raises(ProjectError, match="no commit yet on branch trunk") as caught:
        await require_workable(tmp_path)

    assert "git commit --allow-empty" in caught.value.next


async def test_a_bare_repository_is_refused(root: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "--quiet", "--bare", str(root), "bare.git")
    assert (await inspect_repository(tmp_path / "bare.git")).bare

    with pytest.raises(ProjectError, match="bare repository") as caught:
        await require_workable(tmp_path / "bare.git")

    assert "git clone" in caught.value.next


async def test_somebody_elses_repository_says_how_to_trust_it(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Git's own switch for its tests of this check; changing an owner needs root.
    monkeypatch.setitem(git_module.FIXED_ENVIRONMENT, "GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")

    with pytest.raises(ProjectError, match="belongs to another user") as caught:
        await require_workable(root / "src")

    assert f"safe.directory {root}" in caught.value.next


async def test_a_repository_the_person_trusts_is_taken(root: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(git_module.FIXED_ENVIRONMENT, "GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    (home / ".gitconfig").write_text(f"[safe]\n\tdirectory = {root}\n")

    assert (await require_workable(root)).root == root


async def test_folders_that_cannot_be_used_are_named(root: Path, tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="no such folder"):
        await require_workable(tmp_path / "nowhere")
    with pytest.raises(ProjectError, match="a file, not a folder"):
        await require_workable(root / "README.md")


async def test_an_unreadable_folder_is_named(root: Path) -> None:
    set_mode([root], 0)
    try:
        if os.access(root, os.R_OK):
            pytest.skip("root reads every folder")
        with pytest.raises(ProjectError, match="cannot be read"):
            await require_workable(root)
    finally:
        set_mode([root], 0o755)


async def test_a_machine_without_git_says_what_to_install(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(ProjectError, match="git is not installed") as caught:
        await require_workable(root)

    assert "2.32" in caught.value.next


@pytest.mark.parametrize(("version", "old"), [("2.31.8", True), ("1.9.0", True), ("2.32.0", False), ("3.0.0", False)])
async def test_an_old_git_says_what_is_needed(
    version: str, old: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "git"
    program.write_text(f"#!/bin/sh\necho git version {version}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")

    if old:
        with pytest.raises(ProjectError, match=r"too old, 2\.32 or newer"):
            await git_module.require_git()
    else:
        await git_module.require_git()


async def test_looking_runs_nothing_that_the_repository_names(root: Path, tmp_path: Path) -> None:
    touched = tmp_path / "touched"
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\ntouch {touched}\ncat\n")
    program.chmod(0o755)
    for name in ("core.fsmonitor", "diff.external", "core.pager", "core.sshCommand", "gpg.program"):
        git(root, "config", name, str(program))
    git(root, "config", "core.hooksPath", str(tmp_path / "hooks"))
    (tmp_path / "hooks").mkdir()
    for hook in ("post-index-change", "fsmonitor-watchman", "reference-transaction"):
        (tmp_path / "hooks" / hook).symlink_to(program)
    (root / "README.md").write_text("changed\n")

    repository = await require_workable(root)

    assert repository.dirty == ("README.md",)
    assert not touched.exists()


async def test_the_persons_identity_is_their_repositorys(root: Path, home: Path) -> None:
    repository = await require_workable(root)
    assert await person_identity(repository) is None

    (home / ".gitconfig").write_text("[user]\n\tname = Ada L\n\temail = ada@example.invalid\n")
    git(root, "config", "user.email", "work@example.invalid")

    assert await person_identity(repository) == Identity("Ada L", "work@example.invalid")
