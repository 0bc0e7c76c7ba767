"""What the person is asked, and what their answer does: structural questions, failed turns, limits."""

import asyncio
import json
from pathlib import Path

import pytest
from project_repositories import git
from session_stage import DONE, PLAN, SPEC, running_session

from sessions.events import (
    NodeEntered,
    QuestionAnswered,
    QuestionAsked,
    SessionEnded,
    TurnEnded,
    TurnStarted,
)
from sessions.orders import AnswerQuestion, ApproveHandoff, FetchBranch, Halt, StopHost

HALT = ("decide", {"decision": "halt", "question": "Round or cut?", "options": ["round", "cut"]})


class TestAQuestionOfTheManagers:
    async def test_the_answer_reaches_the_manager_who_decides_anew(self, home: Path) -> None:
        async with running_session(home, gate="auto") as stage:
            stage.play(decide=HALT)
            await stage.approve("spec")
            await stage.approve("plan")
            asked = await stage.until_event(QuestionAsked)
            assert (asked.text, asked.options, asked.source) == ("Round or cut?", ("round", "cut"), "decision")
            assert asked.window == "manager"
            await stage.until(lambda state: state.windows["manager"].activity == "waiting")
            stage.agents["manager"].plays.pop("decide")
            assert await stage.done(AnswerQuestion(question=asked.question, choice=1)) == "answered"
            turn = await stage.agents["manager"].turn(2)
            prompt = await stage.prompt_of(turn.order.turn)
            assert "question: Round or cut?\nanswer: cut" in prompt
            await turn.end(("decide", {"decision": "continue"}))
            await stage.until(lambda state: state.ended is not None)

    async def test_free_text_is_an_answer_too(self, home: Path) -> None:
        async with running_session(home, gate="auto") as stage:
            stage.play(decide=HALT)
            await stage.approve("spec")
            await stage.approve("plan")
            asked = await stage.until_event(QuestionAsked)
            stage.agents["manager"].plays.pop("decide")
            await stage.done(AnswerQuestion(question=asked.question, text="neither: keep them all"))
            assert "answer: neither: keep them all" in (await stage.agents["manager"].turn(2)).prompt
            assert stage.of(QuestionAnswered)[0].choice == -1

    async def test_twice_the_first_stands(self, home: Path) -> None:
        async with running_session(home, gate="auto") as stage:
            stage.play(decide=HALT)
            await stage.approve("spec")
            await stage.approve("plan")
            asked = await stage.until_event(QuestionAsked)
            stage.agents["manager"].plays.pop("decide")
            orders = [AnswerQuestion(question=asked.question, choice=n) for n in (0, 1)]
            replies = await asyncio.gather(*(stage.give(order) for order in orders))
            assert sorted(reply.done for reply in replies) == [False, True]
            assert await stage.refused(AnswerQuestion(question=asked.question, choice=0)) == "Q-01 is already answered"
            assert len(stage.of(QuestionAnswered)) == 1

    @pytest.mark.parametrize(
        ("choice", "text", "says"),
        [(2, "", "choose 1 to 2"), (-1, "  ", "choose 1 to 2"), (7, "words", "choose 1 to 2")],
    )
    async def test_no_answer_is_refused(self, home: Path, choice: int, text: str, says: str) -> None:
        async with running_session(home, gate="auto") as stage:
            stage.play(decide=HALT)
            await stage.approve("spec")
            await stage.approve("plan")
            asked = await stage.until_event(QuestionAsked)
            refusal = await stage.refused(AnswerQuestion(question=asked.question, choice=choice, text=text))
            assert says in refusal
            assert stage.state.questions

    async def test_one_without_options_takes_words_only(self, home: Path) -> None:
        asks = ("decide", {"decision": "halt", "question": "What is the unit?"})
        async with running_session(home, gate="auto") as stage:
            stage.play(decide=asks)
            await stage.approve("spec")
            await stage.approve("plan")
            asked = await stage.until_event(QuestionAsked)
            assert await stage.refused(AnswerQuestion(question=asked.question, choice=0)) == "write an answer"
            stage.agents["manager"].plays.pop("decide")
            await stage.done(AnswerQuestion(question=asked.question, text="metres"))

    async def test_halting_all_meanwhile_asks_nothing_twice(self, home: Path) -> None:
        async with running_session(home, gate="auto") as stage:
            stage.play(decide=HALT)
            await stage.approve("spec")
            await stage.approve("plan")
            asked = await stage.until_event(QuestionAsked)
            await stage.done(Halt())
            await stage.done(AnswerQuestion(question=asked.question, choice=0))
            await stage.until(lambda state: state.position.node == "decide")
            assert len(stage.of(QuestionAsked)) == 1


