"""Workflow files: the built-in one runs, a wrong one is refused with its line."""

from pathlib import Path

import pytest

from sessions.agents.toolbox.arguments import TOOLS
from sessions.errors import WorkflowError
from sessions.host.acts import ACTS as HOST_ACTS
from sessions.host.parts import PART_NAMES
from sessions.workflow.graph import choose_edge, faults
from sessions.workflow.reader import ACTS, PARTS, TOOLBOX, WORDS, builtin_names, load_workflow, read_workflow

SMALL = """\
name: small
start: one
nodes:
  one:
    role: worker
    tools: [report_done]
  end:
    kind: exit
    outcome: passed
edges:
  - {from: one, to: end}
"""


def test_a_small_workflow_is_read() -> None:
    workflow = read_workflow(SMALL, where="small.yaml")
    assert workflow.nodes["one"].role == "worker"
    assert [edge.target for edge in workflow.edges_from("one")] == ["end"]


def test_the_built_in_workflows_have_no_faults_and_ask_only_for_what_the_host_has() -> None:
    assert "build-loop" in builtin_names()
    assert frozenset(HOST_ACTS) == ACTS
    assert PART_NAMES == PARTS
    assert frozenset(TOOLS) == TOOLBOX
    for name in builtin_names():
        workflow, _ = load_workflow(name)
        assert faults(workflow, WORDS) == []
        for node in workflow.nodes.values():
            assert set(node.parts) <= PART_NAMES


def test_the_manager_has_no_part_that_holds_raw_output() -> None:
    workflow, _ = load_workflow("build-loop")
    for node in workflow.nodes.values():
        if node.role == "manager":
            assert not {"report", "tests", "diff", "evidence"} & set(node.parts)


@pytest.mark.parametrize(
    ("change", "line", "says"),
    [
        (("    role: worker", "    roel: worker"), 5, "did you mean `role`"),
        (("start: one", "start: first"), 2, "`first` is not a node"),
        (("to: end}", "to: ende}"), 11, "`ende` is not a node"),
        (("[report_done]", "[report_dome]"), 4, "tool `report_dome` is unknown"),
        (("    kind: exit", "    kind: exti"), 8, "nodes.end.kind"),
        (("edges:", "edges"), 11, "not valid YAML"),
        (("  end:\n", "  lost:\n    role: worker\n    tools: [report_done]\n  end:\n"), 7, "lost"),
    ],
)
def test_a_wrong_workflow_is_refused_with_its_line(change: tuple[str, str], line: int, says: str) -> None:
    with pytest.raises(WorkflowError) as refused:
        read_workflow(SMALL.replace(*change), where="small.yaml")
    assert says in refused.value.what
    assert refused.value.where == f"small.yaml:{line}"


def test_an_unknown_workflow_names_the_nearest_one() -> None:
    with pytest.raises(WorkflowError) as refused:
        load_workflow("bild-loop")
    assert "did you mean `build-loop`" in refused.value.next


def test_a_workflow_file_that_is_not_there_is_refused_by_its_path(tmp_path: Path) -> None:
    with pytest.raises(WorkflowError, match="cannot be read"):
        load_workflow(str(tmp_path / "mine.yaml"))


def test_conditions_come_before_the_fallback_and_in_the_order_of_the_file() -> None:
    workflow, _ = load_workflow("build-loop")
    edges = workflow.edges_from("audit")
    assert choose_edge(edges, {"outcome": "submit_verdict", "verdict": "pass"}) is edges[0]
    assert choose_edge(edges, {"outcome": "submit_verdict", "verdict": "conflict"}) is edges[1]
    assert choose_edge(workflow.edges_from("decide"), {"outcome": "unheard-of"}) is None
