"""Attention is never stolen: the focus moves when the person moves it, and only then."""

from recorded.staging import Stage, staged
from recorded.tidytable import tell

from sessions.client.updates import Delta, Records
from sessions.events import StatusSeen
from tui.commands.going import GoToNextNeed
from tui.screens.inspector import Inspector
from tui.screens.question import QuestionScreen


def visible(stage: Stage) -> list[str]:
    return [key for key, frame in stage.app.loop.frames.items() if frame.display]


async def test_a_whole_session_going_by_moves_nothing() -> None:
    whole = tell()
    story = whole.until("streaming")
    async with staged(story) as stage:
        loop = stage.app.loop
        before = (loop.desk, loop.focused, loop.mode)
        for update in whole.updates[len(story.updates) : whole.moments["passing"]]:
            stage.source.send(update)
        await stage.settle()
        assert (loop.desk, loop.focused, loop.mode) == before
        assert stage.app.screen is loop


async def test_it_opens_on_the_window_that_needs_the_person() -> None:
    async with staged(tell().until("question")) as stage:
        assert stage.app.loop.desk.focus == "manager"


async def test_it_opens_on_the_window_at_work_when_nobody_is_needed() -> None:
    async with staged(tell().until("tool running")) as stage:
        assert stage.app.loop.desk.focus == "worker"


async def test_numbers_tab_and_arrows_move_the_focus() -> None:
    async with staged(tell().until("verdict held")) as stage:
        desk = lambda: stage.app.loop.desk.focus  # noqa: E731  (read anew each time)
        await stage.press("4")
        assert desk() == "auditor"
        await stage.press("1")
        assert desk() == "planner"
        await stage.press("tab")
        assert desk() == "auditor"
        await stage.press("down")
        assert desk() == "exit"
        await stage.press("right")
        assert desk() == "planner"
        await stage.press("up")
        assert desk() == "exit"
        await stage.press("left")
        assert desk() == "auditor"


async def test_the_manager_stays_below_while_others_come_and_go() -> None:
    async with staged(tell().until("verdict held")) as stage:
        await stage.press("3")
        assert visible(stage) == ["manager", "worker"]
        await stage.press("2")
        assert visible(stage) == ["manager", "worker"]
        assert stage.app.loop.frames["manager"].focused


async def test_zoom_shows_one_window_and_says_so() -> None:
    async with staged(tell().until("verdict held")) as stage:
        await stage.press("3", "z")
        assert visible(stage) == ["worker"]
        assert "ZOOM" in stage.text()
        await stage.press("z")
        assert visible(stage) == ["manager", "worker"]
        assert "ZOOM" not in stage.text()


async def test_f7_goes_to_the_next_need_and_opens_it() -> None:
    async with staged(tell().until("verdict held")) as stage:
        await stage.press("1", "f7")
        await stage.until(lambda: isinstance(stage.app.screen, Inspector))
        assert stage.app.loop.desk.focus == "manager"


async def test_f7_works_over_a_dialog_and_keeps_what_was_typed() -> None:
    async with staged(tell().until("question")) as stage:
        await stage.press("t", *"half a note")
        await stage.press("f7")
        await stage.until(lambda: isinstance(stage.app.screen, QuestionScreen))
        await stage.press("escape", "t")
        await stage.until(lambda: "half a note" in stage.text())


async def test_f7_with_nothing_to_do_says_so() -> None:
    async with staged(tell().until("streaming")) as stage:
        await stage.press("f7")
        await stage.until(lambda: "nothing needs you" in stage.text())
        assert stage.app.screen is stage.app.loop


async def test_the_list_of_needs_can_be_browsed_first() -> None:
    async with staged(tell().until("question"), size=(80, 24)) as stage:
        await stage.press("N")
        await stage.until(lambda: "NEEDS YOU" in stage.text())
        await stage.press("enter")
        await stage.until(lambda: isinstance(stage.app.screen, QuestionScreen))


async def test_a_new_need_is_announced_and_nothing_more() -> None:
    whole = tell()
    story = whole.until("tool running")
    async with staged(story) as stage:
        for update in whole.updates[len(story.updates) : whole.moments["verdict held"]]:
            stage.source.send(update)
        await stage.settle()
        await stage.until(lambda: "F7" in "".join(toast.message for toast in stage.app._notifications))
        assert stage.app.screen is stage.app.loop
        assert stage.app.loop.desk.focus == "worker"


async def test_a_transcript_that_was_scrolled_up_stays_where_it_is() -> None:
    async with staged(tell().until("verdict held"), size=(100, 24)) as stage:
        await stage.press("1")
        body = stage.app.loop.frames["planner"].body
        await stage.press("home")
        assert body.scroll_y == 0
        stage.source.send(Delta("planner", "turn-9", "text", "more\n" * 50))
        await stage.settle()
        assert body.scroll_y == 0
        await stage.press("end")
        stage.source.send(Delta("planner", "turn-9", "text", "and more\n" * 50))
        await stage.settle()
        assert body.scroll_y == body.max_scroll_y


async def test_clicks_go_where_keys_go() -> None:
    async with staged(tell().until("verdict held")) as stage:
        await stage.pilot.click("#windows", offset=(6, 7))
        await stage.until(lambda: stage.app.loop.desk.focus == "worker")
        await stage.pilot.click("#pane-manager", offset=(20, 5))
        await stage.until(lambda: stage.app.loop.desk.focus == "manager")
        await stage.pilot.click("#footer", offset=(24, 0))
        await stage.until(lambda: isinstance(stage.app.screen, Inspector))


async def test_what_is_in_sight_already_is_not_announced() -> None:
    whole = tell()
    story = whole.until("tool running")
    async with staged(story) as stage:
        stage.source.log(StatusSeen(window="worker", activity="waiting", source="hook", detail="may I run pytest?"))
        stage.source.log(StatusSeen(window="planner", activity="waiting", source="hook", detail="may I read?"))
        await stage.until(lambda: len(stage.app._notifications) > 0)
        told = "".join(toast.message for toast in stage.app._notifications)
        assert "may I read?" in told
        assert "may I run" not in told


def test_next_need_is_the_first_word_of_the_footer() -> None:
    assert GoToNextNeed().footer == 0


async def test_what_past_turns_said_is_fetched_when_asked_for() -> None:
    story = tell().until("verdict held")
    updates = [one for one in story.updates if isinstance(one, Records)]
    story.updates = list(updates)
    async with staged(story) as stage:
        await stage.press("1")
        assert "Enter shows them" in stage.text()
        await stage.press("enter")
        await stage.until(lambda: "The idea is small" in stage.text())
