"""A task's scope says which paths it may touch."""

import pytest

from sessions.project.scope import outside_scope


@pytest.mark.parametrize(
    ("pattern", "path", "allowed"),
    [
        ("src/**", "src/app.py", True),
        ("src/**", "src/deep/er/app.py", True),
        ("src/**", "srcs/app.py", False),
        ("src/**", "other/src/app.py", False),
        ("src", "src/deep/app.py", True),
        ("src/", "src/app.py", True),
        ("src", "src", True),
        ("./src", "src/app.py", True),
        ("/src", "src/app.py", True),
        ("src/*", "src/app.py", True),
        ("src/*", "src/deep/app.py", False),
        ("src/*.py", "src/app.pyc", False),
        ("*.py", "app.py", True),
        ("*.py", "src/app.py", False),
        ("**/*.py", "app.py", True),
        ("**/*.py", "a/b/c/app.py", True),
        ("**/tests/**", "a/tests/x", True),
        ("**/tests/**", "tests/x", True),
        ("a/**/b", "a/b", True),
        ("a/**/b", "a/x/y/b", True),
        ("a/**/b", "a/x/y/c", False),
        ("tests/test_x.py", "tests/test_x.py", True),
        ("tests/test_x.py", "tests/test_x.pyi", False),
        ("tests/test_?.py", "tests/test_x.py", True),
        ("tests/test_?.py", "tests/test_/.py", False),
        ("tests/test_[xy].py", "tests/test_y.py", True),
        ("tests/test_[!xy].py", "tests/test_y.py", False),
        ("SRC/**", "src/app.py", False),
        ("src/../etc/passwd", "etc/passwd", False),
        ("**", "anything/at/all", True),
        (".", "anything/at/all", True),
        ("a b/ü*", "a b/über\nall", True),
        ("docs.md", "docsxmd", False),
    ],
)
def test_a_pattern_allows_what_it_says(pattern: str, path: str, allowed: bool) -> None:
    assert outside_scope([path], [pattern]) == (() if allowed else (path,))


def test_an_empty_scope_allows_everything() -> None:
    assert outside_scope(["any/where"], []) == ()
    assert outside_scope(["any/where"], ["", "  "]) == ()


def test_one_allowing_pattern_is_enough_and_the_order_stays() -> None:
    paths = ["z.txt", "src/a.py", "docs/x.md", "a.txt"]

    assert outside_scope(paths, ["src/**", "docs"]) == ("z.txt", "a.txt")


def test_no_pattern_takes_long() -> None:
    path = "/".join(["a" * 50] * 60)

    assert outside_scope([path], ["/".join(["**", "*a*a*a*a*a*a"] * 40) + "/b", "*a" * 60 + "/b"]) == (path,)
