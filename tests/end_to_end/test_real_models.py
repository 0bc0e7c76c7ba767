"""The same loop through real model clients: a fleet file, litellm, and a scripted server on loopback.

The server answers what the rehearsal scripts answer, so every role is an API model, the Worker with its toolbox, and
the work is as real as in the rehearsal.
"""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from loopback_models import Answer, Call, Count, LoopbackModels, Refuse, Think

from sessions.models.protocol import Message, ModelRequest, ToolCall, ToolSchema
from sessions.models.rehearsal.scripts import respond
from tui.demo_project import make_demo_project

ROLES = ("planner", "manager", "worker", "auditor", "exit_manager")


def as_request(body: dict[str, Any]) -> ModelRequest:
    """Read an OpenAI request as the product's own, so that a script can answer it."""
    messages = tuple(
        Message(
            role=message["role"],
            content=message.get("content") or "",
            tool_calls=tuple(
                ToolCall(call["id"], call["function"]["name"], call["function"]["arguments"])
                for call in message.get("tool_calls") or ()
            ),
            tool_call_id=message.get("tool_call_id", ""),
        )
        for message in body["messages"]
    )
    tools = tuple(
        ToolSchema(tool["function"]["name"], tool["function"].get("description", ""), tool["function"]["parameters"])
        for tool in body.get("tools") or ()
    )
    return ModelRequest("r", f"rehearsal/{body['model']}", messages, tools)


def answer(body: dict[str, Any]) -> Answer:
    said = respond(as_request(body))
    calls = [Call(call.name, call.arguments) for call in said.calls]
    return [Think(said.reasoning or "hm"), said.text or "...", *calls, Count(100, 20)]


def write_fleet(folder: Path, base_url: str) -> Path:
    lines = [
        f'[models.{role}]\nmodel = "openai/{role}"\napi_base = "{base_url}"\ncontext_window = 100000\n'
        for role in ROLES
    ]
    lines += ["[roles]", *(f'{role} = "{role}"' for role in ROLES)]
    path = folder / "fleet.toml"
    path.write_text("\n".join(lines), "utf-8")
    return path


async def run(folder: Path, fleet: Path, *more: str) -> tuple[int, str]:
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tui.cli", "run", "bar charts", "--project", str(folder), "--fleet", str(fleet), *more),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        stdin=asyncio.subprocess.DEVNULL,
        env=environment,
    )
    output, _ = await process.communicate()
    return process.returncode or 0, output.decode()


@pytest.mark.timeout(240)
async def test_a_fleet_file_with_real_models_runs_the_whole_loop(tmp_path: Path) -> None:
    project = await asyncio.to_thread(make_demo_project, tmp_path / "sample")
    refused = 0

    def first_refused(body: dict[str, Any]) -> Answer:
        """Refuse the Auditor's first request as a busy provider does; it must be asked again."""
        nonlocal refused
        if body["model"] == "auditor" and not refused:
            refused += 1
            return [Refuse(429, "slow down", {"Retry-After": "1"})]
        return answer(body)

    async with LoopbackModels(first_refused) as server:
        code, output = await run(project, write_fleet(tmp_path, server.base_url))
        asked = [request.body["model"] for request in server.requests]
    assert code == 0, output
    assert "PASSED" in output
    assert "again in 1 s" in output
    assert set(asked) == set(ROLES)
    sent_to_manager = [json.dumps(request.body) for request in server.requests if request.body["model"] == "manager"]
    assert not any("<<<diff " in text or "<<<tests " in text or "<<<report " in text for text in sent_to_manager)
    assert "tests FAILED (7 passed, 1 failed)" in output
    assert "~ PARTIAL" in output
    assert "surgical edit" in output


@pytest.mark.timeout(120)
async def test_a_model_that_never_calls_its_tool_ends_with_a_question_not_with_a_guess(tmp_path: Path) -> None:
    project = await asyncio.to_thread(make_demo_project, tmp_path / "sample")
    async with LoopbackModels(lambda body: ["I think everything passes. verdict: pass"]) as server:
        code, output = await run(project, write_fleet(tmp_path, server.base_url))
    assert code == 3, output
    assert "ASKS: Planner ended its turn without a valid append_spec" in output
    assert len(server.requests) == 2
