"""A person's orders on a real session: real streams, a real program in a terminal, real tests, real processes."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from host_stage import LIMIT, Client, Host, client_of, make_project, make_session, nothing_left, read_log
from loopback_models import Answer, Call, Count, LoopbackModels
from test_real_models import as_request

from sessions.events import (
    HaltProven,
    NodeEntered,
    ProcessEnded,
    ProcessStarted,
    PromptReceipted,
    QuestionAsked,
    SessionEnded,
    StatusSeen,
    TaskStarted,
    TurnEnded,
    TurnStarted,
    VerdictSubmitted,
    WorkReported,
)
from sessions.models.rehearsal.scripts import respond
from sessions.orders import AnswerQuestion, ApproveHandoff, Halt, Resume, Retask, SetGate
from sessions.processes.supervision import MARKER_VARIABLE


async def approve(client: Client, kind: str, note: str = "") -> None:
    """Approve the handoff of a class, once it is held."""

    def waiting() -> str | None:
        held = (one.proposed for one in client.state.held() if one.proposed.payload.kind == kind)
        return next((one.handoff for one in held), None)

    await client.until(lambda _: waiting())
    reply = await client.give(ApproveHandoff(handoff=waiting() or "", note=note))
    assert reply.done, reply.text


async def last_seq(client: Client) -> int:
    return client.records[-1].seq


@asynccontextmanager
async def at_work(tmp_path: Path, **settings: Any) -> AsyncIterator[tuple[Host, Client]]:
    """A session whose Worker works in its terminal, every gate closed."""
    folder = make_session(make_project(tmp_path / "project"), gate="manual", **settings)
    async with client_of(folder) as (host, client):
        for kind in ("spec", "plan", "task"):
            await approve(client, kind)
        await client.until_event(PromptReceipted, stage="accepted", source="osc 7501")
        yield host, client


async def test_a_streaming_turn_is_halted_and_goes_on_as_a_new_one(home: Path, tmp_path: Path) -> None:
    folder = make_session(make_project(tmp_path / "project"), gate="manual", pace=1.0)
    async with client_of(folder) as (host, client):
        await client.until(lambda one: len(one.said("planner")) > 60)
        reply = await client.give(Halt(window="planner"))
        assert reply.done, reply.text
        proof = (await client.until_event(HaltProven, window="planner")).event
        assert isinstance(proof, HaltProven)
        assert (proof.stopped, proof.step, proof.observed) == (True, "cancel", "stream closed")
        said = len(client.deltas)
        await client.until_event(TurnEnded, ending="interrupted")
        await asyncio.sleep(0.3)
        assert len(client.deltas) == said, "the stream is silent"
        assert client.state.windows["planner"].activity == "halted"
        seq = await last_seq(client)
        assert (await client.give(Resume(window="planner"))).done
        again = (await client.until_event(TurnStarted, seq, window="planner")).event
        assert isinstance(again, TurnStarted)
        assert again.turn != "t001"
        await client.until(lambda one: len(one.deltas) > said)
        assert await host.stop() == 0
    await nothing_left(home)


async def test_a_program_in_its_turn_is_halted_by_its_own_key_retasked_and_ends_its_task(
    home: Path, tmp_path: Path
) -> None:
    async with at_work(tmp_path, pace=0.15) as (host, client):
        assert (await client.give(Halt(window="worker"))).done
        proof = (await client.until_event(HaltProven, window="worker")).event
        assert isinstance(proof, HaltProven)
        assert (proof.stopped, proof.step, proof.observed) == (True, "interrupt key", "it says idle")
        assert b"Interrupted" in client.terminal["worker"]
        seq = await last_seq(client)
        assert (await client.give(Resume(window="worker"))).done
        await client.until_event(PromptReceipted, seq, stage="accepted")

        assert (await client.give(Retask(note="mind the byte order mark"))).done
        await client.until_event(TaskStarted, seq, attempt=2)
        await client.until(lambda one: [turn.started.attempt for turn in one.state.turns.values()] == [])
        await approve(client, "task")
        started = (await client.until_event(TurnStarted, seq, role="worker", attempt=2)).event
        assert isinstance(started, TurnStarted)
        prompt = (await client.source.artefact(started.prompt)).decode()
        assert "mind the byte order mark" in prompt
        await client.until_event(WorkReported, attempt=2)
        await client.until(lambda one: any(held.proposed.payload.kind == "report" for held in one.state.held()))
        assert not [one for one in client.records if isinstance(one.event, WorkReported) and one.event.attempt == 1]
        assert len([one for one in client.records if isinstance(one.event, ProcessStarted)]) == 1, "the same program"
        assert await host.stop() == 0
    await nothing_left(home)


async def test_a_program_that_is_killed_in_its_turn_is_asked_about_and_started_anew(home: Path, tmp_path: Path) -> None:
    async with at_work(tmp_path, pace=0.3) as (host, client):
        supervisor = next(iter(client.state.processes.values())).pid
        (program,) = psutil.Process(supervisor).children()
        seq = await last_seq(client)
        program.kill()
        ended = (await client.until_event(ProcessEnded, seq)).event
        assert isinstance(ended, ProcessEnded)
        assert (ended.exit_code, ended.how) == (137, "its whole tree is gone")
        asked = (await client.until_event(QuestionAsked, seq, source="turn")).event
        assert isinstance(asked, QuestionAsked)
        assert "the program ended with 137" in asked.text
        assert asked.options == ("try again", "end the session")
        assert (await client.give(AnswerQuestion(question=asked.question, choice=0))).done
        await client.until_event(ProcessStarted, seq, recording="3-2.cast")
        await client.until_event(PromptReceipted, seq, stage="accepted")
        await client.until_event(WorkReported, attempt=1)
        assert await host.stop() == 0
    await nothing_left(home)


async def test_all_is_halted_in_a_test_run_and_the_session_passes_in_the_end(home: Path, tmp_path: Path) -> None:
    async with at_work(tmp_path, pace=0.0) as (_, client):
        await client.give(SetGate(mode="auto"))
        await client.until_event(NodeEntered, node="take_evidence")
        async with asyncio.timeout(LIMIT):
            while not (tests := programs("pytest")):  # noqa: ASYNC110  they are not our children
                await asyncio.sleep(0.005)
        reply = await client.give(Halt())
        assert reply.done, reply.text
        assert not [one for one in tests if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]
        proof = next(
            one.event for one in client.records if isinstance(one.event, HaltProven) and one.event.window == "worker"
        )
        assert (proof.stopped, proof.observed) == (True, "process tree gone")
        assert client.state.gate.mode == "manual"
        await client.give(Resume())
        await client.give(SetGate(mode="auto"))
        await client.until(lambda one: one.state.ended is not None)
        assert client.state.ended is not None
        assert client.state.ended.outcome == "passed"
        verdicts = [one.event for one in client.records if isinstance(one.event, VerdictSubmitted)]
        assert len({(one.task, one.attempt) for one in verdicts}) == len(verdicts)
    await nothing_left(home)


def programs(word: str) -> list[psutil.Process]:
    """The supervised processes with a word in their command line."""
    found: list[psutil.Process] = []
    for process in psutil.process_iter():
        try:
            if word in " ".join(process.cmdline()) and process.environ().get(MARKER_VARIABLE):
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


async def test_a_question_of_the_worker_waits_for_the_person_at_its_terminal(home: Path, tmp_path: Path) -> None:
    async with at_work(tmp_path, pace=0.0, screen=True) as (host, client):
        blocked = (await client.until_event(StatusSeen, activity="waiting")).event
        assert isinstance(blocked, StatusSeen)
        assert "permission" in blocked.detail
        client.source.type_into("worker", b"2")
        await client.until_event(WorkReported, attempt=1)
        assert await host.stop() == 0
    await nothing_left(home)


FLEET = """
[models.manager]
model = "openai/manager"
api_base = "{url}"
context_window = 100000

