"""The model agent and the contract: refused calls, missing calls, answers that were cut off."""

from dataclasses import replace
from pathlib import Path

import pytest
from scripted_model import (
    VERDICT,
    VERDICT_CALL,
    Artefacts,
    RecordingSink,
    ScriptedClient,
    agent,
    audit_order,
    call,
    says,
)

from sessions.agents.protocol import TurnOrder
from sessions.models.protocol import Failed, TextDelta, Usage


@pytest.fixture
def sink() -> RecordingSink:
    return RecordingSink()


@pytest.fixture
def artefacts() -> Artefacts:
    return Artefacts()


@pytest.fixture
def order(tmp_path: Path) -> TurnOrder:
    return audit_order(tmp_path)


class TestTheContract:
    BROKEN = call("submit_verdict", {**VERDICT, "verdict": "PASS"}, "x")

    async def test_a_refused_transition_may_be_mended_once(
        self, order: TurnOrder, sink: RecordingSink, artefacts: Artefacts
    ) -> None:
        client = ScriptedClient([says("", self.BROKEN), says("", VERDICT_CALL)])
        report = await agent(client, artefacts).run_turn(order, sink)
        assert report.ending == "transition"
        result = client.requests[1].messages[3]
        assert (result.role, result.tool_call_id) == ("tool", "x")
        assert result.content.startswith("verdict: must be 'pass', 'fail' or 'partial'")
        assert "verdict: must be" in sink.shown("note")

    async def test_a_second_refusal_ends_the_turn(
        self, order: TurnOrder, sink: RecordingSink, artefacts: Artefacts
    ) -> None:
        client = ScriptedClient([says("", self.BROKEN), says("", call("submit_verdict", {})), says("", VERDICT_CALL)])
        report = await agent(client, artefacts).run_turn(order, sink)
        assert (report.ending, report.failure) == ("no_transition", "contract")
        assert "verdict: is missing" in report.detail
        assert len(client.requests) == 2
        assert sink.accepted == []

    async def test_looking_something_up_before_mending_is_allowed(
        self, order: TurnOrder, sink: RecordingSink, artefacts: Artefacts
    ) -> None:
        client = ScriptedClient([says("", self.BROKEN), says("", call("list_files", {})), says("", VERDICT_CALL)])
        assert (await agent(client, artefacts).run_turn(order, sink)).ending == "transition"

    async def test_an_answer_without_a_call_is_reminded_once(
        self, order: TurnOrder, sink: RecordingSink, artefacts: Artefacts
    ) -> None:
        client = ScriptedClient([says("verdict: pass"), says("", VERDICT_CALL)])
        report = await agent(client, artefacts).run_turn(order, sink)
        assert report.ending == "transition"
        assert [message.role for message in client.requests[1].messages] == ["system", "user", "assistant", "user"]
        assert "when you call submit_verdict" in client.requests[1].messages[3].content

    async def test_a_second_answer_without_a_call_ends_the_turn(
        self, order: TurnOrder, sink: RecordingSink, artefacts: Artefacts
    ) -> None:
        client = ScriptedClient([says("verdict: pass"), says(""), says("", VERDICT_CALL)])
        report = await agent(client, artefacts).run_turn(order, sink)
        assert (report.ending, report.detail) == ("no_transition", "the answer called no tool")
        assert len(client.requests) == 2

    async def test_words_in_place_of_the_mended_call_end_the_turn_with_the_fault(
        self, order: TurnOrder, sink: RecordingSink, artefacts: Artefacts
    ) -> None:
        client = ScriptedClient([says("", self.BROKEN), says("I did."), says("", VERDICT_CALL)])
        report = await agent(client, artefacts).run_turn(order, sink)
        assert report.ending == "no_transition"
        assert "verdict: must be" in report.detail

    async def test_nothing_is_done_after_an_accepted_transition(
        self, order: TurnOrder, sink: RecordingSink, artefacts: Artefacts, tmp_path: Path
    ) -> None:
        late = call("write_file", {"path": "late.txt", "text": "x"}, "z")
        early = call("write_file", {"path": "early.txt", "text": "x"}, "a")
        client = ScriptedClient([says("", early, VERDICT_CALL, late, VERDICT_CALL)])
        await agent(client, artefacts).run_turn(order, sink)
        assert (tmp_path / "early.txt").exists()
        assert not (tmp_path / "late.txt").exists()
        assert len(sink.calls) == 1

    async def test_two_refusals_in_one_answer_count_once(
        self, order: TurnOrder, sink: RecordingSink, artefacts: Artefacts
    ) -> None:
        again = replace(self.BROKEN, id="y")
        client = ScriptedClient([says("", self.BROKEN, again), says("", VERDICT_CALL)])
        report = await agent(client, artefacts).run_turn(order, sink)
        assert report.ending == "transition"
        assert len(sink.calls) == 2
        assert client.requests[1].messages[4].content.startswith("not called")

    async def test_calls_without_ids_or_with_the_same_one_stay_apart(
        self, order: TurnOrder, sink: RecordingSink, artefacts: Artefacts
    ) -> None:
        look = call("list_files", {}, "")
        client = ScriptedClient(
            [
                says("", look, look),
                says("", replace(self.BROKEN, id="same")),
                says("", replace(VERDICT_CALL, id="same")),
            ]
        )
        assert (await agent(client, artefacts).run_turn(order, sink)).ending == "transition"
        told = client.requests[1].messages[2:]
        ids = [one.id for one in told[0].tool_calls]
        assert len(set(ids)) == 2
        assert [message.tool_call_id for message in told[1:]] == ids
        assert len({key for _, _, key in sink.calls}) == 2

    async def test_arguments_that_are_no_json_are_not_sent_back(
        self, order: TurnOrder, sink: RecordingSink, artefacts: Artefacts
    ) -> None:
        """Adapters of providers read the arguments of past calls, and would fail on them again and again."""
        client = ScriptedClient([says("", call("submit_verdict", '{"verdict": "pa')), says("", VERDICT_CALL)])
        report = await agent(client, artefacts).run_turn(order, sink)
        assert report.ending == "transition"
        assert client.requests[1].messages[2].tool_calls[0].arguments == "{}"
        assert sink.calls[0][1] == '{"verdict": "pa'
        assert '{"verdict": "pa' in report.said


