"""The spec only grows, and everyone reads what stands."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions.spec import SpecEntry, next_entry, resolve


def append(entries: tuple[SpecEntry, ...], *texts: str, supersedes: tuple[str, ...] = ()) -> tuple[SpecEntry, ...]:
    return (*entries, next_entry(entries, author="planner", reason="why", texts=texts, supersedes=supersedes))


def test_clauses_are_numbered_on_and_never_reused() -> None:
    entries = append(append((), "one", "two"), "three", supersedes=("S-01",))
    view = resolve(entries)
    assert [clause.id for clause in view.clauses] == ["S-02", "S-03"]
    assert (view.revision, view.left_out) == (2, 1)
    assert "one" not in view.text()
    assert [clause.id for clause in append(entries, "four")[-1].clauses] == ["S-04"]


def test_a_superseded_clause_cannot_be_superseded_again() -> None:
    entries = append(append((), "one"), "two", supersedes=("S-01",))
    with pytest.raises(ValueError, match="S-01 does not stand"):
        append(entries, "three", supersedes=("S-01",))


def test_an_empty_append_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one clause"):
        append((), " ", "")


@given(st.lists(st.tuples(st.lists(st.text(min_size=1), max_size=4), st.integers(0, 30)), max_size=12))
def test_the_log_keeps_everything_and_the_view_keeps_what_stands(appends: list[tuple[list[str], int]]) -> None:
    entries: tuple[SpecEntry, ...] = ()
    for texts, pick in appends:
        standing = resolve(entries).clauses
        gone = (standing[pick % len(standing)].id,) if standing else ()
        if any(text.strip() for text in texts) or gone:
            entries = append(entries, *texts, supersedes=gone)
    ids = [clause.id for entry in entries for clause in entry.clauses]
    view = resolve(entries)
    assert len(set(ids)) == len(ids)
    assert len(view.clauses) + view.left_out == len(ids)
    assert not {clause.id for clause in view.clauses} & {one for entry in entries for one in entry.supersedes}
