"""Reading what test runners print: how many tests passed, and which one failed first. Pure.

A runner is told by its summary; an unknown one gives None. Numbers are the runner's word: whether a run passed is
decided by its exit status, and numbers can only take a pass away. The forms are those of pytest 8, unittest, Jest 29,
Vitest 3, Node 20 (TAP and spec), Cargo and Go 1.2x.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-_])")
_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")
_HEAD, _TAIL = 100_000, 200_000
"""Letters looked at from either end of an output; summaries stand at the end, the first failures may not."""
_SHOWN = 300


@dataclass(frozen=True, slots=True)
class TestCounts:
    """How many tests ended how. Go without `-v` counts packages."""

    __test__: ClassVar[bool] = False  # not a test itself, whatever its name makes pytest think

    passed: int
    failed: int
    errors: int = 0
    skipped: int = 0

    @property
    def ran(self) -> int:
        """Tests that were run, whatever came of them."""
        return self.passed + self.failed + self.errors


def read_counts(output: bytes | str) -> TestCounts | None:
    """The counts of the last summary in a run's output; None when no known runner wrote one."""
    text = _plain(output)
    return next((counts for runner in _RUNNERS if (counts := runner.counts(text)) is not None), None)


def first_failure(output: bytes | str) -> str | None:
    """The first failing test and its error, as one printable line; None when none is recognised."""
    text = _plain(output)
    known = [runner for runner in _RUNNERS if runner.counts(text) is not None]
    for runner in known or _RUNNERS:
        for pattern in runner.failures:
            if match := pattern.search(text):
                name, error = (part or "" for part in match.group("name", "error"))
                return " ".join(f"{name}: {error}".split()).removesuffix(":")[:_SHOWN]
    return None


def _plain(output: bytes | str) -> str:
    """Output as text without escape sequences and other control characters, the middle of a long one left out."""
    text = output.decode("utf-8", "replace") if isinstance(output, bytes) else output
    if len(text) > _HEAD + _TAIL:
        text = f"{text[:_HEAD]}\n{text[-_TAIL:]}"
    return _UNSAFE.sub("", _ESCAPES.sub("", text.replace("\r\n", "\n").replace("\r", "\n")))


def _numbers(text: str) -> dict[str, int]:
    """`3 failed, 2 passed` and `1 failed | 2 passed`, as numbers by word."""
    return {word: int(number) for number, word in re.findall(r"(\d+) ([a-z]+)", text)}


def _last(pattern: str, text: str) -> re.Match[str] | None:
    found = None
    for match in re.finditer(pattern, text, re.MULTILINE):
        found = match
    return found


def _pytest(text: str) -> TestCounts | None:
    line = _last(r"^(?:=+ )?(no tests ran|\d+ [a-z]+(?:, \d+ [a-z]+)*) in \d[\d.]*s\b", text)
    if line is None:
        return None
    found = _numbers(line[1])
    return TestCounts(
        found.get("passed", 0) + found.get("xpassed", 0),
        found.get("failed", 0),
        found.get("error", 0) + found.get("errors", 0),
        found.get("skipped", 0) + found.get("xfailed", 0),
    )


def _unittest(text: str) -> TestCounts | None:
    line = _last(r"^Ran (\d+) tests? in [\d.]+s\n+(?:OK|FAILED|NO TESTS RAN)(?: \(([^)\n]*)\))?", text)
    if line is None:
        return None
    found = {name: int(number) for name, number in re.findall(r"([a-z]+(?: [a-z]+)*)=(\d+)", line[2] or "")}
    failed = found.get("failures", 0) + found.get("unexpected successes", 0)
    errors = found.get("errors", 0)
    skipped = found.get("skipped", 0) + found.get("expected failures", 0)
    # An error while a class or module is set up counts as no test.
    return TestCounts(max(0, int(line[1]) - failed - errors - skipped), failed, errors, skipped)


def _jest(text: str) -> TestCounts | None:
    if line := _last(r"^Tests:[ \t]+(.*\d total)$", text):
        return _of_words(line[1])
    return TestCounts(0, 0) if re.search(r"^No tests found, exiting with code \d", text, re.MULTILINE) else None


def _vitest(text: str) -> TestCounts | None:
    if line := _last(r"^[ \t]*Tests[ \t]{2,}(.*)\(\d+\)[ \t]*$", text):
        return _of_words(line[1])
    return TestCounts(0, 0) if re.search(r"^No test files found, exiting with code \d", text, re.MULTILINE) else None


