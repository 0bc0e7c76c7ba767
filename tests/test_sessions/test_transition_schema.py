"""Transition tools: what models are offered, and how strictly their calls are read."""

import json
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from sessions.contract import TRANSITIONS, Decide, PlanTasks, ReportDone, SubmitVerdict, Transition
from sessions.transitions.schema import (
    MAX_ARGUMENTS,
    ContractFault,
    explain,
    flat_schema,
    parse,
    schemas,
    tool_schema,
    validate,
)

VERDICT = {
    "verdict": "fail",
    "diagnosis": "the total is off by one",
    "rec_action": "retask",
    "pointer": "totals.py / add / test_add",
}
TASK = {"title": "add", "instructions": "add two numbers", "test_command": "pytest -q"}
CALLS: dict[str, dict[str, Any]] = {
    "append_spec": {"reason": "the idea is clear", "clauses": ["It adds.", "It subtracts."]},
    "plan_tasks": {
        "summary": "one step",
        "milestones": [{"id": "M1", "title": "first", "kind": "minor"}],
        "tasks": [TASK],
    },
    "report_done": {"summary": "done"},
    "submit_verdict": VERDICT,
    "decide": {"decision": "split", "tasks": [TASK, TASK]},
    "pass_milestone": {"summary": "ran it"},
    "pass_session": {"summary": "ran it", "how_to_run": "python -m app"},
    "kick_back": {"diagnosis": "wrong shape", "pointer": "-"},
}


class TestOffer:
    """What a provider is told of a tool."""

    @pytest.mark.parametrize("name", TRANSITIONS)
    def test_every_transition_is_offered_without_references_limits_or_loose_objects(self, name: str) -> None:
        offered = tool_schema(TRANSITIONS[name])
        assert offered.name == name
        assert offered.description
        assert "\n" not in offered.description
        text = json.dumps(offered.parameters)
        for word in ('"$ref"', '"$defs"', "Length", '"pattern"', '"minItems"', '"default"'):
            assert word not in text
        assert offered.parameters["additionalProperties"] is False
        assert set(offered.parameters["required"]) <= set(offered.parameters["properties"])

    def test_a_field_called_title_is_kept_while_titles_of_schemas_go(self) -> None:
        task = flat_schema(PlanTasks)["properties"]["tasks"]["items"]
        assert task["properties"]["title"] == {"description": "short name of the task", "type": "string"}
        assert task["additionalProperties"] is False
        assert "title" not in task

    def test_the_words_a_verdict_may_use_are_in_the_schema(self) -> None:
        assert flat_schema(SubmitVerdict)["properties"]["verdict"] == {
            "enum": ["pass", "fail", "partial"],
            "type": "string",
        }

    def test_only_the_first_paragraph_describes_the_tool(self) -> None:
        class Knock(Transition):
            """Knock
            at the door.

            Not for the caller.
            """

            tool = "knock"

        assert tool_schema(Knock).description == "Knock at the door."

    def test_a_model_that_holds_itself_cannot_be_written_out(self) -> None:
        with pytest.raises(ValueError, match="Branch holds itself"):
            flat_schema(Branch)

    def test_tools_come_in_the_order_asked_for(self) -> None:
        assert [tool.name for tool in schemas(("kick_back", "pass_session"))] == ["kick_back", "pass_session"]
        with pytest.raises(ContractFault, match="no transition called fly"):
            schemas(("fly",))


class Branch(BaseModel):
    """A model no reference-free schema can say."""

    twigs: list["Branch"] = []


@pytest.mark.parametrize("name", TRANSITIONS)
def test_a_proper_call_is_read(name: str) -> None:
    assert isinstance(parse(name, json.dumps(CALLS[name])), TRANSITIONS[name])


def test_limits_repair_instead_of_refusing() -> None:
    read = parse("submit_verdict", json.dumps({**VERDICT, "diagnosis": "two\nlines " + "x" * 500}))
    assert isinstance(read, SubmitVerdict)
    assert read.diagnosis.startswith("two lines xxx")
    assert len(read.diagnosis) == 200


