"""The append-only spec and its resolved view. Pure."""

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict


class Clause(BaseModel):
    """One numbered sentence of the spec. Ids are stable and never used twice."""

    model_config = ConfigDict(frozen=True)
    id: str
    text: str


class SpecEntry(BaseModel):
    """One append: who, why, what it adds and which clauses no longer stand. `revision` counts from 1."""

    model_config = ConfigDict(frozen=True)
    revision: int
    author: str
    reason: str
    clauses: tuple[Clause, ...]
    supersedes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ResolvedSpec:
    """What stands after all entries: `revision` 0 is the empty spec. `left_out` counts superseded clauses."""

    revision: int = 0
    clauses: tuple[Clause, ...] = ()
    left_out: int = 0

    def text(self) -> str:
        """Return the view that every downstream role reads: one clause a line, in order of appending."""
        return "\n".join(f"{clause.id}  {clause.text}" for clause in self.clauses)


def resolve(entries: tuple[SpecEntry, ...]) -> ResolvedSpec:
    """Return what stands after `entries`, which are in order of appending."""
    gone = {clause_id for entry in entries for clause_id in entry.supersedes}
    every = [clause for entry in entries for clause in entry.clauses]
    standing = tuple(clause for clause in every if clause.id not in gone)
    return ResolvedSpec(entries[-1].revision if entries else 0, standing, len(every) - len(standing))


def next_entry(
    entries: tuple[SpecEntry, ...],
    *,
    author: str,
    reason: str,
    texts: tuple[str, ...],
    supersedes: tuple[str, ...] = (),
) -> SpecEntry:
    """Number new clauses after those already used and return the entry to append.

    Raises:
        ValueError: If there is nothing to append, or a clause to supersede does not stand.
    """
    cleaned = tuple(text.strip() for text in texts if text.strip())
    if not cleaned and not supersedes:
        raise ValueError("clauses: at least one clause is needed")
    standing = {clause.id for clause in resolve(entries).clauses}
    unknown = [clause_id for clause_id in supersedes if clause_id not in standing]
    if unknown:
        raise ValueError(f"supersedes: {', '.join(unknown)} does not stand in the spec")
    used = sum(len(entry.clauses) for entry in entries)
    clauses = tuple(Clause(id=f"S-{used + n:02d}", text=text) for n, text in enumerate(cleaned, start=1))
    return SpecEntry(revision=len(entries) + 1, author=author, reason=reason, clauses=clauses, supersedes=supersedes)
