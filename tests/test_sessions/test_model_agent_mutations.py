"""Damaged replies by the thousand: no crash, and no transition that was not whole and valid."""

import asyncio
import json
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from scripted_model import (
    MARKER,
    VERDICT,
    Artefacts,
    RecordingSink,
    Script,
    ScriptedClient,
    agent,
    audit_order,
    call,
    says,
)

from sessions.contract import SubmitVerdict
from sessions.models.protocol import Failed

WHOLE = {"tool": "submit_verdict", "arguments": VERDICT}
FENCED = f"I ran it. Not a pass.\n\n<<<reply {MARKER}>>>\n{json.dumps(WHOLE)}\n<<<end reply {MARKER}>>>\n"
PASSED = json.dumps({**VERDICT, "verdict": "pass", "rec_action": "continue"})
PIECES = [
    *'{}[]",:\\<>\n ',
    *('"pass"', "pass", '"verdict": "pass", ', PASSED, '{"tool": "submit_verdict"}', "null", "NaN", "раss"),
    *(
        "<think>",
        "</think>",
        "```json\n",
        "\n```\n",
        "\ud800",
        "\\ud800",
        "\x00",
        "\u200b",
        "\x1b]0;x\x07",
        "\r\n",
        "\u2028",
    ),
    *(f"<<<reply {MARKER}>>>", f"\n<<<reply {MARKER}>>>\n", f"\n<<<end reply {MARKER}>>>\n", "<<<reply deadbeef>>>"),
]
REPLIES = 25


def mutate(text: str, chance: random.Random) -> str:
    """Damage a text a few times."""
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(text) + 1)
        until = min(len(text), at + chance.choice((1, 5, 20, 200)))
        piece = chance.choice(PIECES)
        text = chance.choice(
            (
                text[:at] + piece + text[at:],
                text[:at] + piece + text[until:],
                text[:at] + text[at:until] * 2 + text[until:],
                text[:at],
                text.replace('"fail"', piece, 1),
                f"{text}{piece}",
            )
        )
    return text


def objects(text: str) -> Iterator[Any]:
    """Find every JSON object in a text, by a reading of its own."""
    decoder = json.JSONDecoder()
    for at, letter in enumerate(text):
        if letter == "{":
            try:
                yield decoder.raw_decode(text, at)[0]
            except ValueError:
                continue


async def answered(script: Script, again: Script, clone: Path, *, tools: bool) -> RecordingSink:
    """Run a turn of two damaged answers and return what the host saw."""
    sink = RecordingSink()
    client = ScriptedClient([script, again, *[[Failed("budget", "the script is over")]] * 3], tools=tools)
    report = await agent(client, Artefacts()).run_turn(replace(audit_order(clone), toolbox=()), sink)
    report.said.encode()
    assert (report.ending == "transition") == bool(sink.accepted)
    assert report.ending in {"transition", "no_transition", "failed"}
    assert len(sink.accepted) <= 1
    assert client.open == 0
    return sink


@settings(max_examples=200)
@given(st.integers(0, 2**64))
def test_damaged_fenced_replies(seed: int) -> None:
    async def run() -> None:
        chance = random.Random(seed)
        for _ in range(REPLIES):
            texts = [mutate(FENCED, chance), mutate(FENCED, chance)]
            sink = await answered(says(texts[0]), says(texts[1]), Path("/"), tools=False)
            for accepted in sink.accepted:
                assert isinstance(accepted, SubmitVerdict)
                SubmitVerdict.model_validate_json(accepted.model_dump_json())
                if accepted.verdict == "pass":
                    assert any(stands_as_pass(text) for text in texts)

    asyncio.run(run())


def stands_as_pass(text: str) -> bool:
    """Tell whether a text holds a whole call that says pass, before a closing line with nothing behind it."""
    said, closing, behind = text.rpartition(f"<<<end reply {MARKER}>>>")
    calls = [one for one in objects(said) if isinstance(one, dict) and "tool" in one]
    given = [one.get("arguments") for one in calls]
    passes = any(isinstance(one, dict) and one.get("verdict") == "pass" for one in given)
    return bool(closing) and not behind.strip() and passes


@settings(max_examples=200)
@given(st.integers(0, 2**64))
def test_damaged_function_calls(seed: int) -> None:
    async def run() -> None:
        chance = random.Random(seed)
        for _ in range(REPLIES):
            texts = [mutate(json.dumps(VERDICT), chance) for _ in range(2)]
            names = chance.choices(("submit_verdict", "submit_verdict ", "pass", "\ud800", ""), (20, 1, 1, 1, 1), k=2)
            scripts = [says(f"pass {text}", call(name, text)) for name, text in zip(names, texts, strict=True)]
            sink = await answered(scripts[0], scripts[1], Path("/"), tools=True)
            for accepted in sink.accepted:
                written = sink.calls[-1][1]
                assert written in texts
                assert accepted.verdict == json.loads(written)["verdict"]

    asyncio.run(run())