FAULTS = [
    ("", "empty"),
    ("  \n", "empty"),
    ("null", "one JSON object"),
    ("[]", "one JSON object"),
    ('"pass"', "one JSON object"),
    ("7", "one JSON object"),
    ("verdict: pass", "not valid JSON"),
    (json.dumps(VERDICT)[:-1], "not valid JSON"),
    (json.dumps(VERDICT) + " and more", "not valid JSON"),
    ("```json\n" + json.dumps(VERDICT) + "\n```", "not valid JSON"),
    ("\ufeff" + json.dumps(VERDICT), "not valid JSON"),
    ('{"verdict": NaN}', "NaN"),
    ('{"verdict": -Infinity}', "-Infinity"),
    ('{"verdict": 1e999}', "too large"),
    ('{"verdict": ' + "9" * 5000 + "}", "too long"),
    ('{"verdict": "fail", "verdict": "pass"}', "verdict: stands twice"),
    ('{"a": {"b": 1, "b": 2}}', "b: stands twice"),
    ('{"a":' * 50_000, "nested too deep"),
    ("[" * 50_000, "nested too deep"),
    (json.dumps({**VERDICT, "diagnosis": "half \ud83d"}), "surrogate"),
    (json.dumps({**VERDICT, "\udc00": 1}), "surrogate"),
    (json.dumps({**VERDICT, "notes": "x" * MAX_ARGUMENTS}), "too long"),
    ('{"notes": "' + "\ud800" * (MAX_ARGUMENTS // 3) + '"}', "too long"),
    (json.dumps({**VERDICT, "mood": "good"}), "mood: is not a field of this tool"),
    (json.dumps({**VERDICT, "verdict": "PASS"}), "verdict: must be 'pass', 'fail' or 'partial'"),
    (json.dumps({**VERDICT, "verdict": ["pass"]}), "verdict: must be"),
    (json.dumps({**VERDICT, "diagnosis": "  "}), "diagnosis: must not be empty"),
    (json.dumps({**VERDICT, "diagnosis": 5}), "diagnosis: must be a valid string"),
    ("{}", "verdict: is missing"),
]


@pytest.mark.parametrize(("text", "said"), FAULTS, ids=range(len(FAULTS)))
def test_what_does_not_stand_is_refused_with_what_to_mend(text: str, said: str) -> None:
    with pytest.raises(ContractFault) as caught:
        parse("submit_verdict", text)
    assert said in str(caught.value)
    assert "http" not in str(caught.value)
    for line in caught.value.lines:
        assert len(line) < 400
        assert line.isprintable()


def test_every_fault_has_its_own_line_with_the_path_to_it() -> None:
    call = {
        **CALLS["plan_tasks"],
        "milestones": [{"id": 1, "title": "x", "kind": "tiny"}],
        "tasks": [TASK, 5, {"title": "x"}],
    }
    with pytest.raises(ContractFault) as caught:
        parse("plan_tasks", json.dumps(call))
    assert caught.value.lines == (
        "milestones.0.id: must be a valid string",
        "milestones.0.kind: must be 'minor' or 'major'",
        "tasks.1: must be an object",
        "tasks.2.instructions: is missing",
        "tasks.2.test_command: is missing",
    )


def test_a_flood_of_faults_is_cut() -> None:
    few = json.dumps({"reason": "x", "clauses": [1] * 50})
    many = json.dumps({"reason": "x", "clauses": [1] * 50_000})
    with pytest.raises(ContractFault) as caught:
        parse("append_spec", few)
    assert len(caught.value.lines) == 13
    assert caught.value.lines[-1] == "and 38 more"
    with pytest.raises(ContractFault, match="50000 fields are wrong"):
        parse("append_spec", many)


def test_a_fault_never_repeats_terminal_escapes_or_values() -> None:
    with pytest.raises(ContractFault) as caught:
        parse("report_done", json.dumps({"summary": ["secret"], "\x1b]0;title\x07": 1, "y" * 900: 2}))
    text = str(caught.value)
    assert "\x1b" not in text
    assert "secret" not in text
    assert len(text) < 400


def test_an_unknown_tool_is_a_fault() -> None:
    with pytest.raises(ContractFault, match="no transition called rm"):
        parse("rm\x1b", "{}")


def test_the_toolbox_reads_its_arguments_the_same_way() -> None:
    assert validate(ReportDone, '{"summary": " done "}').summary == "done"
    with pytest.raises(ValidationError) as caught:
        Decide.model_validate({})
    assert explain(caught.value) == "decision: is missing"


PIECES = [
    *'{}[]",:\\ \n\t0e-.',
    '"pass"', '"fail"', "pass", "fail", '"verdict"', '"verdict": "pass",', '"rec_action": "continue",', "null", "true",
    "NaN", "1e999", "\\ud800", "\\u0070ass", "\ud800", "\x00", "\x1b[2J", "раss", "\u200b", "{}", "[[[[", "```", "//",
]  # fmt: skip


def mutate(text: str, seed: int) -> str:
    """Damage a text a few times, the same way for the same seed."""
    chance = random.Random(seed)
    for _ in range(chance.randint(1, 4)):
        at, until = sorted(chance.choices(range(len(text) + 1), k=2))
        match chance.randrange(6):
            case 0:
                text = text[:at] + chance.choice(PIECES) + text[at:]
            case 1:
                text = text[:at] + text[until:]
            case 2:
                text = text[:at] + text[at:until] * 2 + text[until:]
            case 3:
                text = text[:at]
            case 4:
                text = text[:at] + chance.choice(PIECES) + text[at + 1 :]
            case _:
                text = text.replace('"fail"', chance.choice(PIECES), 1)
    return text


def says_pass(text: str) -> bool:
    """Tell by another reading whether a text says `verdict: pass`, exactly once."""
    doubled: list[str] = []

    def look(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names = [name for name, _ in pairs]
        doubled.extend(name for name in names if names.count(name) > 1)
        return dict(pairs)

    return json.loads(text, object_pairs_hook=look).get("verdict") == "pass" and not doubled


@settings(max_examples=300)
@given(st.sampled_from(sorted(CALLS)), st.lists(st.integers(0, 2**32), min_size=30, max_size=30))
def test_damaged_calls_stand_whole_or_are_refused(tool: str, seeds: list[int]) -> None:
    for seed in seeds:
        text = mutate(json.dumps(CALLS[tool], ensure_ascii=False), seed)
        try:
            read = parse(tool, text)
        except ContractFault:
            continue
        read.model_dump_json()  # What stands can be stored.
        if isinstance(read, SubmitVerdict) and read.verdict == "pass":
            assert says_pass(text)


@settings(max_examples=300)
@given(st.sampled_from(sorted(CALLS)), st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(sorted(VERDICT)), inner),
))  # fmt: skip
def test_any_json_at_all_stands_whole_or_is_refused(tool: str, value: object) -> None:
    try:
        read = parse(tool, json.dumps(value))
    except ContractFault:
        return
    assert isinstance(read, TRANSITIONS[tool])
