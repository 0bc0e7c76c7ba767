"""A command-line agent in a PTY: started once, told prompts through files, watched by what it says of itself.

Every prompt is receipted (written, echoed, accepted, ended), an unsubmitted Enter is sent again, and stopping is
proven.
"""

import asyncio
import contextlib
import secrets
import signal
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sessions.agents.protocol import HaltProof, TurnOrder, TurnReport, TurnSink
from sessions.errors import AgentError
from sessions.events import (
    Activity,
    Event,
    ProcessEnded,
    ProcessIntended,
    ProcessStarted,
    PromptReceipted,
    StatusSeen,
)
from sessions.models.protocol import Usage
from sessions.processes.supervision import new_marker
from sessions.prompts import estimate_tokens
from sessions.store.files import replace_private_file
from sessions.terminal.emulator import Emulator
from sessions.terminal.notices import Notice, ProgramStatus
from sessions.terminal.pane_thread import PaneThread
from sessions.terminal.pty import PtyProcess
from sessions.terminal.recording import Recording

READY_SECONDS = 30.0
ACCEPT_SECONDS = 2.0
"""Seconds after which a prompt that shows no sign of life gets a second Enter."""
WIND_DOWN_SECONDS = 10.0
_COLUMNS, _ROWS = 120, 36
_ACTIVITIES: dict[str, Activity] = {"working": "thinking", "blocked": "waiting", "done": "done", "idle": "idle"}


@dataclass(frozen=True, slots=True)
class CliProgram:
    """How a command-line agent is started and stopped, and where its files are.

    `folder` is where it works; `files` a folder of ours for its prompts, token and transcripts; `interrupt` the keys
    that stop a turn without ending the program.
    """

    argv: tuple[str, ...]
    folder: Path
    files: Path
    recordings: Path
    environment: Mapping[str, str]
    number: int
    interrupt: bytes = b"\x1b"
    clear: bytes = b"\x15"
    """Keys that empty its input box."""
    free: bool = False
    """Whether its turns cost nothing."""


