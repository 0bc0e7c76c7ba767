"""A Worker may write anything into its clone, its `.git` included: nothing of it runs in the host's name."""

import os
import re
import socket
from pathlib import Path

import pytest
from project_repositories import BRANCH, content, git, make_repository, open_clone

from sessions.errors import ProjectError
from sessions.project import record as record_module
from sessions.project import staging as staging_module
from sessions.project.changes import LeftOut
from sessions.project.clone import SessionClone


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_repository(tmp_path / "sample")


@pytest.fixture
async def clone(root: Path, tmp_path: Path) -> SessionClone:
    home = tmp_path / "session"
    home.mkdir()
    return await open_clone(root, home)


@pytest.fixture
def touched(tmp_path: Path) -> Path:
    """A file that exists once a program of the Worker has run."""
    return tmp_path / "touched"


@pytest.fixture
def program(tmp_path: Path, touched: Path) -> Path:
    """The Worker's program: it tells that it ran, and passes its input on."""
    path = tmp_path / "program"
    path.write_text(f'#!/bin/sh\necho "$0 $*" >> {touched}\ncat\n')
    path.chmod(0o755)
    return path


def has_run(touched: Path) -> bool:
    return touched.exists()


async def use_everything(clone: SessionClone, root: Path) -> None:
    """Have the host do all it does with a clone."""
    await clone.status()
    await clone.diff(clone.base_commit)
    await clone.changed_outside(["src/**"], clone.base_commit)
    await clone.files()
    await clone.contents(tokens=1000)
    await clone.checkpoint("Work", key="1")
    (clone.folder / "README.md").write_text("once more\n")
    await clone.set_aside(await clone.head())
    await clone.restore(clone.base_commit)
    await clone.export_to(root, "refs/quarterdeck/s1")
    await clone.close()


def configure(clone_git: Path, program: Path) -> None:
    """Name the program everywhere that git starts one."""
    for name in (
        "core.fsmonitor",
        "core.sshCommand",
        "core.pager",
        "core.editor",
        "core.askPass",
        "core.gitProxy",
        "core.alternateRefsCommand",
        "diff.external",
        "diff.evil.command",
        "diff.evil.textconv",
        "filter.evil.clean",
        "filter.evil.smudge",
        "filter.evil.process",
        "merge.evil.driver",
        "gpg.program",
        "gpg.ssh.program",
        "uploadpack.packObjectsHook",
        "credential.helper",
        "trailer.evil.command",
        "interactive.diffFilter",
        "sequence.editor",
        "remote.origin.uploadpack",
    ):
        git(clone_git, "config", "--file", "config", name, str(program))
    for name, value in (
        ("commit.gpgSign", "true"),
        ("log.showSignature", "true"),
        ("filter.evil.required", "true"),
        ("extensions.partialClone", "origin"),
        ("remote.origin.promisor", "true"),
        ("remote.origin.url", f"ext::{program}"),
        ("protocol.ext.allow", "always"),
        ("protocol.allow", "always"),
        ("diff.trustExitCode", "true"),
        ("submodule.recurse", "true"),
        ("diff.submodule", "diff"),
        ("gc.auto", "1"),
        ("core.hooksPath", str(clone_git / "hooks")),
    ):
        git(clone_git, "config", "--file", "config", name, value)
    hooks = clone_git / "hooks"
    hooks.mkdir(exist_ok=True)
    for hook in re.findall(
        r"\S+",
        "pre-commit post-commit commit-msg prepare-commit-msg post-checkout post-merge post-index-change update "
        "pre-receive post-receive post-update reference-transaction fsmonitor-watchman pre-push pre-auto-gc",
    ):
        (hooks / hook).symlink_to(program)


async def test_no_configuration_of_the_clone_runs_in_the_hosts_name(
    clone: SessionClone, root: Path, program: Path, touched: Path
) -> None:
    (clone.folder / ".gitattributes").write_text("* filter=evil diff=evil merge=evil\n")
    (clone.folder / "src" / "app.py").write_text("changed\n")
    (clone.folder / "README.md").write_text("changed\n")
    configure(clone.folder / ".git", program)

    await use_everything(clone, root)

    assert not has_run(touched)
    # The trap is live: the Worker's own git falls into it.
    git(clone.folder, "status", check=False)
    assert has_run(touched)


