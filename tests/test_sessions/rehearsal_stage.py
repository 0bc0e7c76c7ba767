"""A small stage for the rehearsal's tests: asks the models, carries out their tools, and plays the host of a build."""

import asyncio
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sessions.contract import TRANSITIONS, Decide, PlanTasks, ReportDone, SubmitVerdict, Transition
from sessions.models.protocol import Finished, Message, ModelEvent, ModelRequest, ToolCall, ToolSchema
from sessions.models.rehearsal import RehearsalModels
from sessions.models.rehearsal.reading import last_counts
from sessions.plan import Plan, Task, make_plan
from sessions.prompts import Prompt, part
from sessions.spec import next_entry, resolve

EXIT_TOOLS = ("list_files", "read_file", "search", "write_file", "edit_file", "run")
WORKER_TOOLS = ("list_files", "read_file", "search", "write_file", "edit_file", "run", "report_done")


def prompt(parts: Mapping[str, str], marker: str = "ab12cd34ef") -> str:
    """Return a prompt as the host renders it."""
    return Prompt("contract", tuple(part(name, f"the {name}", text) for name, text in parts.items()), marker).text()


def request(role: str, messages: Iterable[Message], tools: Iterable[str]) -> ModelRequest:
    schemas = tuple(ToolSchema(tool, tool, {}) for tool in tools)
    return ModelRequest("request", f"rehearsal/{role}", tuple(messages), schemas)


def events_of(asked: ModelRequest, models: RehearsalModels | None = None) -> list[ModelEvent]:
    async def collect() -> list[ModelEvent]:
        return [event async for event in (models or RehearsalModels(0)).stream(asked)]

    return asyncio.run(collect())


def ask(
    role: str, tools: Iterable[str], parts: Mapping[str, str], done: Sequence[tuple[str, Mapping[str, str], str]] = ()
) -> Message:
    """Return the answer to a prompt after these calls: tool, arguments and result."""
    messages = [Message("system", "contract"), Message("user", prompt(parts))]
    for number, (tool, arguments, result) in enumerate(done):
        call = ToolCall(f"call-{number}", tool, json.dumps(arguments))
        messages += [Message("assistant", "", (call,)), Message("tool", result, tool_call_id=call.id)]
    last = events_of(request(role, messages, tools))[-1]
    assert isinstance(last, Finished)
    return last.message


def transition(message: Message) -> Transition:
    """Return the one transition that an answer calls, checked by the contract."""
    (call,) = message.tool_calls
    return TRANSITIONS[call.name].model_validate_json(call.arguments)


def called(message: Message) -> tuple[str, dict[str, str]]:
    (call,) = message.tool_calls
    return call.name, json.loads(call.arguments)


def task_card(task: Task, attempt: int) -> str:
    """Return the `task` part as the host writes it."""
    lines = [
        f"id: {task.id}",
        f"attempt: {attempt}",
        f"title: {task.title}",
        f"test_command: {task.test_command}",
        f"scope: {', '.join(task.scope) or 'any file'}",
        "spec_revision: 1",
    ]
    criteria = ["criteria:", *(f"- {one}" for one in task.criteria)] if task.criteria else []
    return "\n".join([*lines, *criteria, "instructions:", task.instructions])


def verdict_card(verdict: SubmitVerdict) -> str:
    return "\n".join(f"{name}: {value}" for name, value in verdict.model_dump(exclude={"notes"}).items())


def make_repository(folder: Path, files: Mapping[str, str]) -> None:
    """Make a git repository with one commit of these files."""
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    for arguments in (["init", "-q"], ["add", "-A"], ["commit", "-q", "--allow-empty", "-m", "Begin"]):
        subprocess.run(["git", *arguments], cwd=folder, check=True)


def commands_folder(folder: Path) -> Path:
    """Make a folder for the PATH that holds `python`, as the host's own does."""
    folder.mkdir()
    (folder / "python").write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "$@"\n')
    (folder / "python").chmod(0o755)
    return folder


