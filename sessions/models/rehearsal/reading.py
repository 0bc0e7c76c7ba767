"""Reads what a prompt's parts say: the task, the host's evidence, the verdict card and a test run's output."""

import re
from dataclasses import dataclass

from sessions.models.rehearsal.answer import clip

_NOTHING = frozenset({"", "-", "none", "(none)", "unknown"})


@dataclass(frozen=True, slots=True)
class Brief:
    """The task as the prompt gives it. `attempt` counts from 1."""

    id: str
    attempt: int
    title: str
    test_command: str
    criteria: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the host measured. What it does not know, or what is not there, is empty."""

    command: str
    exit_code: str
    passed: bool
    timed_out: bool
    counts: str
    files: tuple[str, ...]
    outside_scope: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Failure:
    """The first failure of a pytest run: where, what pytest says of it, and the source lines it shows."""

    file: str
    test: str
    message: str
    source: str


def fields(text: str) -> dict[str, str]:
    """Return the `name: value` lines of a text; the first of a name counts, other lines are left out."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        name, colon, value = line.partition(":")
        if colon and re.fullmatch(r"\w+", name.strip()):
            found.setdefault(name.strip(), value.strip())
    return found


def listed(value: str) -> tuple[str, ...]:
    """Return the items of a comma-separated list, which may be written as none."""
    if value.strip().lower() in _NOTHING:
        return ()
    return tuple(item.strip() for item in value.split(",") if item.strip())


def read_task(text: str) -> Brief:
    """Read the `task` part. What is not there is empty; an attempt that is no number is the first."""
    head, _, _ = text.partition("\ninstructions:")
    named = fields(head)
    after = head.partition("\ncriteria:")[2]
    criteria = tuple(line.strip()[2:].strip() for line in after.splitlines() if line.strip().startswith("- "))
    attempt = re.search(r"\d+", named.get("attempt", ""))
    return Brief(
        id=named.get("id", ""),
        attempt=max(int(attempt[0][:4]), 1) if attempt else 1,
        title=named.get("title", ""),
        test_command=named.get("test_command", ""),
        criteria=criteria,
    )


def read_evidence(text: str) -> Evidence:
    """Read the `evidence` part. Nothing counts as passed but `passed: true`."""
    named = fields(text)
    return Evidence(
        command=_known(named.get("command", "")),
        exit_code=_known(named.get("exit_code", "")),
        passed=named.get("passed", "").lower() == "true",
        timed_out=named.get("timed_out", "").lower() == "true",
        counts=_known(named.get("counts", "")),
        files=listed(named.get("files", "")),
        outside_scope=listed(named.get("outside_scope", "")),
    )


def last_counts(output: str) -> str:
    """Return pytest's own count of a run, such as `1 failed, 7 passed`; empty when there is none."""
    found = re.findall(r"(?m)^[=\s]*((?:\d+ [a-z]+(?:, )?)+) in [\d.]+s", output)
    return found[-1] if found else ""


def is_red(output: str) -> bool:
    """Say whether a run's output shows failed tests, an error of pytest's or a traceback."""
    return bool(re.search(r"(?m)^(FAILED|ERROR) |\b\d+ (failed|errors?)\b|^Traceback \(|No module named", output))


def read_failure(output: str) -> Failure | None:
    """Return the first failure that a pytest output names; None when it names none."""
    named = re.search(r"(?m)^(?:FAILED|ERROR) (?P<file>[^\s:]+)(?:::(?P<test>[\w:\[\].-]+))?", output)
    if named is None:
        return None
    test = (named["test"] or "").split("::")[-1]
    block = _block(output, test.partition("[")[0] or named["file"])
    told = [line[1:].strip() for line in block.splitlines() if re.match(r"E\s", line)]
    source = "\n".join(line[1:].strip() for line in block.splitlines() if line.startswith(">"))
    return Failure(named["file"], test, clip(_plain(told), 140), source)


def function_behind(failure: Failure, diff: str) -> tuple[str, str]:
    """Return file and function of a diff that the failing line calls; empty strings when the diff has none of them."""
    called = set(re.findall(r"\b([A-Za-z_]\w*)\(", failure.source))
    file = ""
    for line in diff.splitlines():
        if line.startswith("+++ "):
            file = line[4:].strip().removeprefix("b/")
        defined = re.match(r"(?:[+ ]|@@.*@@)\s*(?:async )?def (\w+)\(", line)
        if defined and defined[1] in called and file != failure.file:
            return file, defined[1]
    return "", ""


def added_lines(diff: str) -> str:
    """Return the lines that a diff adds, tests left out."""
    kept: list[str] = []
    file = ""
    for line in diff.splitlines():
        if line.startswith("+++ "):
            file = line[4:].strip().removeprefix("b/")
        elif line.startswith("+") and not file.startswith("tests/"):
            kept.append(line[1:])
    return "\n".join(kept)


def _known(value: str) -> str:
    return "" if value.lower() in _NOTHING else value


def _block(output: str, name: str) -> str:
    """Return the part of the failures that a headline of underscores names, up to the next headline."""
    found = re.search(rf"(?m)^_{{3,}}[^\n]*{re.escape(name)}[^\n]*_{{3,}}$", output)
    if found is None:
        return output
    rest = output[found.end() :]
    end = re.search(r"(?m)^[_=]{3,}.*[_=]{3,}$", rest)
    return rest[: end.start()] if end else rest


def _plain(told: list[str]) -> str:
    """Put pytest's explanation into words where it is a comparison with a call; else return its first lines."""
    text = " ".join(told[:2])
    found = re.search(r"assert (?P<got>.+?) == (?P<wanted>.+?)\s+\+\s+where (?P=got) = (?P<call>.+)$", text)
    if found:
        return f"{found['call']} gave {found['got']}, expected {found['wanted']}"
    return told[0] if told else ""
