"""The family of errors a person may see.

    QuarterdeckError
    ├── ProjectError      the folder or repository cannot be worked on
    ├── StoreError        the log or an artefact cannot be read or written
    ├── WorkflowError     a workflow file is unknown or malformed
    ├── FleetError        a fleet or configuration file is malformed, or a model cannot be used
    ├── AgentError        an agent could not be started, told or stopped
    └── HostError         the session host cannot be reached, started or used

Each says what happened, where, and what to do next, so that every front end can print the same three lines.
"""


class QuarterdeckError(Exception):
    """An error with a message for the person: what happened, where, and what to do next.

    Args:
        what: One sentence, without a trailing full stop being required.
        where: The file, folder, session or line it happened at; empty when there is none.
        next: What the person can do now; empty only when nothing can be done.
    """

    def __init__(self, what: str, *, where: str = "", next: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.next = next

    def __str__(self) -> str:
        parts = [self.what]
        if self.where:
            parts.append(f"at {self.where}")
        if self.next:
            parts.append(self.next)
        return "\n".join(parts)


class ProjectError(QuarterdeckError):
    """The project folder or its git repository cannot be worked on."""


class StoreError(QuarterdeckError):
    """The event log or an artefact cannot be read or written."""


class WorkflowError(QuarterdeckError):
    """A workflow is unknown, malformed or cannot be run."""


class FleetError(QuarterdeckError):
    """A fleet or configuration file is malformed, or names a model that cannot be used."""


class AgentError(QuarterdeckError):
    """An agent could not be started, told a prompt or stopped."""


class HostError(QuarterdeckError):
    """The session host cannot be reached, started or used."""