[roles]
planner = "rehearsal/planner"
manager = "manager"
worker = {{ cli = "rehearsal" }}
auditor = "rehearsal/auditor"
exit_manager = "rehearsal/exit_manager"
"""


@pytest.mark.timeout(180)
async def test_a_managers_question_is_put_to_the_person_and_the_answer_reaches_the_manager(
    home: Path, tmp_path: Path
) -> None:
    decided = asyncio.Event()
    asked: list[dict[str, Any]] = []

    def manage(body: dict[str, Any]) -> Answer:
        names = [tool["function"]["name"] for tool in body["tools"]]
        if "decide" not in names:
            said = respond(as_request(body))
            return [said.text, *(Call(call.name, call.arguments) for call in said.calls), Count(100, 20)]
        asked.append(body)
        if len(asked) == 1:
            return [Call("decide", {"decision": "halt", "question": "Round or cut?", "options": ["round", "cut"]})]
        decided.set()
        return [Call("decide", {"decision": "continue", "note": "as you say"})]

    async with LoopbackModels(manage) as server:
        fleet = tmp_path / "fleet.toml"
        fleet.write_text(FLEET.format(url=server.base_url))
        folder = make_session(make_project(tmp_path / "project"), fleet=fleet, unattended=False)
        async with client_of(folder) as (host, client):
            await approve(client, "spec")
            await approve(client, "plan")
            question = (await client.until_event(QuestionAsked, source="decision")).event
            assert isinstance(question, QuestionAsked)
            assert (question.text, question.options) == ("Round or cut?", ("round", "cut"))
            assert client.state.windows["manager"].activity == "waiting"
            assert (await client.give(AnswerQuestion(question=question.question, choice=1))).done
            async with asyncio.timeout(LIMIT):
                await decided.wait()
            await client.until_event(TaskStarted, task="T-02")
            assert await host.stop() == 0
    await nothing_left(home)
    assert "question: Round or cut?\\nanswer: cut" in json.dumps(asked[1])
    raw = [word for word in ("<<<diff ", "<<<tests ", "<<<report ") if word in json.dumps(asked)]
    assert not raw, "the Manager sees verdicts only"
    assert not [one for one in await read_log(folder) if isinstance(one.event, SessionEnded)]
