"""Windows that are terminals: every key but the reserved ones goes to the program, once the person turned to it."""

from recorded.staging import staged
from recorded.tidytable import tell

from sessions.client.updates import PaneOutput, PaneSnapshot, Typist
from sessions.events import ProcessEnded
from sessions.orders import Halt
from tui.screens.command_list import CommandList
from tui.screens.help import HelpScreen


async def test_bytes_are_drawn_and_the_program_is_told_its_size() -> None:
    async with staged(tell(cli=True).until("tool running")) as stage:
        await stage.press("3")
        assert stage.app.loop.mode == "PASS"
        stage.source.send(PaneOutput("worker", b"\x1b[2J\x1b[Hhello from a program"))
        await stage.until(lambda: "hello from a program" in stage.text())
        window, columns, rows = stage.source.sizes[-1]
        assert window == "worker"
        assert (columns, rows) == tuple(stage.app.loop.frames["worker"].body.size)


async def test_no_key_reaches_a_program_before_the_person_turned_to_it() -> None:
    async with staged(tell(cli=True).until("tool running")) as stage:
        assert stage.app.loop.desk.focus == "worker"
        assert stage.app.loop.mode == "NAV"
        assert "Enter type into it" in stage.text()
        await stage.press("z", "enter")
        assert stage.app.loop.mode == "PASS"
        await stage.press("x")
        await stage.until(lambda: stage.source.typed == [("worker", b"x")])


async def test_a_click_turns_to_a_program_too() -> None:
    async with staged(tell(cli=True).until("tool running")) as stage:
        await stage.pilot.click("#terminal-worker", offset=(5, 5))
        await stage.until(lambda: stage.app.loop.mode == "PASS")


async def test_keys_go_to_the_program_and_none_of_them_orders_anything() -> None:
    async with staged(tell(cli=True).until("tool running")) as stage:
        await stage.press("3", *"aqH", "ctrl+c", "escape", "tab", "enter")
        await stage.until(lambda: b"".join(data for _, data in stage.source.typed).endswith(b"\r"))
        assert b"".join(data for _, data in stage.source.typed) == b"aqH\x03\x1b\t\r"
        assert {window for window, _ in stage.source.typed} == {"worker"}
        assert stage.source.orders == []
        assert stage.app.return_value is None


async def test_the_reserved_keys_work_there_too_and_reach_no_program() -> None:
    async with staged(tell(cli=True).until("tool running")) as stage:
        await stage.press("3", "f8", "f9")
        await stage.until(lambda: len(stage.source.orders) == 2)
        assert stage.source.orders == [Halt(window="worker"), Halt()]
        await stage.press("f1")
        await stage.until(lambda: isinstance(stage.app.screen, HelpScreen))
        await stage.press("escape", "f7")
        await stage.until(lambda: "nothing needs you" in stage.text())
        assert stage.source.typed == []


async def test_the_prefix_gives_one_command_and_twice_is_sent() -> None:
    async with staged(tell(cli=True).until("tool running")) as stage:
        await stage.press("3", "ctrl+g")
        await stage.until(lambda: isinstance(stage.app.screen, CommandList))
        await stage.press("1")
        await stage.until(lambda: stage.app.loop.desk.focus == "planner")
        await stage.press("3", "ctrl+g")
        await stage.until(lambda: isinstance(stage.app.screen, CommandList))
        await stage.press("ctrl+g")
        await stage.until(lambda: stage.source.typed == [("worker", b"\x07")])
        assert stage.app.screen is stage.app.loop


async def test_a_program_that_ends_leaves_its_last_screen_and_the_keys_where_they_are() -> None:
    async with staged(tell(cli=True).until("tool running")) as stage:
        await stage.press("3")
        stage.source.send(PaneOutput("worker", b"\x1b[2J\x1b[Hthe last words"))
        stage.source.log(ProcessEnded(process="p-1", exit_code=3, how="seen"))
        await stage.settle()
        await stage.until(lambda: "the last words" in stage.text())
        assert "exit 3" in stage.text()
        assert stage.app.loop.mode == "PASS"
        await stage.press("q")
        assert stage.app.screen is stage.app.loop
        await stage.press("ctrl+g")
        await stage.until(lambda: isinstance(stage.app.screen, CommandList))
        await stage.press("1")
        await stage.until(lambda: stage.app.loop.mode == "NAV")
        await stage.press("3")
        assert stage.app.loop.mode == "NAV"


async def test_another_screen_that_types_is_named_in_the_frame() -> None:
    async with staged(tell(cli=True).until("tool running")) as stage:
        await stage.press("3")
        stage.source.send(Typist(you=False))
        await stage.settle()
        stage.app.loop.refresh_words()
        await stage.until(lambda: "another screen types" in stage.text())


async def test_a_damaged_snapshot_costs_the_pane_nothing() -> None:
    async with staged(tell(cli=True).until("tool running")) as stage:
        await stage.press("3")
        stage.source.send(PaneSnapshot("worker", 80, 24, b"\x00\xff not a snapshot of ours"))
        stage.source.send(PaneOutput("worker", b"\r\nstill here"))
        await stage.until(lambda: "still here" in stage.text())


async def test_bytes_for_a_window_that_is_no_terminal_are_nobodys() -> None:
    async with staged(tell().until("tool running")) as stage:
        stage.source.send(PaneOutput("worker", b"\x1b[2Jnoise"), PaneOutput("nobody", b"noise"))
        await stage.settle()
        assert "noise" not in stage.text()
