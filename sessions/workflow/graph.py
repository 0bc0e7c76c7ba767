"""The graph of a workflow, and the checks that make it runnable. Pure."""

import re
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from sessions.handoffs import PayloadClass

_ROLE = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,39}")
"""Roles name windows, files and prompts."""


class Node(BaseModel):
    """A step. An `agent` node runs one turn of a role; a `host` node runs a named act; `human` asks the person; `exit`
    ends.

    `role` on a host node says on whose behalf it acts, for display. `tools` are the transition tools that end the
    turn, `toolbox` the file and run tools offered beside them, `parts` what the prompt is built from, `kept_out` what
    is counted as kept out.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    kind: Literal["agent", "host", "human", "exit"] = "agent"
    role: str = ""
    act: str = ""
    label: str = ""
    tools: tuple[str, ...] = ()
    toolbox: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    kept_out: tuple[str, ...] = ()
    edits: Literal["none", "task", "budget"] = "none"
    max_visits: int = Field(default=0, ge=0)
    outcome: Literal["passed", "failed", ""] = ""


class Edge(BaseModel):
    """A way from one node to another. `when` maps context keys to values that must all match; empty is the fallback.

    `handoff` is the class of payload that crosses and that the gate judges; empty means that nothing crosses.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)
    source: str = Field(alias="from")
    target: str = Field(alias="to")
    when: dict[str, str] = Field(default_factory=dict[str, str])
    handoff: PayloadClass | Literal[""] = ""
    carries: tuple[str, ...] = ()
    redirects: tuple[str, ...] = ()
    rejects_to: str = ""
    label: str = ""

    def rule(self) -> str:
        """Return the condition in words, as the history shows it."""
        return " and ".join(f"{key} = {value}" for key, value in self.when.items()) or "otherwise"


class Limits(BaseModel):
    """When the loop pauses and asks: failed verdicts on one task, visits of one node, minutes of one turn (0: none)."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    failed_verdicts: int = Field(default=3, ge=0)
    node_visits: int = Field(default=200, ge=0)
    turn_minutes: float = Field(default=60, ge=0)
    edit_files: int = Field(default=2, ge=0)
    edit_lines: int = Field(default=20, ge=0)


class Workflow(BaseModel):
    """A whole workflow. `verbs` says which node serves the person's retask and escalate."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: str
    description: str = ""
    start: str
    nodes: dict[str, Node]
    edges: tuple[Edge, ...]
    verbs: dict[Literal["retask", "escalate"], str] = Field(default_factory=dict[Literal["retask", "escalate"], str])
    limits: Limits = Limits()

    def edges_from(self, node: str) -> tuple[Edge, ...]:
        """Return a node's outgoing edges in the order of the file."""
        return tuple(edge for edge in self.edges if edge.source == node)


def choose_edge(edges: tuple[Edge, ...], context: dict[str, str]) -> Edge | None:
    """Return the first edge whose every condition holds; a fallback counts only when no conditional edge does."""
    conditional = [edge for edge in edges if edge.when]
    for edge in conditional:
        if all(context.get(key, "") == value for key, value in edge.when.items()):
            return edge
    return next((edge for edge in edges if not edge.when), None)


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The names a workflow may use: host acts, transition tools, parts of prompts, and tools for files and programs."""

    acts: frozenset[str]
    tools: frozenset[str]
    parts: frozenset[str]
    toolbox: frozenset[str]


def faults(workflow: Workflow, words: Vocabulary) -> list[tuple[tuple[str | int, ...], str]]:
    """Return what makes a workflow unrunnable, each with the place in the file as a path of keys."""
    found: list[tuple[tuple[str | int, ...], str]] = []
    known = ", ".join(workflow.nodes)
    if workflow.start not in workflow.nodes:
        found.append((("start",), f"`{workflow.start}` is not a node; nodes are {known}"))
    for name, node in workflow.nodes.items():
        found += [(("nodes", name), text) for text in _node_faults(node, workflow.edges_from(name), words)]
    for n, edge in enumerate(workflow.edges):
        ends = [("from", edge.source), ("to", edge.target), *(("redirects", one) for one in edge.redirects)]
        if edge.rejects_to:
            ends.append(("rejects_to", edge.rejects_to))
        found += [
            (("edges", n, key), f"`{end}` is not a node; nodes are {known}")
            for key, end in ends
            if end not in workflow.nodes
        ]
    found += [
        (("verbs", verb), f"`{target}` is not a node; nodes are {known}")
        for verb, target in workflow.verbs.items()
        if target not in workflow.nodes
    ]
    found += [(("nodes", name), "cannot be reached from the start") for name in _unreachable(workflow)]
    if not any(node.kind == "exit" for node in workflow.nodes.values()):
        found.append((("nodes",), "there is no node of kind `exit`"))
    return found


def _node_faults(node: Node, edges: tuple[Edge, ...], words: Vocabulary) -> list[str]:
    found: list[str] = []
    if node.kind == "agent" and not node.role:
        found.append("an agent node needs a `role`")
    if node.role and not _ROLE.fullmatch(node.role):
        found.append(f"`role: {node.role[:60]}` must be a word of up to 40 letters, digits and `_`")
    if node.kind == "agent" and not node.tools:
        found.append("an agent node needs at least one transition tool in `tools`")
    if node.kind == "host" and node.act not in words.acts:
        found.append(f"`act: {node.act}` is unknown; acts are {', '.join(sorted(words.acts))}")
    for kind, given, known in (
        ("tool", node.tools, words.tools),
        ("part", node.parts, words.parts),
        ("tool of the toolbox", node.toolbox, words.toolbox),
    ):
        found += [
            f"{kind} `{one}` is unknown; known are {', '.join(sorted(known))}" for one in given if one not in known
        ]
    if node.kind == "exit" and edges:
        found.append("an exit node has no outgoing edges")
    if node.kind != "exit" and not edges:
        found.append("no edge leaves this node, and it is not an exit")
    return found


def _unreachable(workflow: Workflow) -> list[str]:
    reached: set[str] = set()
    waiting = [workflow.start, *workflow.verbs.values()]
    while waiting:
        name = waiting.pop()
        if name in reached:
            continue
        reached.add(name)
        for edge in workflow.edges_from(name):
            waiting += [edge.target, *edge.redirects]
    return [name for name in workflow.nodes if name not in reached]
