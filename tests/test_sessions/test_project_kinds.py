"""Files of every kind and name are compared, committed and taken back; what cannot be is named."""

import os
import socket
from pathlib import Path

import pytest
from project_repositories import content, git, make_repository, open_clone

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


async def test_pipes_and_sockets_block_nothing(clone: SessionClone, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(clone.folder / "pipe")
    (clone.folder / "README.md").unlink()
    os.mkfifo(clone.folder / "README.md")
    monkeypatch.chdir(clone.folder)  # the path of a socket may be 100 letters long
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")

        diff = await clone.diff(clone.base_commit)

        assert [(change.path, change.status) for change in diff.files] == [("README.md", "deleted")]
        assert diff.left_out == (LeftOut("README.md", "a named pipe cannot be committed"),)
        assert (await clone.checkpoint("Pipes", key="1")).made
    await clone.restore(clone.base_commit)
    assert (clone.folder / "README.md").read_text() == "sample\n\nmore\n"


async def test_a_file_may_become_a_link_or_a_folder_and_back(clone: SessionClone) -> None:
    (clone.folder / "README.md").unlink()
    (clone.folder / "README.md").symlink_to("src/app.py")
    (clone.folder / "src" / "app.py").rename(clone.folder / "kept")
    (clone.folder / "src" / "app.py").mkdir()
    (clone.folder / "kept").rename(clone.folder / "src" / "app.py" / "inside")

    diff = await clone.diff(clone.base_commit)

    assert {(change.path, change.status) for change in diff.files} == {
        ("README.md", "type changed"),
        ("src/app.py/inside", "renamed"),
    }
    assert (await clone.checkpoint("Other kinds", key="1")).made
    assert git(clone.folder, "status", "--porcelain") == ""
    await clone.restore(clone.base_commit)
    assert content(clone.folder).keys() == {"README.md", "src/app.py"}


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


async def test_an_unreadable_file_is_left_out_by_name(clone: SessionClone) -> None:
    (clone.folder / "locked").write_text("x\n")
    (clone.folder / "locked").chmod(0)
    if os.access(clone.folder / "locked", os.R_OK):
        pytest.skip("root reads every file")
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