def _of_words(text: str) -> TestCounts:
    found = _numbers(text)
    skipped = found.get("skipped", 0) + found.get("todo", 0)
    return TestCounts(found.get("passed", 0), found.get("failed", 0), 0, skipped)


def _node(text: str) -> TestCounts | None:
    found = {word: int(number) for word, number in re.findall(r"^[#ℹ] (\w+) (\d+)$", text, re.MULTILINE)}
    if not {"tests", "pass", "fail"} <= found.keys():
        return None
    skipped = found.get("skipped", 0) + found.get("todo", 0)
    return TestCounts(found["pass"], found["fail"], found.get("cancelled", 0), skipped)


def _cargo(text: str) -> TestCounts | None:
    lines = re.findall(r"^test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored;", text, re.MULTILINE)
    if not lines:
        return None
    passed, failed, ignored = (sum(int(line[column]) for line in lines) for column in range(3))
    return TestCounts(passed, failed, 0, ignored)


def _go(text: str) -> TestCounts | None:
    lines = re.findall(r"^(ok|FAIL|\?)[ \t]+(\S+)[ \t]+(.*)$", text, re.MULTILINE)
    packages = [(word, rest) for word, _, rest in lines if re.match(r"\(cached\)|[\d.]+s|\[", rest)]
    if not packages:
        return None
    broken = sum(word == "FAIL" and rest.endswith("failed]") for word, rest in packages)
    single = re.findall(r"^[ \t]*--- (PASS|FAIL|SKIP): ", text, re.MULTILINE)
    if "PASS" in single:
        return TestCounts(single.count("PASS"), single.count("FAIL"), broken, single.count("SKIP"))
    passed = sum(word == "ok" and "[no tests to run]" not in rest for word, rest in packages)
    return TestCounts(passed, sum(word == "FAIL" for word, _ in packages) - broken, broken)


@dataclass(frozen=True, slots=True)
class _Runner:
    """How one test runner speaks."""

    counts: Callable[[str], TestCounts | None]
    failures: tuple[re.Pattern[str], ...]
    """Each has the groups `name` and `error`; the first that is found tells the first failure."""


def _runner(counts: Callable[[str], TestCounts | None], *failures: str) -> _Runner:
    return _Runner(counts, tuple(re.compile(failure, re.MULTILINE) for failure in failures))


_RUNNERS = (
    _runner(
        _pytest,
        r"^FAILED (?P<name>[^\[\n]+?(?:\[.*?\])?)(?: - (?P<error>.*))?$",
        r"^ERROR (?P<name>[^\[\n]+?(?:\[.*?\])?)(?: - (?P<error>.*))?$",
        # A terminal's end or a crash may have cut the summary off.
        r"^_{2,} (?P<name>[^_\n].*?) _{2,}$(?:\n(?!E  |_{2}).*)*\nE +(?P<error>.*)$",
    ),
    _runner(
        _unittest,
        r"^(?:FAIL|ERROR): (?P<name>.+)$(?:\n(?!={20}|[A-Za-z_][\w.]*: ).*)*(?:\n(?P<error>[A-Za-z_].*))?$",
    ),
    _runner(_jest, r"^[ \t]*● (?!Console$)(?P<name>.+)$\n+[ \t]*(?P<error>.*)$"),
    _runner(_vitest, r"^[ \t]*FAIL[ \t]+(?P<name>\S.*)$\n(?P<error>\S.*)$"),
    _runner(
        _node,
        r"^[ \t]*not ok \d+ - (?P<name>.+)$(?:\n[ \t]+(?!error:).*)*?\n[ \t]+error: (?:[|>]-?\n[ \t]*)?(?P<error>.*)$",
        r"^[ \t]*✖ (?!failing tests:)(?P<name>.+?)(?: \([\d.]+ms\))?$\n[ \t]+(?P<error>.*)$",
    ),
    _runner(
        _cargo,
        r"^---- (?P<name>\S+) stdout ----$(?:\n(?!.*panicked at|----).*)*\n.*panicked at .*$\n(?P<error>.*)$",
    ),
    _runner(
        _go,
        r"^[ \t]*--- FAIL: (?P<name>\S+).*$(?:\n[ \t]+(?P<error>(?!---)\S.*)$)?",
        r"^# (?P<name>\S+).*$\n(?P<error>.+)$",
    ),
)
"""pytest first: the others' forms may stand inside what it captured, as its may in theirs, but less often."""
