"""The toolbox's files: everything inside the clone, nothing outside it, no pipe or device ever opened."""

import os
import socket
from pathlib import Path

import pytest

from sessions.agents.toolbox.confined import ConfinedFolder
from sessions.agents.toolbox.result import ToolFault


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    place = tmp_path / "outside"
    place.mkdir()
    (place / "secret.txt").write_text("secret")
    return place


@pytest.fixture
def clone(tmp_path: Path, outside: Path) -> Path:
    place = tmp_path / "clone"
    (place / "src").mkdir(parents=True)
    (place / ".git").mkdir()
    (place / ".git" / "config").write_text("[core]\n")
    (place / "src" / "app.py").write_text("print('hello')\n")
    (place / "link_out").symlink_to(outside / "secret.txt")
    (place / "folder_out").symlink_to(outside)
    (place / "link_in").symlink_to("src/app.py")
    (place / "folder_in").symlink_to("src")
    (place / "dangling_out").symlink_to(outside / "new.txt")
    (place / "loop").symlink_to("loop")
    (place / "git_link").symlink_to(".git")
    return place


ESCAPES = [
    "../outside/secret.txt",
    "src/../../outside/secret.txt",
    "/etc/passwd",
    "link_out",
    "folder_out/secret.txt",
    "folder_out/../outside/secret.txt",
    "src/./../folder_out/secret.txt",
    "dangling_out",
    "folder_out/new.txt",
    "..",
    "/",
]


@pytest.mark.parametrize("path", ESCAPES)
def test_no_path_leads_outside(clone: Path, outside: Path, path: str) -> None:
    folder = ConfinedFolder(clone)
    before = sorted(outside.iterdir())
    with pytest.raises(ToolFault, match="outside"):
        folder.open_file(path)
    with pytest.raises(ToolFault, match="outside"):
        folder.replace_file(path, b"overwritten")
    assert (outside / "secret.txt").read_text() == "secret"
    assert sorted(outside.iterdir()) == before


def test_a_folder_whose_name_begins_like_the_clone_is_outside(clone: Path) -> None:
    beside = clone.parent / "clone-of-another"
    beside.mkdir()
    (beside / "x").write_text("x")
    with pytest.raises(ToolFault, match="outside"):
        ConfinedFolder(clone).open_file("../clone-of-another/x")


@pytest.mark.parametrize("path", ["src/app.py", "link_in", "folder_in/app.py", "src/../src/app.py", "./src//app.py"])
def test_every_way_to_a_file_inside_reads_it(clone: Path, path: str) -> None:
    with ConfinedFolder(clone).open_file(path) as file:
        assert file.read() == b"print('hello')\n"


def test_an_absolute_path_inside_is_inside(clone: Path) -> None:
    with ConfinedFolder(clone).open_file(str(clone / "src/app.py")) as file:
        assert file.read(5) == b"print"


def test_a_clone_reached_through_a_link_is_the_same_clone(clone: Path) -> None:
    (clone.parent / "way").symlink_to(clone)
    folder = ConfinedFolder(clone.parent / "way")
    assert folder.replace_file("new.txt", b"x")
    assert (clone / "new.txt").read_bytes() == b"x"


def test_writing_through_a_link_inside_writes_its_target(clone: Path) -> None:
    assert ConfinedFolder(clone).replace_file("link_in", b"new") is False
    assert (clone / "src/app.py").read_bytes() == b"new"
    assert (clone / "link_in").is_symlink()


def test_writing_makes_folders_keeps_permissions_and_leaves_no_draft(clone: Path) -> None:
    folder = ConfinedFolder(clone)
    assert folder.replace_file("a/b/c.txt", b"one")
    (clone / "a/b/c.txt").chmod(0o755)
    assert folder.replace_file("a/b/c.txt", b"two") is False
    assert (clone / "a/b/c.txt").read_bytes() == b"two"
    assert (clone / "a/b/c.txt").stat().st_mode & 0o777 == 0o755
    assert [path.name for path in (clone / "a/b").iterdir()] == ["c.txt"]


