"""Who the host commits as."""

import os
from dataclasses import dataclass

from sessions.project.git import Git, safe_text
from sessions.project.inspection import Repository


@dataclass(frozen=True, slots=True)
class Identity:
    """A name and an address for commits."""

    name: str
    email: str

    def variables(self) -> dict[str, str]:
        """The variables that make git use it."""
        return {
            f"GIT_{role}_{part}": value
            for role in ("AUTHOR", "COMMITTER")
            for part, value in (("NAME", self.name), ("EMAIL", self.email))
        }


QUARTERDECK = Identity("Quarterdeck", "quarterdeck@localhost")
"""Who commits when the person's identity is not to be used."""


async def person_identity(repository: Repository) -> Identity | None:
    """The name and address the person's git is configured with for this repository; None when either is missing."""
    git = Git(repository.root)
    name, email = [await git.ask("config", "--get", key) for key in ("user.name", "user.email")]
    values = [safe_text(os.fsdecode(answer.output).strip(), 200) for answer in (name, email)]
    return Identity(*values) if all(values) else None
