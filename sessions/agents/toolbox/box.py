"""The toolbox of one turn: what a model is offered, and its calls carried out."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import ParamSpec, TypeVar

from sessions.agents.protocol import TurnOrder
from sessions.agents.toolbox.arguments import (
    TOOLS,
    EditFile,
    ListFiles,
    ReadFile,
    Run,
    Search,
    ToolArguments,
    WriteFile,
)
from sessions.agents.toolbox.confined import ConfinedFolder
from sessions.agents.toolbox.files import edit_passage, read_lines, write_whole
from sessions.agents.toolbox.listing import list_files
from sessions.agents.toolbox.programs import run
from sessions.agents.toolbox.result import ToolFault, ToolResult
from sessions.agents.toolbox.searching import search
from sessions.agents.unbroken import unbroken
from sessions.agents.wording import one_line
from sessions.errors import QuarterdeckError
from sessions.models.protocol import ToolSchema
from sessions.processes.environment import clean_environment
from sessions.transitions.schema import ContractFault, first_paragraph, flat_schema, validate

_QUIET = {"TERM": "dumb", "NO_COLOR": "1", "PAGER": "cat", "GIT_PAGER": "cat", "GIT_TERMINAL_PROMPT": "0"}
"""Programs run without a terminal: no colours, no pager, no question."""

P = ParamSpec("P")
T = TypeVar("T")


class Toolbox:
    """Tools that work inside one folder.

    Args:
        clone: The folder; nothing outside it is read or written by a tool that names a path.
        names: The tools to offer.
        environment: The whole environment of the programs that are run.

    Raises:
        ToolFault: If the folder does not exist or there is no tool of a name.
    """

    def __init__(self, clone: Path, names: Iterable[str], environment: Mapping[str, str]) -> None:
        self.names = tuple(names)
        if unknown := [name for name in self.names if name not in TOOLS]:
            raise ToolFault(f"There is no tool called {', '.join(unknown)}", next=f"There are: {', '.join(TOOLS)}")
        self._folder = ConfinedFolder(clone)
        self._environment = dict(environment)

    @property
    def schemas(self) -> tuple[ToolSchema, ...]:
        """The tools as function tools."""
        models = (TOOLS[name] for name in self.names)
        return tuple(ToolSchema(model.tool, first_paragraph(model), flat_schema(model)) for model in models)

    def headline(self, name: str, arguments: str) -> str:
        """Return a call in one line, such as `run: pytest -q`; only the name when the arguments cannot be read."""
        try:
            subject = validate(TOOLS[name], arguments).subject
        except ContractFault:
            subject = ""
        return f"{name}: {one_line(subject, 100)}" if subject else name

    async def use(self, name: str, arguments: str, show: Callable[[str], None]) -> ToolResult:
        """Carry out a call of one of the tools. What cannot be done is a result too, never an exception.

        Cancelling waits until a file operation under way is done and ends a program with all it started.

        Args:
            arguments: The JSON text as the model wrote it.
            show: Gets a program's output as it comes.
        """
        try:
            return await self._use(validate(TOOLS[name], arguments), show)
        except ContractFault as fault:
            return ToolResult(False, f"{name} was not carried out:\n{fault}", f"{name}: {fault.lines[0]}")
        except QuarterdeckError as fault:
            return ToolResult(False, str(fault), one_line(f"{name}: {fault.what}", 200))

    async def _use(self, wanted: ToolArguments, show: Callable[[str], None]) -> ToolResult:
        match wanted:
            case ListFiles():
                return await list_files(self._folder, wanted, self._environment)
            case ReadFile():
                return await _in_thread(read_lines, self._folder, wanted)
            case Search():
                return await search(self._folder, wanted, self._environment)
            case WriteFile():
                return await _in_thread(write_whole, self._folder, wanted)
            case EditFile():
                return await _in_thread(edit_passage, self._folder, wanted)
            case Run():
                return await run(self._folder, wanted, self._environment, show)
            case _:
                raise ToolFault(f"{wanted.tool} cannot be carried out")


def toolbox_for(order: TurnOrder) -> Toolbox | None:
    """Make the toolbox of a turn; None when it has no folder to work in or no tools.

    Programs get a clean environment and what the order adds, but not the way back to the host: a model calls its
    transitions itself, so nothing that it runs needs the turn's token.

    Raises:
        ToolFault: If the folder does not exist or there is no tool of a name.
    """
    if order.clone is None or not order.toolbox:
        return None
    added = {name: value for name, value in order.environment.items() if not name.startswith("QUARTERDECK_")}
    return Toolbox(order.clone, order.toolbox, clean_environment(set={**_QUIET, **added}))


async def _in_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a short blocking function in a thread.

    A cancellation is passed on once the thread is done, so that no write lands after the proof that everything stopped.
    """
    loop = asyncio.get_running_loop()
    return await unbroken(loop.run_in_executor(None, lambda: function(*args, **kwargs)))