def test_a_hard_link_to_a_file_outside_is_cut(clone: Path, outside: Path) -> None:
    (clone / "hard").hardlink_to(outside / "secret.txt")
    ConfinedFolder(clone).replace_file("hard", b"mine")
    assert (clone / "hard").read_bytes() == b"mine"
    assert (outside / "secret.txt").read_text() == "secret"


@pytest.mark.parametrize(
    "path",
    [
        ".git/config",
        ".git/hooks/pre-commit",
        ".git",
        "git_link/config",
        "src/.git/config",
        ".GIT/config",
        ".g\u200bit/x",
    ],
)
def test_gits_own_folder_is_never_written(clone: Path, path: str) -> None:
    with pytest.raises(ToolFault, match="git"):
        ConfinedFolder(clone).replace_file(path, b"[core]\nfsmonitor=evil\n")
    assert (clone / ".git/config").read_text() == "[core]\n"
    assert [path.name for path in (clone / ".git").iterdir()] == ["config"]
    assert not (clone / "src/.git").exists()


def test_gits_folder_is_known_by_what_it_is_too(clone: Path) -> None:
    """A file system may offer `.git` under a name that no rule foresees; here the folder itself was renamed."""
    (clone / ".git").rename(clone / "other-name")
    (clone / ".git").symlink_to("other-name")
    with pytest.raises(ToolFault, match="git's own folder"):
        ConfinedFolder(clone).replace_file("other-name/config", b"x")
    assert (clone / "other-name/config").read_text() == "[core]\n"


def test_pipes_sockets_and_folders_are_named_and_not_opened(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(clone / "pipe")
    monkeypatch.chdir(clone)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
        folder = ConfinedFolder(clone)
        for name, kind in {"pipe": "a pipe", "socket": "a socket", "src": "a folder"}.items():
            with pytest.raises(ToolFault, match=kind):
                folder.open_file(name)
            with pytest.raises(ToolFault, match=kind):
                folder.replace_file(name, b"x")
    assert (clone / "pipe").is_fifo()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a device")
def test_devices_are_not_opened(clone: Path) -> None:
    import stat

    try:
        os.mknod(clone / "zero", 0o666 | stat.S_IFCHR, os.makedev(1, 5))
    except PermissionError:
        pytest.skip("this machine lets nobody make a device")
    with pytest.raises(ToolFault, match="a device"):
        ConfinedFolder(clone).open_file("zero")


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("", "empty"),
        ("  ", "empty"),
        ("a\0b", "zero byte"),
        ("nothing", "there is no file nothing"),
        ("nothing/at/all", "there is no file"),
        ("src/app.py/x", "cannot be used"),
        ("loop", "a link that cannot be followed"),
        (".", "folder"),
        ("x" * 5000, "x"),
        ("half \ud800 pair", "not a path"),
        ("\x1b]0;title\x07", "there is no file �"),
    ],
)
def test_what_is_no_file_is_said_plainly(clone: Path, path: str, said: str) -> None:
    with pytest.raises(ToolFault) as caught:
        ConfinedFolder(clone).open_file(path)
    assert said in str(caught.value)
    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("write", [True, False])
def test_a_link_put_in_place_after_the_check_is_refused(
    clone: Path, monkeypatch: pytest.MonkeyPatch, write: bool
) -> None:
    """The folder is swapped for a link to the outside between resolving the path and opening the file."""
    folder = ConfinedFolder(clone)
    resolve = folder.resolve

    def swap(path: str) -> tuple[str, ...]:
        parts = resolve(path)
        (clone / "src").rename(clone / "src-before")
        (clone / "src").symlink_to(clone.parent / "outside")
        return parts

    monkeypatch.setattr(folder, "resolve", swap)
    with pytest.raises(ToolFault, match="cannot be used"):
        folder.replace_file("src/secret.txt", b"overwritten") if write else folder.open_file("src/secret.txt")
    assert (clone.parent / "outside/secret.txt").read_text() == "secret"


def test_a_clone_that_is_gone_is_said(tmp_path: Path) -> None:
    with pytest.raises(ToolFault, match="gone"):
        ConfinedFolder(tmp_path / "nothing")
