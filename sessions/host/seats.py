"""Who sits where: the windows of a session, from its fleet or from the rehearsal fleet."""

from sessions.errors import FleetError
from sessions.events import Seat
from sessions.models.fleet import REHEARSAL, Fleet, RoleChoice
from sessions.workflow.graph import Workflow

TITLES = {
    "planner": "Planner",
    "manager": "Manager",
    "worker": "Worker",
    "auditor": "Auditor",
    "exit_manager": "Exit Manager",
}
REHEARSAL_CLI = "rehearsal"
"""The name of the full-screen rehearsal agent among the command-line agents."""


def roles_of(workflow: Workflow) -> list[str]:
    """Return the roles of a workflow in the order in which they first appear."""
    return list(dict.fromkeys(node.role for node in workflow.nodes.values() if node.kind == "agent"))


def seats_of(workflow: Workflow, fleet: Fleet | None) -> tuple[Seat, ...]:
    """Return one window for each role of a workflow.

    Without a fleet every role is a rehearsal: the Worker the full-screen agent, the others scripted models.

    Raises:
        FleetError: If the fleet leaves a role without an agent, or names one that cannot be seated.
    """
    return tuple(
        _rehearsal_seat(number, role) if fleet is None else _seat(number, role, fleet)
        for number, role in enumerate(roles_of(workflow), start=1)
    )


def _rehearsal_seat(number: int, role: str) -> Seat:
    cli = role == "worker"
    return Seat(
        window=role.replace("_", "-"),
        number=number,
        role=role,
        title=TITLES.get(role, role.replace("_", " ").title()),
        agent="cli" if cli else "model",
        model=REHEARSAL_CLI if cli else f"{REHEARSAL}{role}",
        via="pty" if cli else "api",
        context_window=None if cli else 200_000,
        rehearsal=True,
    )


def _seat(number: int, role: str, fleet: Fleet) -> Seat:
    choice: RoleChoice = fleet.choice(role)
    if choice.agent == "user":
        raise FleetError(
            f"role `{role}` is given to the person, which this version cannot seat yet",
            where=fleet.where,
            next="give the role a model",
        )
    if choice.agent == "cli" and choice.name != REHEARSAL_CLI:
        raise FleetError(
            f"role `{role}` is given to the command-line agent `{choice.name}`, which this version cannot drive yet",
            where=fleet.where,
            next=f'give the role a model, or {{ cli = "{REHEARSAL_CLI}" }}',
        )
    scripted = choice.agent == "cli" or choice.name.startswith(REHEARSAL)
    known = fleet.models.get(choice.name)
    return Seat(
        window=role.replace("_", "-"),
        number=number,
        role=role,
        title=TITLES.get(role, role.replace("_", " ").title()),
        agent=choice.agent,
        model=choice.name,
        via="pty" if choice.agent == "cli" else "api",
        context_window=known.context_window if known else (200_000 if scripted and choice.agent == "model" else None),
        rehearsal=scripted,
    )