async def test_no_configuration_of_a_nested_repository_runs_either(
    clone: SessionClone, root: Path, program: Path, touched: Path, tmp_path: Path
) -> None:
    nested = clone.folder / "vendor" / "thing"
    make_repository(nested)
    configure(nested / ".git", program)
    (nested / "README.md").write_text("changed\n")

    diff = await clone.diff(clone.base_commit)
    await use_everything(clone, root)

    assert diff.files == ()
    assert diff.left_out == (LeftOut("vendor/thing/", "a git repository inside the project is not part of it"),)
    assert not has_run(touched)
    assert (nested / "README.md").read_text() == "changed\n"


async def test_no_configuration_of_a_submodule_runs_either(
    root: Path, tmp_path: Path, program: Path, touched: Path
) -> None:
    make_repository(tmp_path / "part")
    git(root, "-c", "protocol.file.allow=always", "submodule", "add", "--quiet", str(tmp_path / "part"), "part")
    git(root, "commit", "--quiet", "--message", "Add a part")
    home = tmp_path / "session"
    home.mkdir()
    clone = await open_clone(root, home)
    git(clone.folder, "-c", "protocol.file.allow=always", "submodule", "--quiet", "update", "--init")
    configure(clone.folder / ".git" / "modules" / "part", program)
    (clone.folder / "part" / "README.md").write_text("changed inside\n")
    (clone.folder / "README.md").write_text("changed\n")

    diff = await clone.diff(clone.base_commit)
    await use_everything(clone, root)

    assert [change.path for change in diff.files] == ["README.md"]
    assert diff.left_out == (LeftOut("part", "the content of a submodule is not part of the project"),)
    assert not has_run(touched)
    assert git(root, "ls-tree", "refs/quarterdeck/s1", "part").startswith("160000 commit")


async def test_a_submodule_may_be_removed(root: Path, tmp_path: Path) -> None:
    make_repository(tmp_path / "part")
    git(root, "-c", "protocol.file.allow=always", "submodule", "add", "--quiet", str(tmp_path / "part"), "part")
    git(root, "commit", "--quiet", "--message", "Add a part")
    home = tmp_path / "session"
    home.mkdir()
    clone = await open_clone(root, home)
    (clone.folder / "part").rmdir()
    (clone.folder / "part").write_text("a file instead\n")

    assert [(change.path, change.status) for change in await clone.status()] == [("part", "type changed")]


async def test_attributes_cannot_hide_a_change(clone: SessionClone) -> None:
    (clone.folder / ".gitattributes").write_text("*.py binary -diff\n")
    (clone.folder / "src" / "app.py").write_text("def answer():\n    return 'hidden?'\n")

    diff = await clone.diff(clone.base_commit)

    assert "return 'hidden?'" in diff.text
    assert [(change.path, change.binary) for change in diff.files] == [(".gitattributes", False), ("src/app.py", False)]


async def test_tricks_with_the_clones_index_hide_nothing(clone: SessionClone) -> None:
    git(clone.folder, "update-index", "--assume-unchanged", "README.md")
    git(clone.folder, "update-index", "--skip-worktree", "src/app.py")
    (clone.folder / ".git" / "info" / "exclude").write_text("*\n")
    (clone.folder / "README.md").write_text("changed\n")
    (clone.folder / "src" / "app.py").write_text("changed\n")
    (clone.folder / "new").write_text("x\n")

    assert [change.path for change in await clone.status()] == ["README.md", "new", "src/app.py"]


@pytest.mark.parametrize(
    "spoil",
    [
        "rm -rf .git",
        "rm -rf .git/objects",
        "echo no > .git/config",
        "echo no > .git/HEAD",
        "rm -rf .git && ln -s /tmp .git",
        "rm -rf .git && echo gitdir: /nowhere > .git",
        "rm -rf .git/refs && ln -s /tmp .git/refs",
        "rm -rf .git/refs/heads && touch .git/refs/heads",
        "rm -rf .git/refs/heads/quarterdeck && git update-ref refs/heads/quarterdeck HEAD",
        "rm -f .git/index && mkdir .git/index",
        "git checkout -q -b elsewhere && git commit -q --allow-empty -m mine && git branch -D quarterdeck/s1",
        "git pack-refs --all && git gc -q",
        "git worktree add -q ../other && git checkout -q --detach HEAD~1",
        "git reset -q --hard HEAD~1",
    ],
)
async def test_a_spoiled_git_folder_costs_the_worker_and_not_the_work(
    spoil: str, clone: SessionClone, root: Path
) -> None:
    assert os.system(f"cd '{clone.folder}' && {spoil} > /dev/null 2>&1") == 0  # noqa: ASYNC221
    (clone.folder / "new").write_text("the work\n")

    made = await clone.checkpoint("Work", key="1")

    assert made.made
    assert await clone.export_to(root, "refs/quarterdeck/s1") == made.commit
    assert git(root, "show", "refs/quarterdeck/s1:new") == "the work"
    if "config" not in spoil:
        assert git(clone.folder, "rev-parse", "HEAD") == made.commit
        assert git(clone.folder, "symbolic-ref", "--short", "HEAD") == BRANCH
        assert git(clone.folder, "status", "--porcelain") == ""
        git(clone.folder, "fsck", "--strict", "--no-dangling")


