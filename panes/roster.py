"""Who is who: which window stands behind a node of the workflow, and what is expected to cross next. Pure."""

from dataclasses import dataclass

from sessions.errors import WorkflowError
from sessions.state import SessionState, WindowState
from sessions.workflow.graph import Edge, Workflow


def window_name(window: WindowState) -> str:
    """Return what a person calls a window: its number and title."""
    return f"{window.seat.number} {window.seat.title}"


@dataclass(frozen=True, slots=True)
class Roster:
    """The workflow of a session as the screen needs it; with None, nodes are known by their names only."""

    workflow: Workflow | None = None

    def window_of(self, state: SessionState, node: str) -> WindowState | None:
        """Return the window that a node's role has, None for a node without one."""
        known = self.workflow.nodes.get(node) if self.workflow else None
        return state.window_of_role(known.role) if known and known.role else None

    def name_of(self, state: SessionState, node: str) -> str:
        """Return how a node is called on screen: the name of its window, else its own."""
        window = self.window_of(state, node)
        return window_name(window) if window else node.replace("_", " ")

    def ends(self, state: SessionState, sender: str, receiver: str) -> tuple[str, str]:
        """Return how both ends of a handoff are called; within one window the receiver goes by its node's name."""
        names = self.name_of(state, sender), self.name_of(state, receiver)
        return (names[0], receiver.replace("_", " ")) if names[0] == names[1] else names

    def label_of(self, state: SessionState, node: str) -> str:
        """Return a node with what it does: `2 Manager: decide on the verdict`."""
        known = self.workflow.nodes.get(node) if self.workflow else None
        name = self.name_of(state, node)
        return f"{name}: {known.label}" if known and known.label else name

    def expected(self, node: str) -> Edge | None:
        """Return the next edge that carries a handoff, following the first way out of each node on the way."""
        seen: set[str] = set()
        while self.workflow and node not in seen:
            seen.add(node)
            edges = self.workflow.edges_from(node)
            carrying = next((edge for edge in edges if edge.handoff), None)
            if carrying is not None or not edges:
                return carrying
            node = edges[0].target
        return None


def read_roster(workflow: str) -> Roster:
    """Return the roster of a workflow's text; one that this version cannot read gives a roster of names only.

    Takes tens of milliseconds, most of them for loading the reader, which is therefore not loaded with this module.
    """
    from sessions.workflow.reader import read_workflow

    try:
        return Roster(read_workflow(workflow, where="the session's workflow"))
    except WorkflowError:
        return Roster()
