"""A command-line agent in a PTY: started once, told prompts through files, watched by what it says of itself.

Every prompt is receipted (written, echoed, accepted, ended), an unsubmitted Enter is sent again, and stopping is
proven.
"""

import asyncio
import contextlib
import secrets
import signal
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from sessions.agents.cli_program import CliProgram, Patience
from sessions.agents.program_states import AT_REST, BUSY, ProgramStates
from sessions.agents.protocol import HaltProof, TurnOrder, TurnReport, TurnSink
from sessions.errors import AgentError, StoreError
from sessions.events import (
    Activity,
    ProcessEnded,
    ProcessIntended,
    ProcessStarted,
    PromptReceipted,
    StatusSeen,
)
from sessions.models.protocol import Usage
from sessions.processes.leftovers import end_leftovers
from sessions.processes.supervision import new_marker
from sessions.prompts import estimate_tokens
from sessions.store.files import make_private_folder, replace_private_file, told_as_unusable
from sessions.terminal.emulator import Emulator
from sessions.terminal.notices import Notice, ProgramStatus
from sessions.terminal.pane_thread import PaneThread
from sessions.terminal.pty import PtyProcess
from sessions.terminal.recording import Recording

__all__ = ["CliAgent", "CliProgram", "Patience"]

_COLUMNS, _ROWS = 120, 36
_STATUS_PAUSE = 0.05
"""Seconds between two logged states of a program: one that changes its mind all the time must not fill the log."""
_HEARD = 256
"""States held until the loop takes them; of a flood the oldest are let go."""
_ACTIVITIES: dict[str, Activity] = {"working": "thinking", "blocked": "waiting", "done": "done", "idle": "idle"}


@dataclass(slots=True)
class _Turn:
    """A turn between its order and its report. `cut` is set when nothing more is typed for it, `released` when a halt
    has seen what became of it.
    """

    interrupted: asyncio.Event = field(default_factory=asyncio.Event)
    cut: asyncio.Event = field(default_factory=asyncio.Event)
    released: asyncio.Event = field(default_factory=asyncio.Event)
    typed: bool = False