async def test_names_of_every_kind_are_kept(clone: SessionClone, root: Path) -> None:
    names = [
        b"new\nline",
        b"quo\"te's",
        b"tab\there",
        b"-leading",
        b"--all",
        b":(top)magic",
        b"*.py",
        b"back\\slash",
        "\u202egpj.exe".encode(),
        "cafe\u0301".encode(),
        b"not \xff utf-8",
        b" spaces ",
        b"deep/\n/x",
        b"$(id)`id`;",
    ]
    for name in names:
        path = os.path.join(os.fsencode(clone.folder), name)  # noqa: PTH118
        os.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120
        with open(path, "wb") as file:  # noqa: ASYNC230, PTH123
            file.write(b"x\n")

    diff = await clone.diff(clone.base_commit)
    made = await clone.checkpoint("Names", key="1")
    await clone.export_to(root, "refs/quarterdeck/s1")

    assert sorted(os.fsencode(change.path) for change in diff.files) == sorted(names)
    assert made.left_out == ()
    tree = git(root, "ls-tree", "-r", "-z", "--name-only", "refs/quarterdeck/s1")
    assert set(os.fsdecode(b"\0".join(names)).split("\0")) <= set(tree.split("\0"))
    assert sorted(await clone.changed_outside(["src"], clone.base_commit)) == sorted(map(os.fsdecode, names))
    await clone.set_aside(clone.base_commit)
    assert content(clone.folder).keys() == {"README.md", "src/app.py"}


async def test_links_are_kept_as_links_and_never_followed(clone: SessionClone, root: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "app.py").write_text("secret\n")
    (clone.folder / "passwd").symlink_to("/etc/passwd")
    (clone.folder / "dangling").symlink_to("nowhere")
    (clone.folder / "src" / "app.py").unlink()
    (clone.folder / "src").rmdir()
    (clone.folder / "src").symlink_to(outside)

    diff = await clone.diff(clone.base_commit)

    assert "secret" not in diff.text
    assert "root:" not in diff.text
    assert [(change.path, change.status) for change in diff.files] == [
        ("dangling", "added"),
        ("passwd", "added"),
        ("src", "added"),
        ("src/app.py", "deleted"),
    ]
    await clone.checkpoint("Links", key="1")
    await clone.restore(clone.base_commit)
    assert (outside / "app.py").read_text() == "secret\n"
    assert not (clone.folder / "src").is_symlink()
    assert content(clone.folder).keys() == {"README.md", "src/app.py"}


async def test_pipes_and_sockets_block_nothing(clone: SessionClone) -> None:
    os.mkfifo(clone.folder / "pipe")
    (clone.folder / "README.md").unlink()
    os.mkfifo(clone.folder / "README.md")
    with socket.socket(socket.AF_UNIX) as listener:
        here = os.open(clone.folder, os.O_RDONLY)
        listener.bind(f"/proc/self/fd/{here}/socket" if os.path.exists("/proc/self/fd") else "socket")  # noqa: ASYNC240, PTH110
        os.close(here)

        diff = await clone.diff(clone.base_commit)

        assert [(change.path, change.status) for change in diff.files] == [("README.md", "deleted")]
        assert diff.left_out == (LeftOut("README.md", "a named pipe cannot be committed"),)
        assert (await clone.checkpoint("Pipes", key="1")).made
    await clone.restore(clone.base_commit)
    assert (clone.folder / "README.md").read_text() == "sample\n\nmore\n"