class TestCutOffAnswers:
    async def test_a_cut_off_answer_is_no_transition_and_is_asked_for_again(
        self, order: TurnOrder, sink: RecordingSink, artefacts: Artefacts, tmp_path: Path
    ) -> None:
        write = call("write_file", {"path": "x", "text": "x"}, "w")
        passed = call("submit_verdict", {**VERDICT, "verdict": "pass", "rec_action": "continue"}, "p")
        client = ScriptedClient([says("", write, passed, complete=False), says("", VERDICT_CALL)])
        report = await agent(client, artefacts).run_turn(order, sink)
        assert report.ending == "transition"
        assert [one.verdict for one in sink.accepted] == ["fail"]
        assert not (tmp_path / "x").exists()
        assert client.requests[1].messages == client.requests[0].messages
        assert client.requests[1].id != client.requests[0].id
        assert "cut off" in sink.shown("note")

    async def test_cut_off_twice_is_a_failure(
        self, order: TurnOrder, sink: RecordingSink, artefacts: Artefacts
    ) -> None:
        client = ScriptedClient([says("", VERDICT_CALL, complete=False)] * 3)
        report = await agent(client, artefacts).run_turn(order, sink)
        assert (report.ending, report.failure) == ("failed", "cut_off")
        assert len(client.requests) == 2
        assert sink.calls == []

    async def test_a_stream_that_just_stops_is_cut_off(
        self, order: TurnOrder, sink: RecordingSink, artefacts: Artefacts
    ) -> None:
        client = ScriptedClient([[TextDelta("I was about to")], says("", VERDICT_CALL)])
        report = await agent(client, artefacts).run_turn(order, sink)
        assert report.ending == "transition"
        assert report.usage.cost is None
        assert report.usage.estimated
        assert report.usage.output_tokens > 10

    async def test_a_failed_request_is_a_failed_turn(
        self, order: TurnOrder, sink: RecordingSink, artefacts: Artefacts
    ) -> None:
        client = ScriptedClient([[TextDelta("Well"), Failed("stalled", "nothing came for 60 s", partial="Well")]])
        report = await agent(client, artefacts).run_turn(order, sink)
        assert (report.ending, report.failure, report.detail) == ("failed", "stalled", "nothing came for 60 s")
        assert "Well" in report.said
        assert report.usage.cost is None

    async def test_a_request_that_nobody_took_is_no_receipt_and_costs_nothing(
        self, order: TurnOrder, sink: RecordingSink, artefacts: Artefacts
    ) -> None:
        client = ScriptedClient([[Failed("no_key", "set OPENAI_API_KEY")]])
        report = await agent(client, artefacts).run_turn(order, sink)
        assert (report.ending, report.failure) == ("failed", "no_key")
        assert sink.events == []
        assert report.usage == Usage(0, 0, cost=0.0)
