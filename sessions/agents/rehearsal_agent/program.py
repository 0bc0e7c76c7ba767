"""The program: keys in, turns run, states announced."""

import asyncio
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from sessions.agents.rehearsal_agent.cells import Line, harmless
from sessions.agents.rehearsal_agent.editor import Editor
from sessions.agents.rehearsal_agent.keys import Input, Key, KeyReader, Typed
from sessions.agents.rehearsal_agent.painter import Painter
from sessions.agents.rehearsal_agent.screen import Frame, Question, View, compose
from sessions.agents.rehearsal_agent.status import AgentState, state_sequence, title_sequence
from sessions.agents.rehearsal_agent.terminal import Terminal
from sessions.agents.rehearsal_agent.transcript import Transcript

_SPIN = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_SPIN_EVERY = 0.1
_ESCAPE_WAIT = 0.03
"""Seconds after which a lone Escape is the key."""
_QUIT_WAIT = 2.0
"""Seconds in which a second ctrl-c quits."""
_LONGEST_ECHO = 400
_SCROLL = 8
_OPTIONS = ("Allow once", "Always", "No")
_HELP = (
    "Enter sends. Esc interrupts a turn. PageUp and PageDown scroll.",
    "ctrl-u empties the box. ctrl-c twice, ctrl-d on an empty box or /quit leave.",
    "One order is known: Read FILE and do what it says.",
)


class Performs(Protocol):
    """A turn's work, as `turn.Turn` does it."""

    async def perform(self, prompt: str) -> None:
        """Do what a prompt asks."""
        ...