async def test_a_pipe_that_git_itself_would_read_is_named(clone: SessionClone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record_module, "_PATIENCE", 0.2)
    os.mkfifo(clone.folder / "src" / ".gitignore")

    with pytest.raises(ProjectError, match=r"src/\.gitignore is not a file"):
        await clone.diff(clone.base_commit)

    (clone.folder / "src" / ".gitignore").unlink()
    assert (await clone.diff(clone.base_commit)).files == ()


async def test_modes_binaries_line_ends_and_large_files_are_kept(clone: SessionClone, root: Path) -> None:
    large = b"0123456789abcde\n" * 655_360
    (clone.folder / "tool").write_text("#!/bin/sh\n")
    (clone.folder / "tool").chmod(0o755)
    (clone.folder / "data.bin").write_bytes(bytes(range(256)))
    (clone.folder / "dos.txt").write_bytes(b"one\r\ntwo\r\n")
    (clone.folder / "large.txt").write_bytes(large)

    diff = await clone.diff(clone.base_commit, limit=10_000)
    made = await clone.checkpoint("Kinds", key="1")
    await clone.export_to(root, "refs/quarterdeck/s1")

    by_path = {change.path: change for change in diff.files}
    assert (by_path["data.bin"].binary, by_path["data.bin"].added) == (True, 0)
    assert by_path["large.txt"].added == 655_360
    assert diff.truncated
    assert git(root, "ls-tree", str(made.commit), "tool").startswith("100755 ")
    assert git(root, "cat-file", "-s", f"{made.commit}:dos.txt") == "10"
    assert git(root, "cat-file", "-s", f"{made.commit}:large.txt") == str(len(large))
    (clone.folder / "tool").chmod(0o644)
    assert [(change.path, change.status) for change in await clone.status()] == [("tool", "changed")]


async def test_a_project_that_normalises_line_ends_shows_no_false_change(root: Path, tmp_path: Path) -> None:
    (root / ".gitattributes").write_text("* text=auto\n*.bat eol=crlf\n")
    (root / "run.bat").write_bytes(b"echo\r\n")
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", "Normalise")
    home = tmp_path / "session"
    home.mkdir()
    clone = await open_clone(root, home)

    assert (clone.folder / "run.bat").read_bytes() == b"echo\r\n"
    assert await clone.status() == ()
    (clone.folder / "dos.txt").write_bytes(b"one\r\n")
    made = await clone.checkpoint("Text", key="1")
    assert git(clone.folder, "cat-file", "-s", f"{made.commit}:dos.txt") == "4"
    assert git(clone.folder, "status", "--porcelain") == ""


async def test_what_git_refuses_is_left_out_by_name_and_the_rest_is_kept(
    clone: SessionClone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(staging_module, "LARGEST_FILE", 1000)
    (clone.folder / "huge").write_bytes(b"x" * 1001)
    (clone.folder / ".gitattributes").write_text("*.u16 text working-tree-encoding=UTF-16\n")
    (clone.folder / "bad.u16").write_bytes(b"\x00\xd8\x00")
    (clone.folder / "good").write_text("x\n")

    made = await clone.checkpoint("Work", key="1")

    assert made.made
    assert {one.path for one in made.left_out} == {"huge", "bad.u16"}
    assert git(clone.folder, "ls-tree", "--name-only", "HEAD").split() == [
        ".gitattributes",
        "README.md",
        "good",
        "src",
    ]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
async def test_an_unreadable_file_is_left_out_by_name(clone: SessionClone) -> None:
    (clone.folder / "locked").write_text("x\n")
    (clone.folder / "locked").chmod(0)
    (clone.folder / "open").write_text("x\n")

    diff = await clone.diff(clone.base_commit)

    assert [change.path for change in diff.files] == ["open"]
    assert [one.path for one in diff.left_out] == ["locked"]


async def test_a_git_folder_by_another_spelling_is_not_committed(clone: SessionClone, root: Path) -> None:
    spelled = clone.folder / "deep" / ".GIT"
    spelled.mkdir(parents=True)
    (spelled / "config").write_text("[core]\n\tfsmonitor = touch /tmp/x\n")
    (clone.folder / "good").write_text("x\n")

    await clone.checkpoint("Work", key="1")
    await clone.export_to(root, "refs/quarterdeck/s1")

    tree = git(root, "ls-tree", "-r", "--name-only", "refs/quarterdeck/s1").split()
    assert tree == ["README.md", "good", "src/app.py"]
