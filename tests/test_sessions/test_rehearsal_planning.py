"""What the rehearsal's Planner and Manager answer, told by nothing but their prompts."""

import pytest
from rehearsal_prompts import SAMPLE, SPEC, card, other_task, sample_task
from rehearsal_stage import ask, task_card, transition

from sessions.contract import AppendSpec, Decide, PlanTasks
from sessions.models.rehearsal.sample import CHECK, MEND
from sessions.plan import make_plan
from sessions.spec import next_entry, resolve

DECIDE = ("decide",)
FAILED_TWICE = "attempt 1: fail: red\nattempt 2: partial: nearly"


class TestPlanner:
    def plan(self, **parts: str) -> tuple[str, AppendSpec]:
        message = ask("planner", ["append_spec"], parts)
        spec = transition(message)
        assert isinstance(spec, AppendSpec)
        return message.content, spec

    def test_it_says_that_it_builds_its_own_sample(self) -> None:
        text, spec = self.plan(idea="a space game\nwith dragons", project="README.md")
        assert text.startswith("Rehearsal: scripted, no AI. Whatever the idea, I plan my own sample: barchart")
        assert "“a space game”" in text
        assert spec.clauses == SAMPLE.clauses

    def test_a_note_adds_a_clause(self) -> None:
        text, spec = self.plan(idea="x", note="add The chart can be turned by 90 degrees.")
        assert spec.clauses[-1] == "The chart can be turned by 90 degrees."
        assert "done so" in text

    def test_a_note_drops_a_clause(self) -> None:
        _, spec = self.plan(idea="x", note="drop S-07")
        assert not any("NO_COLOR" in clause for clause in spec.clauses)

    def test_a_note_without_a_script_is_acknowledged(self) -> None:
        text, spec = self.plan(idea="x", note="make it pink")
        assert "Your note “make it pink”: read; my script knows no such order" in text
        assert spec.clauses == SAMPLE.clauses

    @pytest.mark.parametrize("note", ["add Bars may be red.", "drop S-02", "", "hm"])
    def test_a_standing_spec_is_amended_by_something_that_can_be_appended(self, note: str) -> None:
        _, spec = self.plan(idea="x", spec=SPEC, note=note)
        entry = next_entry((), author="planner", reason="", texts=SAMPLE.clauses)
        appended = next_entry(
            (entry,), author="planner", reason=spec.reason, texts=spec.clauses, supersedes=spec.supersedes
        )
        amended = resolve((entry, appended))
        assert len(amended.clauses) == (7 if note.startswith("drop") else 9)

    @pytest.mark.parametrize(
        ("project", "package"),
        [
            ("README.md\nsrc/barchart_theme.css", "barchart"),
            ("barchart/__init__.py", "barchart_rehearsal"),
            ("README.md\nbarchart.py", "barchart_rehearsal"),
            ("├── barchart\n│   └── cli.py", "barchart_rehearsal"),
            ("tests/test_barchart_table.py", "barchart_rehearsal"),
        ],
    )
    def test_a_name_that_is_taken_is_left_alone(self, project: str, package: str) -> None:
        text, spec = self.plan(idea="x", project=project)
        assert spec.clauses[0].startswith(f"`python -m {package} FILE")
        assert ("so mine is called" in text) == (package != "barchart")

    def test_a_huge_idea_is_quoted_in_one_line(self) -> None:
        text, _ = self.plan(idea="x" * 1_000_000)
        assert len(text) < 400


class TestPlanning:
    def plan(self, **parts: str) -> PlanTasks:
        plan = transition(ask("manager", ["plan_tasks"], {"spec": SPEC, **parts}))
        assert isinstance(plan, PlanTasks)
        make_plan(1, plan.summary, plan.milestones, plan.tasks, used=0)
        return plan

    def test_what_is_done_is_not_planned_again(self) -> None:
        progress = (
            "plan 1: x\nT-01 M1 done  Read the table  pass: ok\nT-02 M1 judged try 3  Add up the groups  fail: red"
        )
        titles = [task.title for task in self.plan(progress=progress).tasks]
        assert titles == ["Add up the groups", "Draw the bars", "The command line"]

    def test_with_everything_done_only_a_check_is_left(self) -> None:
        progress = "\n".join(f"T-0{n} M1 done  {task.title}" for n, task in enumerate(SAMPLE.tasks, start=1))
        assert [task.title for task in self.plan(progress=progress).tasks] == [f"{CHECK}The command line"]

    def test_a_kick_back_that_points_at_the_sample_is_mended_there(self) -> None:
        plan = self.plan(kick_back="diagnosis: the sum is wrong\npointer: barchart/totals.py / add_up / -")
        assert [task.title for task in plan.tasks] == [f"{MEND}Add up the groups"]
        assert "the sum is wrong" in plan.tasks[0].instructions

    def test_any_other_kick_back_becomes_a_task_of_its_own(self) -> None:
        plan = self.plan(kick_back="diagnosis: by the person's note: bars should be green\npointer: -")
        assert [task.title for task in plan.tasks] == ["Look into: by the person's note: bars should be green"]

    @pytest.mark.parametrize("note", ["drop T-04", "drop The command line"])
    def test_a_note_drops_a_task(self, note: str) -> None:
        assert [task.title for task in self.plan(note=note).tasks][-1] == "Draw the bars"

    def test_a_note_makes_every_milestone_minor(self) -> None:
        assert {milestone.kind for milestone in self.plan(note="minor, please").milestones} == {"minor"}

    def test_another_spec_gets_the_plan_of_the_sample_and_a_word_about_it(self) -> None:
        message = ask("manager", ["plan_tasks"], {"spec": "S-01  A parrot that speaks.", "project": "README.md"})
        assert "This spec is not the one I know" in message.content
        assert transition(message).model_dump()["tasks"][0]["title"] == "Read the table"