class TestAFailedTurn:
    @pytest.mark.parametrize(
        ("ending", "detail"),
        [("failed", "the program ended with 137 before it called a transition"), ("no_transition", "it only talked")],
    )
    async def test_the_person_is_asked_and_may_have_it_tried_again(self, home: Path, ending: str, detail: str) -> None:
        async with running_session(home) as stage:
            turn = await stage.agents["planner"].turn()
            turn.report(ending, detail)
            asked = await stage.until_event(QuestionAsked)
            assert asked.source == "turn"
            assert detail in asked.text
            assert asked.options == ("try again", "end the session")
            assert len(stage.agents["planner"].began) == 1, "nothing is tried again by itself"
            await stage.done(AnswerQuestion(question=asked.question, choice=0))
            await (await stage.agents["planner"].turn(1)).end(SPEC)
            await stage.held("spec")

    async def test_or_end_the_session_with_what_there_is(self, home: Path) -> None:
        async with running_session(home) as stage:
            (await stage.agents["planner"].turn()).report("failed", "no key")
            asked = await stage.until_event(QuestionAsked)
            await stage.done(AnswerQuestion(question=asked.question, choice=1))
            ended = await stage.until_event(SessionEnded)
            assert ended.outcome == "stopped"
            assert ended.summary.startswith("ended by you: Planner ended its turn")
            assert (stage.folder / "report.md").read_text().startswith("# Session s1")
            assert json.loads((stage.folder / "report.json").read_text())["ref"] == "refs/quarterdeck/s1"
            assert len(stage.of(TurnStarted)) == 1, "ending it begins nothing"

    async def test_an_agent_that_breaks_is_a_failed_turn_and_not_the_end_of_all(
        self, home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        async with running_session(home) as stage:
            (await stage.agents["planner"].turn()).over.set_exception(RuntimeError("a fault"))
            asked = await stage.until_event(QuestionAsked)
            assert "RuntimeError" in asked.text
            assert "a fault" in caplog.text
            await stage.done(AnswerQuestion(question=asked.question, choice=0))
            await (await stage.agents["planner"].turn(1)).end(SPEC)

    async def test_a_turn_that_takes_too_long_is_halted_and_the_person_asked(self, home: Path) -> None:
        text = (
            "name: short\nstart: build\nlimits: {turn_minutes: 0.002}\nnodes:\n"
            "  build: {role: worker, tools: [report_done]}\n  done: {kind: exit, outcome: passed}\n"
            "edges:\n  - {from: build, to: done}\n"
        )
        async with running_session(home, workflow=text) as stage:
            asked = await stage.until_event(QuestionAsked)
            assert "it took longer than 0.002 minutes" in asked.text
            assert stage.agents["worker"].halts == 1
            ended = stage.of(TurnEnded)[0]
            assert (ended.ending, ended.failure) == ("failed", "time")


class TestWhatTheHostCannotDo:
    async def test_a_clone_that_is_gone_is_asked_about_and_the_session_lives_on(self, home: Path) -> None:
        async with running_session(home) as stage:
            stage.play()
            for kind in ("spec", "plan"):
                await stage.approve(kind)
            held = await stage.held("task")
            stage.agents["worker"].plays.clear()
            await stage.done(ApproveHandoff(handoff=held))
            turn = await stage.agents["worker"].turn()
            hidden = stage.clone.folder.with_name("hidden")
            stage.clone.folder.rename(hidden)
            await turn.end(DONE)
            asked = await stage.until_event(QuestionAsked)
            assert "`take_evidence` could not be done: The session's clone is gone" in asked.text
            hidden.rename(stage.clone.folder)
            await stage.done(AnswerQuestion(question=asked.question, choice=0))
            await stage.held("report")

    async def test_a_test_command_that_cannot_be_run_is_evidence_and_no_crash(self, home: Path) -> None:
        for command in ("no-such-program --at-all", "echo 'an open quote"):
            place = home / str(abs(hash(command)))
            place.mkdir()
            plan = (PLAN[0], {**PLAN[1], "tasks": [{**PLAN[1]["tasks"][0], "test_command": command}]})
            async with running_session(place) as stage:
                stage.play(plan_tasks=plan)
                for kind in ("spec", "plan", "task"):
                    await stage.approve(kind)
                await stage.held("report")
                evidence = stage.state.tasks["T-01"].evidence
                assert evidence is not None
                assert (evidence.exit_code, evidence.passed) == (None, False)
                assert b"could not be run" in await stage.client.artefact(evidence.output)

    async def test_names_of_files_that_are_no_utf_8_do_no_harm(self, home: Path) -> None:
        async with running_session(home) as stage:
            stage.play()
            (stage.clone.folder / "caf\udce9.txt").write_text("from an old disk\n")
            for kind in ("spec", "plan", "task"):
                await stage.approve(kind)
            await stage.held("report")
            evidence = stage.state.tasks["T-01"].evidence
            assert evidence is not None
            assert evidence.files == ("caf\\udce9.txt",)
            await stage.approve("report")
            await stage.approve("verdict_pass")
            await stage.approve("milestone")
            await stage.until(lambda state: state.ended is not None)


class TestLimits:
    ROUND = (
        "name: round\nstart: build\nnodes:\n"
        "  build: {role: worker, tools: [report_done], max_visits: 2}\n"
        "  check: {role: auditor, tools: [submit_verdict]}\n  done: {kind: exit, outcome: passed}\n"
        "edges:\n  - {from: build, to: check}\n  - {from: check, to: done, when: {outcome: never}}\n"
        "  - {from: check, to: build}\n"
    )

    async def test_a_loop_pauses_and_each_yes_lets_it_go_on_as_often_again(self, home: Path) -> None:
        async with running_session(home, workflow=self.ROUND) as stage:
            stage.play()
            asked = await stage.until_event(QuestionAsked)
            assert "`build` was visited 2 times, the limit is 2" in asked.text
            assert len([one for one in stage.of(NodeEntered) if one.node == "build"]) == 2
            await stage.done(AnswerQuestion(question=asked.question, choice=0))
            again = await stage.until_event(QuestionAsked, 2)
            assert "`build` was visited 4 times" in again.text
            await stage.done(AnswerQuestion(question=again.question, choice=1))
            assert (await stage.until_event(SessionEnded)).outcome == "stopped"

    async def test_where_no_way_leads_on_the_person_is_asked(self, home: Path) -> None:
        text = (
            "name: stuck\nstart: build\nnodes:\n  build: {role: worker, tools: [report_done]}\n"
            "  done: {kind: exit, outcome: passed}\n"
            "edges:\n  - {from: build, to: done, when: {outcome: never}}\n"
        )
        async with running_session(home, workflow=text) as stage:
            stage.play()
            asked = await stage.until_event(QuestionAsked)
            assert "No way leads on from `build`" in asked.text
            assert asked.options == ("end the session",)
            await stage.done(AnswerQuestion(question=asked.question, choice=0))
            await stage.until_event(SessionEnded)


class TestOtherOrders:
    async def test_the_branch_is_fetched_on_request_and_the_checkout_stays(self, home: Path) -> None:
        async with running_session(home) as stage:
            text = await stage.done(FetchBranch())
            assert text == "fetched as refs/quarterdeck/s1"
            refs = await asyncio.to_thread(git, home / "project", "for-each-ref", "--format=%(refname)")
            assert refs.split() == ["refs/heads/main", "refs/quarterdeck/s1"]

    async def test_one_that_cannot_be_fetched_says_why(self, home: Path) -> None:
        async with running_session(home) as stage:
            (home / "project").rename(home / "elsewhere")
            assert "the branch was not fetched" in await stage.refused(FetchBranch())

    async def test_stopping_the_host_is_passed_on(self, home: Path) -> None:
        async with running_session(home) as stage:
            assert await stage.done(StopHost(reason="enough")) == "stopping"
            assert stage.stops == ["enough"]