@dataclass(slots=True)
class _Status:
    """What the program last said of itself, and a way to wait for it to say something else."""

    state: str = ""
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def set(self, state: str) -> None:
        self.state = state
        self.changed.set()
        self.changed = asyncio.Event()

    async def reach(self, *states: str) -> None:
        while self.state not in states:
            await self.changed.wait()


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
        self._thread = thread
        self._record = record
        self._on_terminal = on_terminal
        self._process: PtyProcess | None = None
        self._process_id = ""
        self._status = _Status()
        self._loop = asyncio.get_running_loop()
        self._running = False
        self._interrupting = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._token = program.files / "token"
        self._transcript = program.files / "transcript.txt"

    async def run_turn(self, order: TurnOrder, sink: TurnSink) -> TurnReport:
        """Run one turn; see `Agent`."""
        self._running, self._interrupting = True, False
        begun = self._size()
        try:
            await self._ensure_started()
            await self._submit(order, sink)
            ending, detail = await self._until_over(order, sink)
        except AgentError as error:
            return TurnReport("failed", error.what, Usage(0, 0, cost=0.0, estimated=True), "", failure="agent")
        finally:
            self._running = False
        said = self._said(begun)
        usage = Usage(
            order.prompt.tokens, estimate_tokens(said), cost=0.0 if self._program.free else None, estimated=True
        )
        if order.over.is_set():
            return TurnReport("transition", "its transition was accepted", usage, said)
        if self._interrupting:
            return TurnReport("interrupted", "interrupted", usage, said)
        return TurnReport("failed" if ending == "exited" else "no_transition", detail, usage, said, failure=ending)

    async def halt(self, *, grace: float = 2.0) -> HaltProof:
        """Stop the turn by the agent's own key, then by signals, and say what was seen; see `Agent`."""
        process = self._process
        begun = self._loop.time()
        if process is None or process.exit is not None:
            return HaltProof(True, "none", "no program was running", 0.0)
        if not self._running and self._status.state not in ("working", "blocked"):
            return HaltProof(True, "none", "nothing was running", 0.0)
        self._interrupting = True
        for step, act in (
            ("interrupt key", lambda: process.write(self._program.interrupt)),
            ("SIGINT", lambda: process.interrupt(signal.SIGINT)),
        ):
            act()
            if await self._settles(grace):
                seen = f"it says {self._status.state}" if process.exit is None else "the program ended"
                return HaltProof(True, step, seen, self._loop.time() - begun)
        proof = await process.stop(grace)
        await self._ended(process)
        observed = "process tree gone" if not proof.left else f"{len(proof.left)} processes left"
        return HaltProof(not proof.left, f"SIG{proof.step.upper()}", observed, self._loop.time() - begun)

    async def close(self) -> None:
        """End the program and its tree."""
        process = self._process
        if process is not None and process.exit is None:
            await process.stop()
        for task in tuple(self._tasks):
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _settles(self, grace: float) -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(grace):
                await self._status.reach("idle", "done", "exited")
                return True
        return False

    async def _ensure_started(self) -> None:
        if self._process is not None and self._process.exit is None:
            return
        program = self._program
        program.files.mkdir(mode=0o700, parents=True, exist_ok=True)
        marker = new_marker()
        self._process_id = f"p-{program.number}-{secrets.token_hex(3)}"
        recording = _free_recording(program.recordings, program.number)
        await self._record(
            ProcessIntended(process=self._process_id, window=self._window, marker=marker, argv=program.argv)
        )
        self._status = _Status()
        emulator = Emulator(_COLUMNS, _ROWS)
        try:
            process = await PtyProcess.start(
                program.argv,
                cwd=program.folder,
                environment={
                    **program.environment,
                    "QUARTERDECK_TOKEN_FILE": str(self._token),
                    "QUARTERDECK_TRANSCRIPT": str(self._transcript),
                },
                thread=self._thread,
                emulator=emulator,
                recording=Recording(recording, _COLUMNS, _ROWS, title=self._window),
                on_notices=self._notices,
                marker=marker,
            )
        except AgentError as error:
            await self._record(ProcessEnded(process=self._process_id, exit_code=None, how=error.what))
            raise
        self._process = process
        await self._record(
            ProcessStarted(
                process=self._process_id,
                pid=process.mark.pid,
                started=process.mark.started,
                recording=recording.name,
            )
        )
        self._own(self._watch_exit(process, self._process_id))
        await self._on_terminal(process)
        if not await self._ready():
            await self._record(
                StatusSeen(
                    window=self._window, activity="unknown", source="process", detail="it never said it is ready"
                )
            )

    async def _ready(self) -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(READY_SECONDS):
                await self._status.reach("idle", "done", "exited")
                return self._status.state != "exited"
        return False

    async def _submit(self, order: TurnOrder, sink: TurnSink) -> None:
        """Hand the prompt over as a file, type one line that names it, and see that it was taken."""
        process = self._process
        if process is None or process.exit is not None:
            raise AgentError("the program ended before it could be told its task", next="halt and resume the window")
        replace_private_file(self._token, order.token.encode())
        prompt = self._program.files / f"{order.turn}.md"
        replace_private_file(prompt, f"{order.prompt.system}\n\n{order.prompt.text()}".encode("utf-8", "replace"))
        line = f"Read {prompt} and do what it says."
        # What a person left half-typed in the box must not become part of the prompt.
        process.write(self._program.clear + process.emulator.encode_paste(line))
        await sink.record(PromptReceipted(turn=order.turn, stage="written", source="pty"))
        if await self._echoed(process, prompt.name):
            await sink.record(PromptReceipted(turn=order.turn, stage="echoed", source="screen"))
        await asyncio.sleep(0.15)
        for attempt in ("enter", "second enter"):
            process.write(b"\r")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(ACCEPT_SECONDS):
                    await self._status.reach("working", "blocked", "exited")
                    source = "osc 7501" if attempt == "enter" else "osc 7501 after a second enter"
                    await sink.record(PromptReceipted(turn=order.turn, stage="accepted", source=source))
                    return
        raise AgentError("the prompt was typed, but the program did not take it, even after a second Enter")

    async def _echoed(self, process: PtyProcess, name: str) -> bool:
        """Wait until the typed line stands on the screen; its breaks at the box's edge do not matter."""
        deadline = self._loop.time() + 1.0
        while self._loop.time() < deadline:
            text = await asyncio.to_thread(process.emulator.text)
            if name in "".join(text.split()):
                return True
            await asyncio.sleep(0.02)
        return False

    async def _until_over(self, order: TurnOrder, sink: TurnSink) -> tuple[str, str]:
        """Wait for the accepted transition and the program's rest; remind it once when it rests without one."""
        reminded = False
        while True:
            over = asyncio.create_task(order.over.wait())
            rest = asyncio.create_task(self._status.reach("idle", "done", "exited"))
            try:
                await asyncio.wait({over, rest}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in (over, rest):
                    task.cancel()
                await asyncio.gather(over, rest, return_exceptions=True)
            if order.over.is_set():
                await self._settles(WIND_DOWN_SECONDS)
                return "over", ""
            if self._status.state == "exited":
                code = self._process.exit.status if self._process and self._process.exit else "?"
                return "exited", f"the program ended with {code} before it called a transition"
            if self._interrupting:
                return "interrupted", ""
            if reminded:
                return "contract", f"it rests without having called {' or '.join(order.transitions)}"
            reminded = True
            sink.delta("note", f"it rests without {' or '.join(order.transitions)}; reminded once\n")
            await self._submit(order, sink)

    def _notices(self, notices: tuple[Notice, ...]) -> None:
        """Take what the program says of itself; called in the pane thread."""
        for notice in notices:
            if isinstance(notice, ProgramStatus):
                self._loop.call_soon_threadsafe(self._take_status, notice)

    def _take_status(self, status: ProgramStatus) -> None:
        if status.state == self._status.state and status.state != "blocked":
            return
        self._status.set(status.state)
        activity = _ACTIVITIES.get(status.state)
        if activity is None or (status.state in ("done", "idle") and not self._running):
            return
        detail = f"{status.kind}: {status.message}" if status.kind else status.message
        seen = StatusSeen(window=self._window, activity=activity, source="osc 7501", detail=detail)
        self._own(self._note(seen))

    async def _note(self, event: Event) -> None:
        await self._record(event)

    async def _watch_exit(self, process: PtyProcess, process_id: str) -> None:
        ended = await process.wait()
        how = "its whole tree is gone" if ended.cleared else "it ended; its tree could not be seen to be gone"
        await self._record(ProcessEnded(process=process_id, exit_code=ended.status, how=how))
        if process is self._process:
            self._status.set("exited")

    async def _ended(self, process: PtyProcess) -> None:
        await process.wait()
        self._status.set("exited")

    def _own(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _size(self) -> int:
        with contextlib.suppress(OSError):
            return self._transcript.stat().st_size
        return 0

    def _said(self, begun: int) -> str:
        """Return what the program wrote into its transcript during the turn, else its screen."""
        with contextlib.suppress(OSError):
            data = self._transcript.read_bytes()[begun:]
            if data:
                return data.decode("utf-8", "replace")
        return self._process.emulator.text() if self._process is not None else ""


def _free_recording(folder: Path, number: int) -> Path:
    """Return the next free recording of a window: `3.cast`, then `3-2.cast` for a program started again."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path, count = folder / f"{number}.cast", 1
    while path.exists():
        count += 1
        path = folder / f"{number}-{count}.cast"
    return path