class TestDecision:
    def decide(self, verdict: str, *, attempt: int = 1, **parts: str) -> Decide:
        task = task_card(sample_task(2), attempt)
        decision = transition(ask("manager", DECIDE, {"spec": SPEC, "task": task, "verdict": verdict, **parts}))
        assert isinstance(decision, Decide)
        return decision

    @pytest.mark.parametrize(
        ("verdict", "action", "attempt", "history", "decision"),
        [
            ("pass", "continue", 1, "", "continue"),
            ("pass", "continue", 4, "attempt 1: fail: a\nattempt 2: fail: b\nattempt 3: fail: c", "continue"),
            ("fail", "retask", 1, "", "retask"),
            ("fail", "retask", 2, "attempt 1: fail: red", "retask"),
            ("fail", "retask", 2, "attempt 1: fail: red\nattempt 2: fail: red", "retask"),
            ("fail", "retask", 3, FAILED_TWICE, "halt"),
            ("partial", "retask", 1, "", "retask"),
            ("partial", "continue", 1, "", "continue"),
            ("fail", "escalate", 1, "", "halt"),
            ("", "", 1, "", "halt"),
        ],
    )
    def test_the_card_and_its_history_decide(
        self, verdict: str, action: str, attempt: int, history: str, decision: str
    ) -> None:
        assert self.decide(card(verdict, action), attempt=attempt, history=history).decision == decision

    def test_a_retask_carries_the_diagnosis(self) -> None:
        decision = self.decide(card("fail", "retask", "parse_number gave None"))
        assert decision.note == "Mend this and nothing else: parse_number gave None (a.py / f / test_f)."

    def test_a_halt_asks_a_question_with_answers(self) -> None:
        decision = self.decide(card("fail", "retask"), attempt=3, history=FAILED_TWICE)
        assert "T-02 “Add up the groups”, attempt 3, did not pass: it is red" in decision.question
        assert len(decision.options) == 3

    def test_a_pass_that_the_host_doubts_is_put_to_the_person(self) -> None:
        decision = self.decide(f"{card('pass', 'continue')}\nconflict: the tests are red")
        assert decision.decision == "halt"
        assert "the tests are red" in decision.question

    @pytest.mark.parametrize(
        ("answer", "decision"),
        [
            ("Try once more with the diagnosis", "retask"),
            ("Split the task in two", "split"),
            ("Go on without it", "continue"),
            ("use the decimal module", "retask"),
        ],
    )
    def test_an_answer_is_acted_on(self, answer: str, decision: str) -> None:
        asked = self.decide(card("fail", "retask"), attempt=3, history=FAILED_TWICE)
        part = f"question: {asked.question}\nanswer: {answer}"
        decided = self.decide(card("fail", "retask"), attempt=3, history=FAILED_TWICE, answer=part)
        assert decided.decision == decision
        assert answer in decided.note

    def test_an_answer_counts_once(self) -> None:
        asked = self.decide(card("fail", "retask"), attempt=3, history=FAILED_TWICE)
        part = f"question: {asked.question}\nanswer: Try once more with the diagnosis"
        assert self.decide(card("pass", "continue"), attempt=4, answer=part).decision == "continue"

    def test_a_split_gives_two_tasks_that_the_worker_knows(self) -> None:
        tasks = self.decide(card("fail", "retask"), note="split").tasks
        assert [task.title for task in tasks] == [f"{MEND}Add up the groups", f"{CHECK}Add up the groups"]

    def test_a_split_of_another_plans_task_gives_two_tasks(self) -> None:
        parts = {"task": task_card(other_task(), 1), "verdict": card("fail", "retask"), "note": "split"}
        assert len(transition(ask("manager", DECIDE, parts)).model_dump()["tasks"]) == 2

    @pytest.mark.parametrize("order", ["continue", "retask", "split", "halt"])
    def test_a_note_orders_a_decision(self, order: str) -> None:
        assert self.decide(card("pass", "continue"), note=f"{order}: because I say so").decision == order

    def test_an_edited_verdict_is_the_verdict(self) -> None:
        assert self.decide(card("pass", "continue", "edited by the person")).decision == "continue"
