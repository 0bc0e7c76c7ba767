"""The arguments of the toolbox tools, as models write them."""

from typing import Annotated, ClassVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

LONGEST_RUN = 600
"""Seconds a program may run."""


class ToolArguments(BaseModel):
    """Base of all toolbox calls: `tool` is the name a model calls."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    tool: ClassVar[str]

    @property
    def subject(self) -> str:
        """What the call is about, for the headline."""
        return str(getattr(self, "path", ""))


def _at_least_one(number: int) -> int:
    return max(1, number)


def _run_time(seconds: float) -> float:
    return min(max(1.0, seconds), LONGEST_RUN)


class ListFiles(ToolArguments):
    """List the files under a folder, without what git ignores."""

    tool: ClassVar[str] = "list_files"
    path: str = Field(default=".", description="a folder, relative to the project; default the whole project")


class ReadFile(ToolArguments):
    """Read lines of a text file. Each comes after its number and a tab, which are not part of the file."""

    tool: ClassVar[str] = "read_file"
    path: str = Field(description="relative to the project")
    start: Annotated[int, AfterValidator(_at_least_one)] = Field(default=1, description="first line, default 1")
    lines: Annotated[int, AfterValidator(_at_least_one)] = Field(default=400, description="how many, default 400")


class Search(ToolArguments):
    """Find the lines that match a Python regular expression, without files that git ignores or that are binary."""

    tool: ClassVar[str] = "search"
    pattern: str = Field(description="Python regular expression, searched within each line; (?i) ignores case")
    path: str = Field(default=".", description="a folder or file, relative to the project; default the whole project")

    @property
    def subject(self) -> str:
        """The pattern, and where."""
        return self.pattern if self.path == "." else f"{self.pattern} in {self.path}"


class WriteFile(ToolArguments):
    """Write a whole file, new or in place of the old one. Missing folders are made."""

    tool: ClassVar[str] = "write_file"
    path: str = Field(description="relative to the project")
    text: str = Field(description="the whole content")


class EditFile(ToolArguments):
    """Replace one passage of a file. The old passage must stand in the file exactly once."""

    tool: ClassVar[str] = "edit_file"
    path: str = Field(description="relative to the project")
    old: str = Field(description="the passage as it stands, with enough around it to be the only one")
    new: str = Field(description="what stands there afterwards")


class Run(ToolArguments):
    """Run a shell command in the project's folder. Its input is empty; what it leaves running is ended."""

    tool: ClassVar[str] = "run"
    command: str = Field(description="for /bin/sh")
    timeout: Annotated[float, AfterValidator(_run_time)] = Field(
        default=120, description=f"seconds, default 120, at most {LONGEST_RUN}"
    )

    @property
    def subject(self) -> str:
        """The command."""
        return self.command


TOOLS: dict[str, type[ToolArguments]] = {
    model.tool: model for model in (ListFiles, ReadFile, Search, WriteFile, EditFile, Run)
}
"""Every toolbox tool by its name."""
