"""Making the agents of a session from its seats."""

import asyncio
import contextlib
import sys
from collections.abc import Mapping
from pathlib import Path

from sessions.agents.cli_agent import CliAgent, CliProgram
from sessions.agents.model_agent import ModelAgent
from sessions.agents.protocol import Agent
from sessions.errors import StoreError
from sessions.events import Noticed, Seat
from sessions.host.journal import Journal
from sessions.host.server import SessionServer, Terminal
from sessions.host.starting import SessionOrder
from sessions.models.fleet import REHEARSAL, Fleet
from sessions.models.host_client import LitellmModels
from sessions.models.protocol import ModelClient
from sessions.models.rehearsal import RehearsalModels
from sessions.models.retries import RetryingModels, RetryPolicy, RetryWait
from sessions.models.routing import RoutedModels
from sessions.store.folders import SessionFolder
from sessions.terminal.pane_thread import PaneThread
from sessions.terminal.pty import PtyProcess


class AgentMaker:
    """Makes one agent for each seat, and ends what they share: the model clients and the pane thread."""

    def __init__(
        self,
        folder: SessionFolder,
        fleet: Fleet | None,
        order: SessionOrder,
        environment: Mapping[str, str],
        journal: Journal,
        terminals: dict[str, Terminal],
    ) -> None:
        """Take what agents need.

        Args:
            environment: The clean environment for programs.
            terminals: Filled with the terminal of each window that has one.
        """
        self._folder = folder
        self._fleet = fleet
        self._order = order
        self._environment = environment
        self._journal = journal
        self._terminals = terminals
        self._server: SessionServer | None = None
        self._thread: PaneThread | None = None
        self._models = self._make_models()
        self._notes: set[asyncio.Task[None]] = set()

    def attach(self, server: SessionServer) -> None:
        """Take the server that shows terminals to screens, once there is one."""
        self._server = server

    def make(self, seats: tuple[Seat, ...], clone: Path, socket: Path) -> dict[str, Agent]:
        """Return the agent of each window.

        Args:
            clone: The folder command-line agents work in.
            socket: Where their transition tools reach the host.
        """
        agents: dict[str, Agent] = {}
        for seat in seats:
            if seat.agent == "cli":
                agents[seat.window] = self._cli(seat, clone, socket)
            else:
                agents[seat.window] = ModelAgent(seat.window, seat.model, self._models, keep=self._journal.keep)
        return agents

    async def close(self) -> None:
        """End the model clients and the pane thread. The agents themselves are closed before."""
        try:
            await self._models.close()
        finally:
            await asyncio.gather(*self._notes, return_exceptions=True)
            if self._thread is not None:
                await asyncio.to_thread(self._thread.close)

    def _make_models(self) -> ModelClient:
        backends: dict[str, ModelClient] = {REHEARSAL: RehearsalModels(self._order.pace)}
        if self._fleet is not None and self._fleet.models:
            real = LitellmModels(self._fleet, log=self._folder.path / "models.log")
            backends[""] = RetryingModels(real, RetryPolicy(), notify=self._note)
        return RoutedModels(backends)

    def _note(self, wait: RetryWait) -> None:
        task = asyncio.get_running_loop().create_task(self._notice(wait.text))
        self._notes.add(task)
        task.add_done_callback(self._notes.discard)

    async def _notice(self, text: str) -> None:
        # A log that cannot be written ends the host by itself.
        with contextlib.suppress(StoreError):
            await self._journal.append(Noticed(level="warning", text=text))

    def _cli(self, seat: Seat, clone: Path, socket: Path) -> CliAgent:
        if self._thread is None:
            self._thread = PaneThread()
        argv = [sys.executable, "-P", "-m", "sessions.agents.rehearsal_agent", "--pace", str(self._order.pace)]
        if self._order.screen and not self._order.unattended:
            argv.append("--ask")
        program = CliProgram(
            argv=tuple(argv),
            folder=clone,
            files=self._folder.path / "agents" / seat.window,
            recordings=self._folder.panes,
            environment={**self._environment, "QUARTERDECK_SOCKET": str(socket)},
            number=seat.number,
            free=True,
        )

        async def on_terminal(process: PtyProcess) -> None:
            self._terminals[seat.window] = process
            if self._server is not None:
                await self._server.show_terminal(seat.window)

        return CliAgent(seat.window, program, self._thread, record=self._journal.append, on_terminal=on_terminal)
