"""Dialogs decide nothing by accident, lose nothing, and close when there is nothing left to decide."""

from recorded.staging import staged
from recorded.tidytable import tell

from sessions.events import HandoffApproved, HandoffProposed, QuestionAnswered
from sessions.handoffs import Payload
from sessions.orders import AnswerQuestion, EditHandoff, Halt, Order
from tui.screens.editor import Editor
from tui.screens.inspector import Inspector
from tui.screens.question import QuestionScreen


async def test_a_key_meant_for_what_was_there_before_decides_nothing() -> None:
    async with staged(tell().until("verdict held")) as stage:
        stage.app.ticks = lambda: 5.0
        await stage.press("i")
        await stage.until(lambda: isinstance(stage.app.screen, Inspector))
        await stage.press("a")
        assert isinstance(stage.app.screen, Inspector)
        assert stage.source.orders == []


async def test_the_same_guard_stands_before_a_question() -> None:
    async with staged(tell().until("question")) as stage:
        stage.app.ticks = lambda: 5.0
        await stage.press("f7")
        await stage.until(lambda: isinstance(stage.app.screen, QuestionScreen))
        await stage.press("enter")
        assert isinstance(stage.app.screen, QuestionScreen)
        assert stage.source.orders == []


async def test_a_question_is_answered_by_number_and_enter() -> None:
    async with staged(tell().until("question")) as stage:
        await stage.press("f7")
        await stage.until(lambda: isinstance(stage.app.screen, QuestionScreen))
        await stage.press("2", "enter")
        await stage.until(lambda: bool(stage.source.orders))
        expected: list[Order] = [AnswerQuestion(question="question-1", choice=1)]
        assert stage.source.orders == expected


async def test_a_question_is_answered_in_own_words() -> None:
    async with staged(tell().until("question")) as stage:
        await stage.press("f7")
        await stage.until(lambda: isinstance(stage.app.screen, QuestionScreen))
        await stage.press("tab", *"keep 2 of 3", "enter")
        await stage.until(lambda: bool(stage.source.orders))
        expected: list[Order] = [AnswerQuestion(question="question-1", choice=-1, text="keep 2 of 3")]
        assert stage.source.orders == expected


async def test_a_handoff_decided_elsewhere_closes_its_inspector() -> None:
    async with staged(tell().until("verdict held")) as stage:
        await stage.press("i")
        await stage.until(lambda: isinstance(stage.app.screen, Inspector))
        handoff = stage.app.state.held()[0].proposed.handoff
        stage.source.log(HandoffApproved(handoff=handoff, by="you"))
        await stage.until(lambda: stage.app.screen is stage.app.loop)
        await stage.until(lambda: "decided elsewhere" in stage.text())


async def test_a_question_answered_elsewhere_closes_too() -> None:
    async with staged(tell().until("question")) as stage:
        await stage.press("f7")
        await stage.until(lambda: isinstance(stage.app.screen, QuestionScreen))
        stage.source.log(QuestionAnswered(question="question-1", choice=0, text=""))
        await stage.until(lambda: stage.app.screen is stage.app.loop)


async def test_halt_all_works_over_a_dialog_and_leaves_it_open() -> None:
    async with staged(tell().until("verdict held")) as stage:
        await stage.press("e")
        await stage.until(lambda: isinstance(stage.app.screen, Editor))
        await stage.press("f9")
        await stage.until(lambda: bool(stage.source.orders))
        assert stage.source.orders == [Halt()]
        assert isinstance(stage.app.screen, Editor)


async def test_an_edit_left_with_escape_is_there_again() -> None:
    async with staged(tell().until("verdict held")) as stage:
        await stage.press("e")
        await stage.until(lambda: isinstance(stage.app.screen, Editor))
        await stage.press(*"mine ", "escape", "e")
        await stage.until(lambda: isinstance(stage.app.screen, Editor))
        assert "mine verdict: partial" in stage.text()


async def test_a_refused_edit_is_there_again() -> None:
    async with staged(tell().until("verdict held")) as stage:
        stage.source.reply = stage.source.reply.model_copy(update={"done": False, "text": "somebody was quicker"})
        await stage.press("e")
        await stage.until(lambda: isinstance(stage.app.screen, Editor))
        await stage.press(*"mine ", "ctrl+s")
        await stage.until(lambda: "somebody was quicker" in stage.text())
        stage.source.reply = stage.source.reply.model_copy(update={"done": True, "text": ""})
        await stage.press("e")
        await stage.until(lambda: "mine verdict: partial" in stage.text())
        await stage.press("ctrl+s")
        await stage.until(lambda: len(stage.source.orders) == 2)
        await stage.press("e")
        await stage.until(lambda: isinstance(stage.app.screen, Editor))
        assert "mine verdict" not in stage.text()


async def test_a_very_long_line_is_edited_whole() -> None:
    story = tell().until("streaming")
    story.log(
        HandoffProposed(
            handoff="long", sender="write_spec", receiver="plan", held="waits",
            payload=Payload(kind="spec", title="long", text="x" * 5000),
        )
    )  # fmt: skip
    story.mark("long")
    async with staged(story.until("long")) as stage:
        await stage.press("e")
        await stage.until(lambda: isinstance(stage.app.screen, Editor))
        await stage.press("y", "ctrl+s")
        await stage.until(lambda: bool(stage.source.orders))
        [order] = stage.source.orders
        assert isinstance(order, EditHandoff)
        assert order.text == "y" + "x" * 5000


async def test_sending_an_unchanged_text_sends_nothing() -> None:
    async with staged(tell().until("verdict held")) as stage:
        await stage.press("e")
        await stage.until(lambda: isinstance(stage.app.screen, Editor))
        await stage.press("ctrl+s")
        await stage.until(lambda: "nothing was changed" in stage.text())
        assert stage.source.orders == []


async def test_the_inspector_shows_parts_sizes_and_the_reason() -> None:
    async with staged(tell(gate="manual").until("verdict held")) as stage:
        await stage.press("i")
        await stage.until(lambda: isinstance(stage.app.screen, Inspector))
        text = stage.text()
        for words in ("WHAT GOES ACROSS", "[x] verdict card", "~90", "gate MANUAL stops every handoff", "diagnosis:"):
            assert words in text


async def test_a_part_with_an_artefact_is_read_on_demand() -> None:
    story = tell(gate="manual")
    story.moments["report held"] = next(
        n + 1
        for n, update in enumerate(story.updates)
        if "held='gate MANUAL" in str(update) and "diff 2 files" in str(update)
    )
    async with staged(story.until("report held")) as stage:
        await stage.press("i")
        await stage.until(lambda: isinstance(stage.app.screen, Inspector))
        assert "[ ] full transcript" in stage.text()
        await stage.press("down", "down")
        await stage.until(lambda: "+def align" in stage.text())
