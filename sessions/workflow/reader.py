"""Read a workflow from YAML, with errors that name file, line and what to mend."""

import difflib
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any, cast

import yaml
from pydantic import ValidationError

from sessions.contract import TRANSITIONS
from sessions.errors import WorkflowError
from sessions.workflow.graph import Edge, Limits, Node, Vocabulary, Workflow, faults

ACTS = frozenset({"next_task", "begin_attempt", "take_evidence", "close_milestone"})
"""Acts the host can be asked for by a `host` node."""
PARTS = frozenset(
    (
        *("answer", "diff", "evidence", "history", "idea", "kick_back", "milestone", "note", "progress", "project"),
        *("report", "sources", "spec", "task", "tests", "verdict"),
    )
)
"""Parts a prompt can be built from."""
TOOLBOX = frozenset({"list_files", "read_file", "search", "write_file", "edit_file", "run"})
"""Tools for files and programs that a turn can be offered."""
WORDS = Vocabulary(ACTS, frozenset(TRANSITIONS), PARTS, TOOLBOX)
"""All that a workflow may name. The tests hold it equal to what there is."""


def builtin_names() -> list[str]:
    """Return the names of the workflows that come with Quarterdeck."""
    folder = resources.files("sessions.workflow") / "builtin"
    return sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml"))


def load_workflow(name: str) -> tuple[Workflow, str]:
    """Return a workflow and its text, by the name of a built-in or the path of a file.

    Raises:
        WorkflowError: If there is none of that name, the file cannot be read, or it is not a runnable workflow.
    """
    if name in builtin_names():
        text = (resources.files("sessions.workflow") / "builtin" / f"{name}.yaml").read_text("utf-8")
        return read_workflow(text, where=name), text
    path = Path(name)
    if path.suffix not in (".yaml", ".yml"):
        near = difflib.get_close_matches(name, builtin_names(), n=1)
        hint = f"did you mean `{near[0]}`? " if near else ""
        raise WorkflowError(
            f"there is no workflow called {name!r}",
            where="--workflow",
            next=f"{hint}built-in: {', '.join(builtin_names())}; or give the path of a .yaml file",
        )
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise WorkflowError(
            f"the workflow file cannot be read: {error}",
            where=str(path),
            next="check the path and its permissions",
        ) from error
    return read_workflow(text, where=str(path)), text


def read_workflow(text: str, *, where: str) -> Workflow:
    """Return the workflow written in `text`.

    Raises:
        WorkflowError: With file and line, if the YAML or the graph is not right.
    """
    try:
        data = yaml.safe_load(text)
        marks: Any = cast("Any", yaml).compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        line = getattr(getattr(error, "problem_mark", None), "line", 0) + 1
        problem = getattr(error, "problem", None) or "not YAML"
        raise WorkflowError(
            f"the workflow is not valid YAML: {problem}", where=f"{where}:{line}", next="mend that line"
        ) from error
    try:
        workflow = Workflow.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        location = first["loc"]
        raise WorkflowError(
            f"{_path(location)}: {_say(first['type'], first['msg'], location)}",
            where=f"{where}:{_line(marks, location)}",
            next="mend that line",
        ) from error
    found = faults(workflow, WORDS)
    if found:
        location, problem = found[0]
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        raise WorkflowError(
            f"{_path(location)}: {problem}{more}",
            where=f"{where}:{_line(marks, location)}",
            next="mend that line",
        )
    return workflow


def _path(location: Sequence[str | int]) -> str:
    return ".".join(str(step) for step in location) or "the workflow"


def _say(kind: str, message: str, location: Sequence[str | int]) -> str:
    """Turn pydantic's words into ours, with the nearest known key for an unknown one."""
    if kind != "extra_forbidden":
        return message[0].lower() + message[1:]
    model = {"nodes": Node, "edges": Edge, "limits": Limits}.get(str(location[0]), Workflow)
    known = [field.alias or name for name, field in model.model_fields.items()]
    near = difflib.get_close_matches(str(location[-1]), known, n=1)
    return f"unknown key; did you mean `{near[0]}`?" if near else f"unknown key; known are {', '.join(known)}"


def _line(mark: Any, location: Sequence[str | int]) -> int:
    """Return the line of the deepest part of `location` that stands in the file, counted from 1."""
    node: Any = mark
    line: int = node.start_mark.line + 1 if node is not None else 1
    for step in location:
        if isinstance(node, yaml.MappingNode):
            pairs = cast("list[tuple[Any, Any]]", node.value)
            found = next(((key, value) for key, value in pairs if key.value == step), None)
            if found is None:
                break
            line, node = found[0].start_mark.line + 1, found[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
            line = node.start_mark.line + 1
        else:
            break
    return line
