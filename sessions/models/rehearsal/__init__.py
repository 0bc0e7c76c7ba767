"""The rehearsal fleet: scripted models without AI that drive the whole build loop on real code.

Each role is a pure function from the request to an answer, so a halt, a retask, an edited handoff or a restart needs no
memory here. The work is real: the sample in `sample/` is written, tested, audited from its real output and run.

A person's note is quoted in the answer and obeyed where its first words are one of these:

| role | note | what happens |
|---|---|---|
| planner | `add <sentence>`, `drop S-03` | the clause is added, or left out |
| manager, planning | `drop T-04`, `minor` | the task is left out; no milestone stops for the Exit Manager |
| manager, deciding | `continue`, `retask <why>`, `split`, `halt <why>` | that is the decision |
| worker | `fail`, `no tests` | the task's first, faulty version is written; the tests are not run by the Worker |
| auditor | `strict`, `lenient` | a partial verdict becomes fail, or pass; red tests stay red |
| exit manager | `kick back <why>`, `no edit` | that is what it does; the defect is named, not mended |
"""

from sessions.models.rehearsal.backend import RehearsalModels

__all__ = ["RehearsalModels"]