@dataclass
class Build:
    """A session in small: runs each turn, carries out the tools for real, takes evidence by git and pytest."""

    folder: Path
    commands: Path
    worker_tools: tuple[str, ...] = WORKER_TOOLS
    said: list[str] = field(default_factory=list)
    verdicts: list[str] = field(default_factory=list)
    decisions: list[str] = field(default_factory=list)
    done: set[str] = field(default_factory=set)

    def run(self, command: str) -> tuple[int, str]:
        environment = {
            **os.environ,
            "PATH": f"{self.commands}:{os.environ['PATH']}",
            # Our own plug-ins are not the project's; without them the many small runs take half the time.
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        }
        ended = subprocess.run(command, shell=True, cwd=self.folder, capture_output=True, text=True, env=environment)
        return ended.returncode, ended.stdout + ended.stderr

    def turn(self, role: str, tools: Sequence[str], parts: Mapping[str, str]) -> Transition:
        """Run one turn to its transition."""
        messages = [Message("system", "contract"), Message("user", prompt(parts))]
        for _ in range(40):
            last = events_of(request(role, messages, tools))[-1]
            assert isinstance(last, Finished)
            self.said.append(f"{role}: {last.message.content}")
            name, arguments = called(last.message)
            if name in TRANSITIONS:
                return transition(last.message)
            result = self._use(name, arguments)
            messages += [last.message, Message("tool", result, tool_call_id=last.message.tool_calls[0].id)]
        raise AssertionError("the turn did not end")

    def plan(self, idea: str) -> tuple[str, Plan]:
        tree = self.run("git ls-files")[1]
        spec = self.turn("planner", ["append_spec"], {"idea": idea, "project": tree})
        entry = next_entry((), author="planner", reason="", texts=spec.model_dump()["clauses"])
        text = resolve((entry,)).text()
        plan = self.turn("manager", ["plan_tasks"], {"spec": text, "project": tree})
        assert isinstance(plan, PlanTasks)
        return text, make_plan(1, plan.summary, plan.milestones, plan.tasks, used=0)

    def progress(self, plan: Plan) -> str:
        stages = ((task, "done" if task.id in self.done else "planned") for task in plan.tasks)
        return "\n".join(f"{task.id} {task.milestone} {stage}  {task.title}" for task, stage in stages)

    def build(self, task: Task, spec: str, plan: Plan) -> None:
        """Take a task through its attempts until the Manager goes on."""
        _, head = self.run("git rev-parse HEAD")
        parts = {"spec": spec}
        history: list[str] = []
        for attempt in range(1, 6):
            parts["task"] = task_card(task, attempt)
            report = self.turn("worker", self.worker_tools, parts)
            assert isinstance(report, ReportDone)
            verdict = self._audit(task, parts["task"], spec, report, head.strip())
            history.append(f"attempt {attempt}: {verdict.verdict}: {verdict.diagnosis} ({verdict.pointer})")
            parts["verdict"] = verdict_card(verdict)
            decision = self.turn(
                "manager",
                ["decide"],
                {**parts, "progress": self.progress(plan), "history": "\n".join(history), "note": ""},
            )
            assert isinstance(decision, Decide)
            self.verdicts.append(f"{task.id} {verdict.verdict}")
            self.decisions.append(f"{task.id} {decision.decision}")
            if decision.decision == "continue":
                self.done.add(task.id)
                return
            assert decision.decision == "retask"
            parts["note"] = decision.note
        raise AssertionError(f"{task.id} was never done")

    def _audit(self, task: Task, card: str, spec: str, report: ReportDone, base: str) -> SubmitVerdict:
        code, output = self.run(task.test_command)
        self.run("git add -A && git commit -q --allow-empty -m Attempt")
        files = self.run(f"git diff --name-only {base}")[1].split()
        outside = [file for file in files if file not in task.scope]
        evidence = (
            f"command: {task.test_command}\nexit_code: {code}\npassed: {str(code == 0).lower()}\ntimed_out: false\n"
            f"counts: {last_counts(output) or 'unknown'}\nfiles: {', '.join(files) or '(none)'}\n"
            f"outside_scope: {', '.join(outside) or '(none)'}"
        )
        verdict = self.turn(
            "auditor",
            ["submit_verdict"],
            {
                "task": card,
                "spec": spec,
                "report": f"{report.summary}\n\n--- the Worker's whole output ---\n…",
                "evidence": evidence,
                "tests": output,
                "diff": self.run(f"git diff {base}")[1],
            },
        )
        assert isinstance(verdict, SubmitVerdict)
        return verdict

    def _use(self, name: str, arguments: Mapping[str, str]) -> str:
        if name == "run":
            code, output = self.run(arguments["command"])
            return f"exit code {code} after 0.1 s\n{output}"
        path = self.folder / arguments["path"]
        if name == "write_file":
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(arguments["text"])
            return "written"
        assert name == "edit_file"
        text = path.read_text()
        assert text.count(arguments["old"]) == 1
        path.write_text(text.replace(arguments["old"], arguments["new"]))
        return "edited"