class Program:
    """The rehearsal agent in its terminal. Run it once by `run`; it is the `Stage` of its turns."""

    def __init__(
        self, terminal: Terminal, fd: int, *, ask: bool, greeting: tuple[Line, ...], keep: Callable[[str], None]
    ) -> None:
        self.transcript = Transcript(keep)
        self.transcript.add(*greeting)
        self._terminal, self._fd = terminal, fd
        self._painter = Painter(terminal, self._frame, colour=not os.environ.get("NO_COLOR"))
        self._folder = harmless(str(Path.cwd()))
        self._keys, self._editor = KeyReader(), Editor()
        self._state: AgentState = "idle"
        self._title = self._doing = ""
        self._may_run = not ask
        self._question: Question | None = None
        self._answer: asyncio.Future[int] | None = None
        self._turn: asyncio.Task[None] | None = None
        self._began = 0.0
        self._prompts: asyncio.Queue[str] = asyncio.Queue()
        self._dropped = 0
        self._quit_before = 0.0
        self._escape_due: asyncio.TimerHandle | None = None
        self._exit: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def run(self, make_turn: Callable[["Program"], Performs]) -> int:
        """Run until the person, a signal or the end of the terminal ends it; return the exit code.

        Args:
            make_turn: Makes the work of one turn; first called after the first frame is shown.
        """
        loop = asyncio.get_running_loop()
        self._terminal.enter()
        self._painter.paint()
        loop.add_signal_handler(signal.SIGWINCH, self._painter.show)
        loop.add_signal_handler(signal.SIGINT, self._take, Key("ctrl-c"))
        loop.add_signal_handler(signal.SIGTERM, self._end, 128 + signal.SIGTERM)
        loop.add_signal_handler(signal.SIGHUP, self._end, 128 + signal.SIGHUP)
        loop.add_reader(self._fd, self._read)
        try:
            make_turn(self)
            self._announce("idle")
            async with asyncio.TaskGroup() as tasks:
                serving = tasks.create_task(self._serve(make_turn))
                await asyncio.wait({self._exit, serving}, return_when=asyncio.FIRST_COMPLETED)
                serving.cancel()
            return self._exit.result()
        finally:
            loop.remove_reader(self._fd)
            self._painter.close()
            if self._escape_due:
                self._escape_due.cancel()

    def doing(self, what: str) -> None:
        """Say what the turn does now; an empty text only shows what has changed."""
        if what and what != self._doing:
            self._doing = what
            self._announce("working")
        self._painter.show()

    async def allows(self, command: str) -> bool:
        """Ask once whether a command may run, unless that was answered for good."""
        if self._may_run:
            return True
        self._question = Question(f"Allow: {harmless(command)}?", _OPTIONS)
        self._answer = asyncio.get_running_loop().create_future()
        before, self._doing = self._doing, f"Allow: {command}?"
        self._announce("blocked")
        try:
            chosen = await self._answer
        finally:
            self._question = self._answer = None
            self._doing = before
        self._may_run = chosen == 1
        self._announce("working")
        return chosen < 2

    async def _serve(self, make_turn: Callable[["Program"], Performs]) -> None:
        while True:
            prompt = await self._prompts.get()
            self._begin(prompt)
            async with asyncio.TaskGroup() as tasks:
                self._turn = tasks.create_task(make_turn(self).perform(prompt))
                while not self._turn.done():
                    await asyncio.wait({self._turn}, timeout=_SPIN_EVERY)
                    self._painter.show()
            self._finish(interrupted=self._turn.cancelled())

    def _begin(self, prompt: str) -> None:
        self._began, self._doing = time.monotonic(), ""
        self.transcript.scrolled = 0
        self.transcript.gap()
        echo = prompt if len(prompt) <= _LONGEST_ECHO else f"{prompt[: _LONGEST_ECHO - 1]}…"
        self.transcript.add((("accent", "> "),))
        self.transcript.stream("bold", echo, margin=(("accent", "  "),))
        self._announce("working")

    def _finish(self, *, interrupted: bool) -> None:
        self._turn, self._doing = None, ""
        if interrupted:
            self.transcript.gap()
            dropped = f", and {self._dropped} waiting let go" if self._dropped else ""
            self.transcript.add((("warn", f"Interrupted{dropped}"),))
        waits = not self._prompts.empty()
        self._announce("working" if waits else "idle" if interrupted else "done")

    def _announce(self, state: AgentState) -> None:
        self._state = state
        if state != "working" and not self._terminal.busy:
            # Who acts on the news finds it on the screen already.
            self._painter.paint()
        title = title_sequence(state)
        self._terminal.write(state_sequence(state, self._doing[:200]) + (title if title != self._title else ""))
        self._title = title
        self._painter.show()

    def _read(self) -> None:
        try:
            data = os.read(self._fd, 65536)
        except OSError:
            data = b""
        if not data:
            self._end(128 + signal.SIGHUP)
            return
        if self._escape_due:
            self._escape_due.cancel()
            self._escape_due = None
        for one in self._keys.feed(data):
            self._take(one)
        if self._keys.pending:
            self._escape_due = asyncio.get_running_loop().call_later(_ESCAPE_WAIT, self._flush)

    def _flush(self) -> None:
        self._escape_due = None
        for one in self._keys.flush():
            self._take(one)

    def _take(self, one: Input) -> None:
        if self._state == "done":
            self._announce("idle")
        if isinstance(one, Key) and one.name in {"escape", "ctrl-c", "ctrl-d"}:
            self._leave_or_interrupt(one.name)
        elif self._question:
            self._choose(one, self._question)
        elif isinstance(one, Key):
            self._key(one.name)
        else:
            self._editor.insert(one.text.replace("\r\n", "\n").replace("\r", "\n"))
        self._painter.show()

    def _key(self, name: str) -> None:
        if name == "enter":
            self._submit(self._editor.take().strip())
        elif name in {"page-up", "page-down"}:
            self.transcript.scrolled = max(self.transcript.scrolled + (_SCROLL if name == "page-up" else -_SCROLL), 0)
        elif name == "ctrl-l":
            self._painter.redraw()
        else:
            self._editor.key(name)

    def _submit(self, prompt: str) -> None:
        if prompt in {"/quit", "/exit"}:
            self._end(0)
        elif prompt == "/help" and not self._turn:
            self.transcript.gap()
            self.transcript.add(*((("dim", line),) for line in _HELP))
        elif prompt:
            self._prompts.put_nowait(prompt)

    def _leave_or_interrupt(self, name: str) -> None:
        if name == "ctrl-d":
            if not self._editor.text:
                self._end(0)
            return
        now = time.monotonic()
        if name == "ctrl-c" and now < self._quit_before:
            self._end(0)
            return
        if name == "ctrl-c":
            self._quit_before = now + _QUIT_WAIT
            asyncio.get_running_loop().call_later(_QUIT_WAIT, self._painter.show)
        if self._turn:
            self._turn.cancel()
            self._dropped = 0
            while not self._prompts.empty():
                self._prompts.get_nowait()
                self._dropped += 1
        elif name == "ctrl-c":
            self._editor.take()

    def _choose(self, one: Input, question: Question) -> None:
        chosen: int | None = None
        if isinstance(one, Typed) and one.text[0] in "123":
            chosen = int(one.text[0]) - 1
        elif isinstance(one, Key) and one.name == "enter":
            chosen = question.marked
        elif isinstance(one, Key) and one.name in {"up", "down"}:
            step = 1 if one.name == "down" else -1
            marked = (question.marked + step) % len(question.options)
            self._question = Question(question.text, question.options, marked)
        if chosen is not None and self._answer and not self._answer.done():
            self._answer.set_result(chosen)

    def _end(self, code: int) -> None:
        if not self._exit.done():
            self._exit.set_result(code)

    def _frame(self, columns: int, rows: int) -> Frame:
        status, hint = self._status()
        view = View(self._folder, self.transcript, self._editor, self._question, status, hint)
        return compose(view, columns, rows)

    def _status(self) -> tuple[Line, str]:
        if time.monotonic() < self._quit_before:
            return (("warn", "ctrl-c again quits"),), ""
        if self._question:
            return (("warn", "! waits for you"),), "1 2 3 or arrows and Enter, Esc interrupts"
        if self._turn:
            seconds = time.monotonic() - self._began
            glyph = _SPIN[int(seconds / _SPIN_EVERY) % len(_SPIN)]
            waiting = f", {self._prompts.qsize()} more to do" if not self._prompts.empty() else ""
            doing = harmless(self._doing) or "Working"
            return (("accent", f"{glyph} "), ("", f"{doing} {seconds:.0f}s{waiting}")), "Esc interrupts"
        mark = (("good", "✓ "), ("", "done")) if self._state == "done" else (("dim", "○ "), ("", "idle"))
        return mark, "/help  /quit"
