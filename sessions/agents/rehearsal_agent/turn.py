"""One turn: reads the prompt's file, does the Worker's script for real and reports."""

import asyncio
import json
import os
import re
import shlex
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from sessions.agents.rehearsal_agent.cells import Line, harmless
from sessions.agents.rehearsal_agent.child import run_child
from sessions.agents.rehearsal_agent.transcript import Transcript, changed, edit_lines
from sessions.models.rehearsal.answer import Done
from sessions.models.rehearsal.worker import NOT_RUN, ReportDone, RunTests, WriteFile, next_step
from sessions.prompts import read_parts

_ORDER = re.compile(r"\s*Read (?P<path>.+?) and do what it says\.?\s*", re.S)
_WORDS_A_SECOND, _LINES_A_SECOND, _THOUGHT = 28.0, 45.0, 0.3
"""Words, lines of an edit, and seconds before each step, at pace 1."""
_LONGEST_SHOWN = 100_000
"""Letters of one command's output that are shown."""
_MARGIN: Line = (("dim", "  │ "),)


class Stage(Protocol):
    """What a turn needs of the program around it."""

    transcript: Transcript

    def doing(self, what: str) -> None:
        """Say what the turn does now, and show what has changed."""
        ...

    async def allows(self, command: str) -> bool:
        """Ask for permission to run a command, unless it was given for good or need not be asked for."""
        ...


class Turn:
    """One turn in one folder. Cancelling its `perform` stops it at once and kills what it runs."""

    def __init__(self, stage: Stage, folder: Path, pace: float) -> None:
        self._stage, self._folder, self._pace = stage, folder, pace
        self._may_run: bool | None = None

    async def perform(self, prompt: str) -> None:
        """Do what a prompt asks; anything but the one known order gets a friendly answer."""
        order = _ORDER.fullmatch(prompt)
        if order is None:
            await self._chat(prompt)
            return
        path = self._folder / order["path"].strip().strip("`'\"")
        self._stage.doing(f"Reading {path.name}")
        await self._pause(_THOUGHT)
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
        except (OSError, ValueError) as error:
            await self._say(f"I cannot read {path}: {getattr(error, 'strerror', None) or error}.")
            return
        self._event("Read", path.name, f"{len(text.splitlines())} lines")
        parts = read_parts(text)
        if "task" not in parts or "evidence" in parts or "progress" in parts:
            await self._say("There is no task for a Worker in it, and the Worker is the only role I play.")
            return
        await self._work(parts)

    async def _work(self, parts: Mapping[str, str]) -> None:
        done: list[Done] = []
        while True:
            step = next_step(parts, done)
            await self._pause(_THOUGHT)
            await self._say(step.words)
            if isinstance(step, ReportDone):
                await self._report(step.summary)
                return
            if isinstance(step, RunTests):
                done.append(Done("run", {"command": step.command}, await self._run_tests(step)))
                continue
            try:
                done.append(Done("write_file", {"path": step.path}, await self._write(step)))
            except OSError as error:
                await self._say(f"I cannot write {step.path}: {error.strerror or error}.")
                await self._report(f"Stopped: {step.path} could not be written ({error.strerror or error}).")
                return

    async def _write(self, step: WriteFile) -> str:
        path = (self._folder / step.path).resolve()
        if not path.is_relative_to(self._folder.resolve()):
            raise OSError(0, "it lies outside this folder")
        self._stage.doing(f"Writing {step.path}")
        before = path.read_text(encoding="utf-8", errors="replace") if path.exists() else None
        if before == step.text:
            self._event("Keep", step.path, "as it is")
            return "unchanged"
        added, removed = changed(before, step.text)
        self._event("Edit" if before is not None else "Write", step.path, f"+{added} -{removed}")
        for line in edit_lines(before, step.text):
            self._stage.transcript.add(line)
            await self._pause(1 / _LINES_A_SECOND)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(step.text, encoding="utf-8")
        return "written"

    async def _run_tests(self, step: RunTests) -> str:
        if self._may_run is None:
            self._may_run = await self._stage.allows(step.command)
        if not self._may_run:
            self._event("Skip", step.command, "you said no")
            return NOT_RUN
        # The project's own code runs here: it gets no word of the door that reports for us.
        clean = {name: value for name, value in os.environ.items() if not name.startswith("QUARTERDECK_")}
        _, output = await self._run(("/bin/sh", "-c", step.command), step.command, clean)
        return output

    async def _report(self, summary: str) -> None:
        code = await self._call_report(summary)
        if code == 0:
            return
        await self._say("The report was refused. Once more, shorter.")
        if await self._call_report(summary.splitlines()[0][:200]) != 0:
            await self._say("Refused again: this needs you.")

    async def _call_report(self, summary: str) -> int:
        command = ("quarterdeck", "tool", "report_done", "--json", json.dumps({"summary": summary}, ensure_ascii=False))
        code, _ = await self._run(command, shlex.join(command), os.environ)
        return code

    async def _run(self, command: tuple[str, ...], title: str, environment: Mapping[str, str]) -> tuple[int, str]:
        self._stage.doing(f"Running {title}")
        self._event("Run", title)
        transcript = self._stage.transcript
        transcript.add(_MARGIN)

        room = _LONGEST_SHOWN

        def show(text: str) -> None:
            nonlocal room
            if room > 0:
                cut = "\n… the rest is not shown" if len(text) > room else ""
                transcript.stream("dim", text[:room] + cut, margin=_MARGIN)
                self._stage.doing("")
            room -= len(text)

        began = time.monotonic()
        code, output = await run_child(command, show, environment=environment)
        mark = ("good", "  ✓ ") if code == 0 else ("bad", "  ✗ ")
        transcript.drop(_MARGIN)
        transcript.add((mark, ("dim", f"exit {code} in {time.monotonic() - began:.1f} s")))
        self._stage.doing("")
        return code, output

    async def _chat(self, prompt: str) -> None:
        self._stage.doing("Answering")
        await self._pause(_THOUGHT)
        first = " ".join(prompt.split())
        quoted = first if len(first) <= 60 else f"{first[:59]}…"
        await self._say(
            f"I heard “{quoted}”. I am the rehearsal agent: a script, no AI, so I cannot talk about it. I know one "
            "order, “Read FILE and do what it says.”, and build one task of the sample from it. /help shows the keys."
        )

    async def _say(self, text: str) -> None:
        if not text:
            return
        self._stage.doing("Writing")
        self._stage.transcript.gap()
        self._stage.transcript.add((("accent", "● "),))
        for word in re.findall(r"\s*\S+", text):
            self._stage.transcript.stream("", word, margin=(("", "  "),))
            await self._pause(1 / _WORDS_A_SECOND)

    def _event(self, verb: str, what: str, detail: str = "") -> None:
        self._stage.transcript.gap()
        # The longest commands would fill a small screen; the whole one is in what the host records.
        shown = what if len(what) <= 160 else f"{what[:159]}…"
        aside = (("dim", f"  {detail}"),) if detail else ()
        self._stage.transcript.add(
            (("accent", "● "), ("bold", f"{verb} "), ("", harmless(shown).replace("\n", " ")), *aside)
        )
        self._stage.doing("")

    async def _pause(self, seconds: float) -> None:
        self._stage.doing("")
        await asyncio.sleep(seconds * self._pace)
