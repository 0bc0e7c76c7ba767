"""Models without function calls: one fenced reply, read strictly or not at all."""

import json
from pathlib import Path

import pytest
from scripted_model import (
    MARKER,
    VERDICT,
    Artefacts,
    RecordingSink,
    ScriptedClient,
    agent,
    audit_order,
    says,
)

from sessions.agents.protocol import TurnOrder, TurnReport


@pytest.fixture
def sink() -> RecordingSink:
    return RecordingSink()


@pytest.fixture
def artefacts() -> Artefacts:
    return Artefacts()


@pytest.fixture
def order(tmp_path: Path) -> TurnOrder:
    return audit_order(tmp_path)


class TestModelsWithoutTools:
    @staticmethod
    def reply(content: object, marker: str = MARKER) -> str:
        text = content if isinstance(content, str) else json.dumps(content)
        return f"<<<reply {marker}>>>\n{text}\n<<<end reply {marker}>>>"

    @classmethod
    def verdict(cls, **changes: str) -> str:
        return cls.reply({"tool": "submit_verdict", "arguments": {**VERDICT, **changes}})

    async def run(self, order: TurnOrder, sink: RecordingSink, *texts: str) -> tuple[TurnReport, ScriptedClient]:
        client = ScriptedClient([says(text) for text in texts], tools=False)
        return await agent(client, Artefacts()).run_turn(order, sink), client

    async def test_a_fenced_reply_is_a_transition(self, order: TurnOrder, sink: RecordingSink) -> None:
        report, client = await self.run(order, sink, f"I checked it.\n\n{self.verdict()}\n")
        assert report.ending == "transition"
        assert sink.accepted[0].verdict == "fail"
        assert client.requests[0].tools == ()
        told = client.requests[0].messages[1].content
        assert told.startswith(order.prompt.text())
        assert f"<<<reply {MARKER}>>>" in told
        assert '"enum": ["pass", "fail", "partial"]' in told

    async def test_the_toolbox_works_by_fences_too(self, order: TurnOrder, sink: RecordingSink, tmp_path: Path) -> None:
        (tmp_path / "x").write_text("hello\n")
        look = self.reply({"tool": "read_file", "arguments": {"path": "x"}})
        report, client = await self.run(order, sink, look, self.verdict())
        assert report.ending == "transition"
        assert client.requests[1].messages[3].content == "Result of read_file:\nx: lines 1 to 1 of 1\n1\thello"

    @pytest.mark.parametrize(
        "text",
        [
            "<think>Maybe\n{draft}\nbut no.</think>\n{reply}",
            "Maybe\n{draft}\nbut no.</think>{nl}{reply}",
            "{draft}\nNo, rather:\n{reply}",
            "{fenced}",
            "{reply}\n \n\t",
        ],
    )
    async def test_only_the_last_reply_counts(self, order: TurnOrder, sink: RecordingSink, text: str) -> None:
        inner = json.dumps({"tool": "submit_verdict", "arguments": VERDICT}, indent=1)
        whole = text.format(
            nl="\n",
            draft=self.verdict(verdict="pass"),
            reply=self.verdict(),
            fenced=self.reply(f"```json\n{inner}\n```"),
        )
        report, _ = await self.run(order, sink, whole)
        assert report.ending == "transition"
        assert [one.verdict for one in sink.accepted] == ["fail"]

    @pytest.mark.parametrize(
        "text",
        [
            "verdict: pass",
            json.dumps({"tool": "submit_verdict", "arguments": {**VERDICT, "verdict": "pass"}}),
            "{passed} and that is it",
            "{passed}\n<think>or not",
            "<think>I would say\n{passed}",
            "<THINKING>\n{passed}\n</THINKING>",
            "{passed}</think>",
            "{old}",
            "{passed_cut}",
            "{passed}\n<<<reply 0123456789ab>>>\n",
            "> {passed}",
            "```\n{passed}\n```",
            "{two_objects}",
            "{doubled}",
            "{no_tool}",
            "{wrong_types}",
        ],
    )
    async def test_what_is_not_a_whole_reply_is_none(self, order: TurnOrder, sink: RecordingSink, text: str) -> None:
        passed = {"tool": "submit_verdict", "arguments": {**VERDICT, "verdict": "pass"}}
        replies = {
            "passed": self.reply(passed),
            "old": self.reply(passed, "ba9876543210"),
            "passed_cut": self.reply(passed)[:-3],
            "two_objects": self.reply(json.dumps(passed) * 2),
            "doubled": self.reply(json.dumps(passed)[:-1] + ', "tool": "submit_verdict"}'),
            "no_tool": self.reply(passed["arguments"]),
            "wrong_types": self.reply({"tool": ["submit_verdict"], "arguments": []}),
        }
        broken = text
        for name, value in replies.items():
            broken = broken.replace("{" + name + "}", value)
        report, client = await self.run(order, sink, broken, broken)
        assert report.ending == "no_transition"
        assert report.failure == "contract"
        assert sink.accepted == []
        assert f"<<<reply {MARKER}>>>" in client.requests[1].messages[-1].content

    async def test_a_reply_may_be_mended_once(self, order: TurnOrder, sink: RecordingSink) -> None:
        report, client = await self.run(order, sink, self.verdict(verdict="maybe"), self.verdict())
        assert report.ending == "transition"
        assert "verdict: must be" in client.requests[1].messages[3].content
        assert [message.role for message in client.requests[1].messages] == ["system", "user", "assistant", "user"]

    async def test_marks_of_thought_inside_a_reply_are_text(self, order: TurnOrder, sink: RecordingSink) -> None:
        report, _ = await self.run(order, sink, self.verdict(diagnosis="prints <think> to the screen"))
        assert report.ending == "transition"
        assert sink.accepted[0].diagnosis == "prints <think> to the screen"
