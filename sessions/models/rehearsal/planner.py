"""The Planner's script: from an idea to the spec of the sample."""

import re

from sessions.models.rehearsal.answer import LABEL, Answer, Call, Exchange, acknowledge, clip, sentences
from sessions.models.rehearsal.sample import NAME, free_package, load_sample, package_in_spec


def plan_spec(exchange: Exchange) -> Answer:
    """Append the sample's spec; with a spec that stands already, only what the person's note adds or drops."""
    spec, note = exchange.part("spec"), exchange.note
    added, dropped = _added(note), re.findall(r"S-\d+", note) if note.lower().startswith("drop") else []
    package = package_in_spec(spec)
    if package:
        return _amend(spec, note, added, dropped)
    package = free_package(exchange.part("project"))
    sample = load_sample(package)
    numbered = {f"S-{n:02d}": clause for n, clause in enumerate(sample.clauses, start=1)}
    clauses = [clause for id, clause in numbered.items() if id not in dropped] + added
    idea = exchange.part("idea").partition("\n")[0]
    taken = f"This project has a {NAME} of its own, so mine is called {package}." if package != NAME else ""
    text = sentences(
        f"{LABEL} Whatever the idea, I plan my own sample: {package}, a tool that draws bar charts in the terminal.",
        f"Your idea was “{clip(idea, 90)}”. A real Planner would ask about it now." if idea else "",
        taken,
        acknowledge(note, bool(added or dropped)),
    )
    arguments = {"reason": "the sample's first spec", "clauses": clauses, "supersedes": []}
    reasoning = "A tool small enough to watch from end to end, each sentence testable by itself."
    return Answer(text, reasoning, (Call("append_spec", arguments),))


def _amend(spec: str, note: str, added: list[str], dropped: list[str]) -> Answer:
    standing = set(re.findall(r"(?m)^(S-\d+)\b", spec))
    gone = [id for id in dropped if id in standing]
    clauses = added
    if not clauses and not gone:
        clauses = [
            f"Added on request: {clip(note, 160)}" if note else "The spec stands as it is: read again, nothing to add."
        ]
    text = sentences(f"{LABEL} The spec of the sample stands.", acknowledge(note, bool(added or gone)))
    arguments = {"reason": clip(note, 120) or "asked again", "clauses": clauses, "supersedes": gone}
    return Answer(text, calls=(Call("append_spec", arguments),))


def _added(note: str) -> list[str]:
    found = re.match(r"add:?\s+(?P<clause>.+)$", note, re.I)
    return [found["clause"].strip()] if found else []