class CliAgent:
    """Fills a role with a program in a terminal."""

    def __init__(
        self,
        window: str,
        program: CliProgram,
        thread: PaneThread,
        *,
        record: Callable[..., Awaitable[None]],
        on_terminal: Callable[[PtyProcess], Awaitable[None]],
    ) -> None:
        """Take the window it sits in and the program that fills it.

        Args:
            record: Appends events to the log.
            on_terminal: Called with each terminal the agent opens, so that screens can show it.
        """
        self._window = window
        self._program = program
        self._patience = program.patience
        self._thread = thread
        self._record = record
        self._on_terminal = on_terminal
        self._process: PtyProcess | None = None
        self._states = ProgramStates()
        self._starting: asyncio.Task[None] | None = None
        self._loop = asyncio.get_running_loop()
        self._turn: _Turn | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._heard: deque[tuple[ProgramStates, ProgramStatus]] = deque(maxlen=_HEARD)
        self._waking = False
        self._newest: ProgramStatus | None = None
        self._news = asyncio.Event()

    async def run_turn(self, order: TurnOrder, sink: TurnSink) -> TurnReport:
        """Run one turn; see `Agent`."""
        turn = self._turn = _Turn()
        begun = await asyncio.to_thread(self._program.said_size)
        work = asyncio.create_task(self._perform(order, sink, turn), name=f"turn {order.turn}")
        halted = asyncio.create_task(turn.interrupted.wait())
        try:
            await asyncio.wait({work, halted}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            work.cancel()
            halted.cancel()
            await asyncio.gather(work, halted, return_exceptions=True)
            turn.cut.set()
            if turn.interrupted.is_set():
                await turn.released.wait()
            self._turn = self._newest = None
        said = await asyncio.to_thread(self._said, begun)
        free = self._program.free
        tokens = await asyncio.to_thread(estimate_tokens, said)
        usage = Usage(order.prompt.tokens, tokens, cost=0.0 if free else None, estimated=True)
        if order.over.is_set():
            return TurnReport("transition", "its transition was accepted", usage, said)
        if turn.interrupted.is_set() or work.cancelled():
            return TurnReport("interrupted", "interrupted", usage, said)
        try:
            failure, detail = work.result()
        except AgentError as error:
            return TurnReport("failed", error.what, usage, said, failure="agent")
        return TurnReport("failed" if failure == "exited" else "no_transition", detail, usage, said, failure=failure)

    async def halt(self, *, grace: float = 2.0) -> HaltProof:
        """Stop the turn by the agent's own key, then by signals, and say what was seen; see `Agent`."""
        turn, begun = self._turn, self._loop.time()
        if turn is not None:
            turn.interrupted.set()
            # From here on nothing more is typed, so that no Enter of ours can follow the interrupt.
            await turn.cut.wait()
        try:
            await self._until_started()
            step, seen, stopped = await self._stop(grace, told=turn is not None and turn.typed)
        finally:
            if turn is not None:
                turn.released.set()
        return HaltProof(stopped, step, seen, self._loop.time() - begun)

    async def close(self) -> None:
        """End the program and its tree."""
        await self._until_started()
        process = self._process
        if process is not None and process.exit is None:
            await process.stop()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _until_started(self) -> None:
        """Wait for a start under way. What it failed of has been told to the turn it was for."""
        if self._starting is not None:
            await asyncio.gather(self._starting, return_exceptions=True)

    async def _stop(self, grace: float, *, told: bool) -> tuple[str, str, bool]:
        """Climb the ladder until the program rests; return the last step, what was seen, and whether it stopped."""
        process, states = self._process, self._states
        if process is None or process.exit is not None:
            return "none", "no program was running", True
        if not told and states.now not in BUSY:
            return "none", "nothing was running", True
        for step, act in (
            ("interrupt key", lambda: process.write(self._program.interrupt)),
            ("SIGINT", lambda: process.interrupt(signal.SIGINT)),
        ):
            mark = states.mark()
            act()
            if await states.rests(mark, within=grace, quiet=self._patience.quiet):
                return step, "the program ended" if states.now == "exited" else f"it says {states.now}", True
        proof = await process.stop(grace)
        observed = f"{len(proof.left)} processes left" if proof.left else "process tree gone"
        return f"SIG{proof.step.upper()}", observed, not proof.left

    async def _perform(self, order: TurnOrder, sink: TurnSink, turn: _Turn) -> tuple[str, str]:
        """Do the turn; return how it failed and the words for that. A turn that is over is seen by its order."""
        if turn.interrupted.is_set():
            raise asyncio.CancelledError
        if self._process is None or self._process.exit is not None:
            # A task of its own: once begun a start is not cut in two, so that what runs has an owner.
            self._starting = asyncio.create_task(self._start())
            await asyncio.shield(self._starting)
        process = self._process
        if process is None or not await self._is_ready(process):
            raise AgentError(f"the program ended {self._status_of(process)} before it could be told its task")
        await self._submit(process, order, sink, turn)
        return await self._until_over(process, order, sink, turn)

    async def _start(self) -> None:
        program = self._program
        states = self._states = ProgramStates()
        marker, process_id = new_marker(), f"p-{program.number}-{secrets.token_hex(3)}"
        await self._record(ProcessIntended(process=process_id, window=self._window, marker=marker, argv=program.argv))
        try:
            recording = await asyncio.to_thread(self._make_recording)
            process = await PtyProcess.start(
                program.argv,
                cwd=program.folder,
                environment={
                    **program.environment,
                    "QUARTERDECK_TOKEN_FILE": str(program.token),
                    "QUARTERDECK_TRANSCRIPT": str(program.transcript),
                },
                thread=self._thread,
                emulator=await asyncio.to_thread(Emulator, _COLUMNS, _ROWS),
                recording=recording,
                on_notices=lambda notices: self._hear(states, notices),
                marker=marker,
            )
        except (AgentError, StoreError) as error:
            await self._record(ProcessEnded(process=process_id, exit_code=None, how=error.what))
            raise
        self._process = process
        self._own(self._watch(process, process_id, states))
        mark = process.mark
        await self._record(
            ProcessStarted(process=process_id, pid=mark.pid, started=mark.started, recording=recording.path.name)
        )
        await self._on_terminal(process)

    def _make_recording(self) -> Recording:
        make_private_folder(self._program.files)
        path = self._program.recordings
        with told_as_unusable(path):
            return Recording(self._program.free_recording(), _COLUMNS, _ROWS, title=self._window)

    async def _is_ready(self, process: PtyProcess) -> bool:
        """Wait for the program's first word and say whether it runs. One that says nothing is told its task as well."""
        states = self._states
        if not states.now and not await states.tells(0, *AT_REST, *BUSY, within=self._patience.ready):
            detail = "it never said that it is ready"
            await self._record(StatusSeen(window=self._window, activity="unknown", source="process", detail=detail))
        return process.exit is None and states.now != "exited"

    async def _submit(self, process: PtyProcess, order: TurnOrder, sink: TurnSink, turn: _Turn) -> None:
        """Hand the prompt over as a file, type one line that names it, and see that it was taken."""
        prompt = self._program.files / f"{order.turn}.md"
        text = f"{order.prompt.system}\n\n{order.prompt.text()}".encode("utf-8", "replace")
        await asyncio.to_thread(replace_private_file, self._program.token, order.token.encode())
        await asyncio.to_thread(replace_private_file, prompt, text)
        turn.typed = True
        # What a person left half-typed in the box must not become part of the prompt.
        line = self._program.clear + process.emulator.encode_paste(f"Read {prompt} and do what it says.")
        if not process.write(line):
            raise AgentError("the program does not read what is typed")
        await sink.record(PromptReceipted(turn=order.turn, stage="written", source="pty"))
        if await self._echoed(process, prompt.name):
            await sink.record(PromptReceipted(turn=order.turn, stage="echoed", source="screen"))
        await asyncio.sleep(self._patience.enter)
        for source in ("osc 7501", "osc 7501 after a second enter"):
            mark = self._states.mark()
            process.write(b"\r")
            if await self._states.tells(mark, *BUSY, "done", "exited", within=self._patience.accept):
                if self._states.told_since(mark, *BUSY, "done"):
                    await sink.record(PromptReceipted(turn=order.turn, stage="accepted", source=source))
                return
            if order.over.is_set():
                return
        raise AgentError("the prompt was typed, but the program did not take it, even after a second Enter")

    async def _echoed(self, process: PtyProcess, name: str) -> bool:
        """Wait until the typed line stands on the screen; its breaks at the box's edge do not matter."""
        deadline = self._loop.time() + self._patience.echo
        while self._loop.time() < deadline:
            text = await asyncio.to_thread(process.emulator.text)
            if name in "".join(text.split()):
                return True
            await asyncio.sleep(0.02)
        return False

    async def _until_over(self, process: PtyProcess, order: TurnOrder, sink: TurnSink, turn: _Turn) -> tuple[str, str]:
        """Wait for the accepted transition and the program's rest; remind it once when it rests without one."""
        reminded = False
        ends = " or ".join(order.transitions)
        while True:
            over = asyncio.create_task(order.over.wait())
            rest = asyncio.create_task(self._states.reach(*AT_REST))
            try:
                await asyncio.wait({over, rest}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                over.cancel()
                rest.cancel()
                await asyncio.gather(over, rest, return_exceptions=True)
            if order.over.is_set():
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._patience.wind_down):
                        await self._states.reach(*AT_REST)
                return "", ""
            if self._states.now == "exited":
                return "exited", f"the program ended {self._status_of(process)} before it called a transition"
            if reminded:
                return "contract", f"it rests without having called {ends}"
            reminded = True
            sink.delta("note", f"it rests without {ends}; reminded once\n")
            await self._submit(process, order, sink, turn)

    def _hear(self, states: ProgramStates, notices: tuple[Notice, ...]) -> None:
        """Take what the program says of itself; called in the pane thread."""
        self._heard.extend((states, notice) for notice in notices if isinstance(notice, ProgramStatus))
        if self._heard and not self._waking:
            self._waking = True
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody asks any more
                self._loop.call_soon_threadsafe(self._take_heard)

    def _take_heard(self) -> None:
        self._waking = False
        while self._heard:
            states, status = self._heard.popleft()
            if states is not self._states or (status.state == states.now and status.state != "blocked"):
                continue
            states.say(status.state)
            self._newest = status
            self._news.set()

    async def _log_states(self) -> None:
        """Log what the program says of itself; of a flood only the newest."""
        logged = ""
        while True:
            await self._news.wait()
            self._news.clear()
            status, self._newest = self._newest, None
            activity = _ACTIVITIES.get(status.state) if status is not None else None
            if status is None or activity is None:
                continue
            # Between turns a rest is news only after work that nobody of ours has ordered.
            if self._turn is None and status.state not in BUSY and logged not in BUSY:
                continue
            detail = f"{status.kind}: {status.message}" if status.kind else status.message
            await self._record(StatusSeen(window=self._window, activity=activity, source="osc 7501", detail=detail))
            logged = status.state
            await asyncio.sleep(_STATUS_PAUSE)

    async def _watch(self, process: PtyProcess, process_id: str, states: ProgramStates) -> None:
        """Follow a program to its end, and log that. A log that cannot be written ends the host by itself."""
        logging_states = asyncio.create_task(self._log_states())
        try:
            ended = await process.wait()
        finally:
            logging_states.cancel()
            await asyncio.gather(logging_states, return_exceptions=True)
        how = "its whole tree is gone"
        if not ended.cleared:
            left = await end_leftovers([process.mark])
            how = f"{len(left)} processes of its tree could not be ended" if left else "its tree was ended after it"
        with contextlib.suppress(StoreError):
            await self._record(ProcessEnded(process=process_id, exit_code=ended.status, how=how))
        states.say("exited")

    def _own(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _status_of(self, process: PtyProcess | None) -> str:
        return f"with {process.exit.status}" if process is not None and process.exit is not None else "at once"

    def _said(self, begun: int) -> str:
        """Return what the program wrote into its transcript during the turn, else its screen."""
        said = self._program.said_since(begun)
        return said or (self._process.emulator.text() if self._process is not None else "")
