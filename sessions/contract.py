"""The transition tools' arguments: what each role may say to end its turn, validated once for every door.

Models are flat where they can be, every field is required or has an honest default, and limits live in validators that
repair (fold lines, cut) rather than in the schema, because strict modes of providers refuse length and pattern keywords
(`docs/architecture.md`, Transition tools). A wrong word or a missing field is an error, never a guess.
"""

from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field


def _one_line(text: str) -> str:
    return " ".join(text.split())[:200]


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be empty")
    return text.strip()


def _words(value: object) -> object:
    """Let a single string stand for a list of one, which is how weaker models often write it."""
    return [value] if isinstance(value, str) else value


OneLine = Annotated[str, AfterValidator(_not_blank), AfterValidator(_one_line)]
Text = Annotated[str, AfterValidator(_not_blank)]
Words = Annotated[tuple[str, ...], BeforeValidator(_words)]


class Transition(BaseModel):
    """Base of all transition tools: `tool` is the name a role calls, `outcome` the word the workflow's edges test."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    tool: ClassVar[str]

    @property
    def outcome(self) -> str:
        """The word that edges are chosen by: the tool's name unless the tool says something finer."""
        return self.tool


class AppendSpec(Transition):
    """Append to the spec: the only way it changes. Call once, when the idea is clear enough to build."""

    tool: ClassVar[str] = "append_spec"
    reason: OneLine = Field(description="why this is added now, one line")
    clauses: Words = Field(description="new clauses, each one testable sentence or short paragraph")
    supersedes: Words = Field(default=(), description="ids of clauses that no longer stand, such as S-03")


class TaskDraft(BaseModel):
    """One task as the Manager writes it."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    title: OneLine = Field(description="short name of the task")
    instructions: Text = Field(description="what to do, complete in itself: the Worker sees only this task")
    test_command: str = Field(description="the command that proves it, run by the host; empty if none can")
    criteria: Words = Field(default=(), description="acceptance criteria beyond the tests, one line each")
    scope: Words = Field(default=(), description="paths or globs the task may change; empty means any")
    milestone: str = Field(default="", description="id of the milestone it belongs to, such as M1")


class MilestoneDraft(BaseModel):
    """One milestone as the Manager writes it."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    id: OneLine = Field(description="such as M1")
    title: OneLine
    kind: Literal["minor", "major"] = Field(description="a major milestone is validated by the Exit Manager")


class PlanTasks(Transition):
    """Give the plan: milestones and tasks in the order to be built. A later plan replaces the tasks not yet done."""

    tool: ClassVar[str] = "plan_tasks"
    summary: OneLine = Field(description="the plan in one line")
    milestones: tuple[MilestoneDraft, ...]
    tasks: Annotated[tuple[TaskDraft, ...], Field(description="in build order")]


class ReportDone(Transition):
    """Report the task as finished. The host then runs the tests and takes the diff itself."""

    tool: ClassVar[str] = "report_done"
    summary: Text = Field(description="what was done, what was left, what is doubtful")


class SubmitVerdict(Transition):
    """Report the audit result. Call exactly once."""

    tool: ClassVar[str] = "submit_verdict"
    verdict: Literal["pass", "fail", "partial"]
    diagnosis: OneLine = Field(description="one line, at most 200 characters")
    rec_action: Literal["continue", "retask", "escalate"]
    pointer: OneLine = Field(description="file / function / test; '-' if none")
    notes: str = Field(default="", description="audit notes, kept as an artefact; the Manager does not see them")


class Decide(Transition):
    """Decide what happens after a verdict."""

    tool: ClassVar[str] = "decide"
    decision: Literal["continue", "retask", "split", "halt"]
    note: str = Field(default="", description="for retask: what to do differently; otherwise the reason, short")
    tasks: tuple[TaskDraft, ...] = Field(default=(), description="for split: the tasks that replace this one")
    question: str = Field(default="", description="for halt: the structural question to the user")
    options: Words = Field(default=(), description="for halt: two to four answers to choose from")

    @property
    def outcome(self) -> str:
        """The decision itself."""
        return self.decision


class PassMilestone(Transition):
    """Pass a major milestone: the program as built so far stands against the spec."""

    tool: ClassVar[str] = "pass_milestone"
    summary: Text = Field(description="what was run and seen")


class PassSession(Transition):
    """Pass the session: the finished program was run and stands against the whole spec."""

    tool: ClassVar[str] = "pass_session"
    summary: Text = Field(description="what was run and seen")
    how_to_run: str = Field(description="the command a person types to use what was built")


class KickBack(Transition):
    """Send a structural problem back into the audited loop, with a diagnosis."""

    tool: ClassVar[str] = "kick_back"
    diagnosis: OneLine = Field(description="one line: what is wrong and why it is structural")
    pointer: OneLine = Field(description="file / function / test; '-' if none")


TRANSITIONS: dict[str, type[Transition]] = {
    model.tool: model
    for model in (
        AppendSpec, PlanTasks, ReportDone, SubmitVerdict, Decide, PassMilestone, PassSession, KickBack,
    )
}  # fmt: skip
"""Every transition tool by its name."""
