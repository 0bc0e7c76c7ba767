"""What the rehearsal's Worker answers, and what is true of every role."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rehearsal_prompts import COLLECTION, DIFF, EXIT, RED, SPEC, TREE, card, evidence, other_task, sample_task
from rehearsal_stage import EXIT_TOOLS, ask, called, events_of, prompt, request, task_card, transition

from sessions.contract import ReportDone
from sessions.models.protocol import Finished, Message, ModelRequest
from sessions.models.rehearsal.sample import CHECK, MEND
from sessions.plan import Task


class TestWorker:
    def test_the_test_is_written_first(self) -> None:
        message = ask("worker", ["write_file", "run", "report_done"], {"task": task_card(sample_task(1), 1)})
        name, arguments = called(message)
        assert (name, arguments["path"]) == ("write_file", "tests/test_barchart_table.py")
        assert message.content.startswith("Rehearsal: scripted, no AI. T-01 Read the table, attempt 1.")

    def test_it_answers_a_verdict_in_its_own_words(self) -> None:
        parts = {
            "task": task_card(sample_task(2), 2),
            "verdict": card("fail", "retask", "parse_number gave None"),
            "note": "Mend this and nothing else: parse_number gave None (a.py / f / test_f).",
        }
        text = ask("worker", ["write_file", "run", "report_done"], parts).content
        assert "The audit says: parse_number gave None" in text
        assert "Your note" not in text

    def written(self, note: str, attempt: int = 2, title: str = "") -> str:
        parts = {"task": task_card(sample_task(2, title=title), attempt), "note": note}
        test = ("write_file", {"path": "tests/test_barchart_totals.py", "text": ""}, "written")
        return called(ask("worker", ["write_file", "report_done"], parts, [test]))[1]["text"]

    def test_the_second_attempt_is_another_one(self) -> None:
        assert 'cell.replace(",", "")' in self.written("")
        assert 'cell.replace(",", "")' in self.written("", attempt=9)
        assert "replace" not in self.written("", attempt=1)

    def test_a_note_makes_it_fail_again(self) -> None:
        assert "replace" not in self.written("fail once more, I want to see it")

    def test_a_task_that_mends_gets_the_right_version_at_once(self) -> None:
        assert "replace" in self.written("", attempt=1, title=f"{MEND}Add up the groups")

    def report(self, task: Task, tools: tuple[str, ...], **parts: str) -> ReportDone:
        done: list[tuple[str, dict[str, str], str]] = []
        for _ in range(20):
            message = ask("worker", tools, {"task": task_card(task, 1), **parts}, done)
            name, arguments = called(message)
            if name == "report_done":
                report = transition(message)
                assert isinstance(report, ReportDone)
                return report
            done.append((name, arguments, RED if name == "run" else "ok"))
        raise AssertionError("no report came")

    def test_it_reports_its_red_test_run(self) -> None:
        report = self.report(sample_task(2), ("write_file", "run", "report_done"))
        assert "My test run: 1 failed, 1 passed; test_sum is red." in report.summary

    def test_a_note_spares_the_test_run(self) -> None:
        report = self.report(sample_task(2), ("write_file", "run", "report_done"), note="no tests please")
        assert "I did not run the tests." in report.summary

    def test_a_check_changes_nothing(self) -> None:
        report = self.report(sample_task(2, title=f"{CHECK}Add up the groups"), ("write_file", "run", "report_done"))
        assert "Nothing was changed, as the task asks." in report.summary

    def test_a_task_of_another_plan_is_left_alone(self) -> None:
        message = ask("worker", ["write_file", "run", "report_done"], {"task": task_card(other_task(), 1)})
        assert "I know only my own sample" in transition(message).model_dump()["summary"]

    def test_without_tools_it_says_so(self) -> None:
        message = ask("worker", ["report_done"], {"task": task_card(sample_task(1), 1)})
        assert "nothing was done" in transition(message).model_dump()["summary"]


class TestTheRest:
    def test_a_refused_transition_is_called_once_more_with_what_it_needs(self) -> None:
        verdict = {"verdict": "pass", "diagnosis": "d", "rec_action": "continue", "pointer": "-", "notes": "long"}
        refused = ("submit_verdict", verdict, "notes: too long")
        parts = {"task": task_card(other_task(), 1)}
        again = ask("auditor", ["submit_verdict"], parts, [refused])
        assert called(again) == ("submit_verdict", {name: verdict[name] for name in verdict if name != "notes"})
        assert not ask("auditor", ["submit_verdict"], parts, [refused, refused]).tool_calls

    def test_a_role_without_a_script_says_so(self) -> None:
        message = ask("reviewer", ["request_code_review"], {"task": "x"})
        assert not message.tool_calls
        assert "have no script for this (request_code_review offered)" in message.content

    def test_a_prompt_without_parts_gets_no_act(self) -> None:
        asked = request("planner", [Message("user", "hello")], ["append_spec"])
        assert not finished(asked).message.tool_calls

    def test_only_the_last_prompt_of_a_conversation_counts(self) -> None:
        first = Message("user", prompt({"task": task_card(sample_task(1), 1)}))
        second = Message("user", prompt({"task": task_card(sample_task(2), 1)}, marker="99ab99ab99"))
        talk = [first, Message("assistant", "done"), second, Message("user", "Please call a tool.")]
        answer = finished(request("worker", talk, ["write_file", "report_done"])).message
        assert "T-02 Add up the groups" in answer.content

    @pytest.mark.parametrize("role", ["planner", "manager", "worker", "auditor", "exit_manager"])
    def test_the_same_request_gives_the_same_events(self, role: str) -> None:
        tools = {
            "planner": "append_spec",
            "manager": "plan_tasks",
            "worker": "report_done",
            "auditor": "submit_verdict",
        }
        text = prompt({"task": task_card(sample_task(3), 1), "spec": SPEC, "idea": "x", "project": TREE})
        asked = request(role, [Message("user", text)], [tools.get(role, "pass_session"), "write_file", "run"])
        first, second, third = (events_of(asked) for _ in range(3))
        assert first == second == third


def finished(asked: ModelRequest) -> Finished:
    last = events_of(asked)[-1]
    assert isinstance(last, Finished)
    return last


WORDS = st.text(max_size=80) | st.sampled_from(
    [
        *(SPEC, TREE, RED, COLLECTION, DIFF),
        *(task_card(sample_task(2), 2), task_card(other_task(), 1), card("fail", "retask")),
        *(evidence(passed=False), evidence(passed=True)),
        *("split", "fail", "drop T-01", "attempt: 999999999999999999", "\ud800"),
    ]
)
NAMES = "idea project spec note progress kick_back task verdict history answer report evidence tests diff milestone"
PARTS = st.dictionaries(st.sampled_from(NAMES.split()), WORDS)
TOOLS = st.sampled_from(
    [["append_spec"], ["plan_tasks"], ["decide"], ["plan_tasks", "decide"], ["report_done"], ["submit_verdict"],
     ["write_file", "run", "report_done"], [*EXIT_TOOLS, "pass_milestone", "kick_back"], list(EXIT), ["next_step"], []]
)  # fmt: skip


@settings(max_examples=150)
@given(
    parts=PARTS, tools=TOOLS, done=st.lists(st.tuples(st.sampled_from([*EXIT_TOOLS]), st.just({}), WORDS), max_size=6)
)
def test_whatever_it_is_told_a_role_answers_by_the_contract(
    parts: dict[str, str], tools: list[str], done: list[tuple[str, dict[str, str], str]]
) -> None:
    message = ask("any", tools, parts, done)
    assert message.content or message.tool_calls
    for call in message.tool_calls:
        assert call.name in tools
        assert isinstance(json.loads(call.arguments), dict)
        if call.name not in EXIT_TOOLS:
            transition(message)
