"""How the app ends, and what it tells its caller."""

from recorded.staging import staged
from recorded.tidytable import tell

from sessions.client.updates import HostLost
from sessions.orders import StopHost
from tui.exit_state import ExitState
from tui.screens.leaving import HostGone, QuitDialog
from tui.screens.report import ReportScreen


async def test_capital_d_detaches() -> None:
    async with staged(tell().until("verdict held")) as stage:
        await stage.press("D")
        await stage.until(lambda: stage.app.return_value is not None)
        assert stage.app.return_value == ExitState("detached")
    assert stage.source.closed
    assert stage.source.orders == []


async def test_quit_asks_and_leaving_it_running_is_what_enter_takes() -> None:
    async with staged(tell().until("verdict held")) as stage:
        await stage.press("q")
        await stage.until(lambda: isinstance(stage.app.screen, QuitDialog))
        await stage.press("enter")
        await stage.until(lambda: stage.app.return_value is not None)
        assert stage.app.return_value == ExitState("detached")


async def test_quit_can_be_taken_back() -> None:
    async with staged(tell().until("verdict held")) as stage:
        await stage.press("q")
        await stage.until(lambda: isinstance(stage.app.screen, QuitDialog))
        await stage.press("c")
        await stage.until(lambda: stage.app.screen is stage.app.loop)
        assert stage.app.return_value is None


async def test_quit_can_stop_the_host_and_names_what_is_lost() -> None:
    async with staged(tell().until("tool running")) as stage:
        await stage.press("q")
        await stage.until(lambda: isinstance(stage.app.screen, QuitDialog))
        assert "1 agent at work will be stopped" in stage.text()
        await stage.press("s")
        await stage.until(lambda: stage.app.return_value is not None)
        assert [type(order) for order in stage.source.orders] == [StopHost]
        assert stage.app.return_value == ExitState("stopped")


async def test_a_host_that_is_gone_is_said_and_can_be_started_again() -> None:
    async with staged(tell().until("verdict held")) as stage:
        stage.source.send(HostLost("the host was killed by signal 9", ended=False))
        await stage.until(lambda: isinstance(stage.app.screen, HostGone))
        await stage.until(lambda: "killed by signal 9" in stage.text())
        await stage.press("escape", "f7")
        await stage.until(lambda: isinstance(stage.app.screen, HostGone))
        await stage.press("enter")
        await stage.until(lambda: stage.app.return_value is not None)
        assert stage.app.return_value == ExitState("restart")


async def test_a_host_that_is_gone_can_be_left() -> None:
    async with staged(tell().until("verdict held")) as stage:
        stage.source.send(HostLost("the host was killed", ended=False))
        await stage.until(lambda: isinstance(stage.app.screen, HostGone))
        await stage.press("q")
        await stage.until(lambda: stage.app.return_value is not None)
        assert stage.app.return_value == ExitState("host_lost", "the host was killed")


async def test_the_end_of_a_session_shows_its_report_once_and_stays_until_q() -> None:
    async with staged(tell().until("ended")) as stage:
        await stage.until(lambda: isinstance(stage.app.screen, ReportScreen))
        await stage.until(lambda: "Built: a command" in stage.text())
        text = stage.text()
        for words in (
            "SESSION PASSED",
            "tidytable sample.csv",
            "4 of 4 done, 1 retask",
            "kept out of the Manager",
            "git merge",
        ):
            assert words in text
        stage.source.send(HostLost("the session has ended", ended=True))
        await stage.settle()
        await stage.press("escape")
        await stage.until(lambda: stage.app.screen is stage.app.loop)
        assert "ended PASSED" in stage.text()
        await stage.press("q")
        await stage.until(lambda: stage.app.return_value is not None)
        assert stage.app.return_value == ExitState("finished")


async def test_the_report_can_be_left_at_once() -> None:
    async with staged(tell().until("ended")) as stage:
        await stage.until(lambda: isinstance(stage.app.screen, ReportScreen))
        await stage.press("q")
        await stage.until(lambda: stage.app.return_value is not None)
        assert stage.app.return_value == ExitState("finished")


async def test_the_librarys_own_quit_key_does_nothing() -> None:
    async with staged(tell().until("verdict held")) as stage:
        await stage.press("ctrl+q", "ctrl+c", "ctrl+p")
        assert stage.app.return_value is None
        assert stage.app.screen is stage.app.loop
