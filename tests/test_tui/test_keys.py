"""Every key does what the footer and the lists say: pressed, and the order that reaches the session looked at."""

import pytest
from recorded.staging import Stage, staged
from recorded.tidytable import tell

from sessions.orders import (
    ApproveHandoff,
    EditHandoff,
    Escalate,
    FetchBranch,
    Halt,
    Order,
    RedirectHandoff,
    RejectHandoff,
    Resume,
    Retask,
    SetGate,
)
from tui.commands import COMMANDS
from tui.keymap import Keymap
from tui.screens.choice import ChoiceDialog
from tui.screens.command_list import CommandList
from tui.screens.editor import Editor
from tui.screens.help import HelpScreen
from tui.screens.inspector import Inspector
from tui.screens.line import LineDialog
from tui.screens.palette import CommandPalette


async def given(stage: Stage, count: int = 1) -> list[Order]:
    """Wait for orders to arrive and return them."""
    await stage.until(lambda: len(stage.source.orders) >= count)
    return stage.source.orders


async def test_f8_and_h_halt_the_window_in_focus() -> None:
    async with staged(tell().until("verdict held")) as stage:
        await stage.press("3", "f8")
        assert await given(stage) == [Halt(window="worker")]
        await stage.press("h")
        assert await given(stage, 2) == [Halt(window="worker")] * 2


async def test_f9_and_capital_h_halt_all() -> None:
    async with staged(tell().until("verdict held")) as stage:
        await stage.press("f9", "H")
        assert await given(stage, 2) == [Halt(), Halt()]


async def test_r_resumes_a_halted_window_and_capital_r_all() -> None:
    async with staged(tell().until("halted")) as stage:
        await stage.press("3", "r", "R")
        assert await given(stage, 2) == [Resume(window="worker"), Resume()]


async def test_r_on_a_window_that_is_not_halted_says_so() -> None:
    async with staged(tell().until("verdict held")) as stage:
        await stage.press("1", "r")
        await stage.until(lambda: "not halted" in stage.text())
        assert stage.source.orders == []


async def test_a_opens_a_handoff_that_was_not_on_screen_and_approves_it_there() -> None:
    async with staged(tell().until("verdict held")) as stage:
        await stage.press("a")
        await stage.until(lambda: isinstance(stage.app.screen, Inspector))
        assert stage.source.orders == []
        await stage.press("a")
        [order] = await given(stage)
        assert isinstance(order, ApproveHandoff)


async def test_a_approves_at_once_what_has_been_on_screen() -> None:
    async with staged(tell().until("verdict held")) as stage:
        await stage.press("i")
        await stage.until(lambda: isinstance(stage.app.screen, Inspector))
        await stage.press("escape", "a")
        [order] = await given(stage)
        assert isinstance(order, ApproveHandoff)


async def test_an_approval_carries_the_note() -> None:
    async with staged(tell().until("verdict held")) as stage:
        await stage.press("i")
        await stage.until(lambda: isinstance(stage.app.screen, Inspector))
        await stage.press("tab", *"mind CRLF", "enter", "a")
        [order] = await given(stage)
        assert isinstance(order, ApproveHandoff)
        assert order.note == "mind CRLF"


async def test_e_sends_the_text_changed() -> None:
    async with staged(tell().until("verdict held")) as stage:
        await stage.press("e")
        await stage.until(lambda: isinstance(stage.app.screen, Editor))
        await stage.press("N", "B", ":", "ctrl+s")
        [order] = await given(stage)
        assert isinstance(order, EditHandoff)
        assert order.text.startswith("NB:verdict: partial")


async def test_o_lists_the_receivers_and_redirects() -> None:
    async with staged(tell().until("verdict held")) as stage:
        await stage.press("o")
        await stage.until(lambda: isinstance(stage.app.screen, ChoiceDialog))
        assert "1 Planner: refine the idea into the spec" in stage.text()
        await stage.press("2")
        [order] = await given(stage)
        assert isinstance(order, RedirectHandoff)
        assert order.to == "write_spec"


async def test_x_asks_for_a_reason_and_takes_none_for_an_answer_only_once_it_is_there() -> None:
    async with staged(tell().until("verdict held")) as stage:
        await stage.press("x")
        await stage.until(lambda: isinstance(stage.app.screen, LineDialog))
        await stage.press("enter")
        assert isinstance(stage.app.screen, LineDialog)
        await stage.press(*"look again", "enter")
        [order] = await given(stage)
        assert isinstance(order, RejectHandoff)
        assert order.reason == "look again"


@pytest.mark.parametrize(
    ("key", "typed", "expected"),
    [("t", "", Retask()), ("t", "smaller", Retask(note="smaller")), ("exclamation_mark", "why", Escalate(note="why"))],
)
async def test_t_and_the_exclamation_mark_ask_for_a_note(key: str, typed: str, expected: Order) -> None:
    async with staged(tell().until("verdict held")) as stage:
        await stage.press(key)
        await stage.until(lambda: isinstance(stage.app.screen, LineDialog))
        await stage.press(*typed, "enter")
        assert await given(stage) == [expected]


@pytest.mark.parametrize(("keys", "mode"), [(("m",), "manual"), (("s",), "assisted"), (("u", "y"), "auto")])
async def test_g_chooses_the_gate_and_auto_asks_once_more(keys: tuple[str, ...], mode: str) -> None:
    async with staged(tell().until("verdict held")) as stage:
        await stage.press("g")
        await stage.until(lambda: isinstance(stage.app.screen, ChoiceDialog))
        for key in keys:
            await stage.press(key)
        assert await given(stage) == [SetGate.model_validate({"mode": mode})]


async def test_auto_is_not_set_without_the_second_yes() -> None:
    async with staged(tell().until("verdict held")) as stage:
        await stage.press("g")
        await stage.until(lambda: isinstance(stage.app.screen, ChoiceDialog))
        await stage.press("u", "enter")
        await stage.until(lambda: not isinstance(stage.app.screen, ChoiceDialog))
        assert stage.source.orders == []


async def test_capital_b_brings_the_branch() -> None:
    async with staged(tell().until("verdict held")) as stage:
        await stage.press("B")
        assert await given(stage) == [FetchBranch()]


async def test_help_and_palette_open_filter_and_do() -> None:
    async with staged(tell().until("verdict held")) as stage:
        await stage.press("question_mark")
        await stage.until(lambda: isinstance(stage.app.screen, HelpScreen))
        await stage.press("f1")
        await stage.until(lambda: not isinstance(stage.app.screen, HelpScreen))
        await stage.press("colon")
        await stage.until(lambda: isinstance(stage.app.screen, CommandPalette))
        await stage.press(*"halt all", "enter")
        assert await given(stage) == [Halt()]


async def test_the_command_list_takes_a_key_or_arrows_and_enter() -> None:
    async with staged(tell().until("verdict held")) as stage:
        await stage.press("ctrl+g")
        await stage.until(lambda: isinstance(stage.app.screen, CommandList))
        await stage.press("H")
        assert await given(stage) == [Halt()]
        await stage.press("ctrl+g")
        await stage.until(lambda: isinstance(stage.app.screen, CommandList))
        await stage.press("right", "left", "down", "up", "enter")
        assert await given(stage, 2) == [Halt(), Halt(window=stage.app.loop.desk.focus)]


async def test_a_refused_order_is_shown_in_the_hosts_own_words() -> None:
    async with staged(tell().until("verdict held")) as stage:
        stage.source.reply = stage.source.reply.model_copy(update={"done": False, "text": "nothing runs there"})
        await stage.press("f9")
        await stage.until(lambda: "nothing runs there" in stage.text())


async def test_an_order_to_a_host_that_is_gone_says_what_to_do() -> None:
    async with staged(tell().until("verdict held")) as stage:
        stage.source.gone = True
        await stage.press("f9")
        await stage.until(lambda: "the session's host is gone" in stage.text())


def test_every_command_has_an_id_a_key_a_label_a_group_and_help() -> None:
    assert len({command.id for command in COMMANDS}) == len(COMMANDS)
    for command in COMMANDS:
        assert command.id.split(".")[0] in ("app", "nav", "pane", "handoff", "session")
        assert command.key
        assert command.label
        assert len(command.help) > 15


def test_no_key_means_two_things() -> None:
    keys = [key for command in COMMANDS for key in command.key.split(",")]
    assert len(set(keys)) == len(keys)


def test_a_key_file_can_give_a_command_other_keys() -> None:
    keymap = Keymap(COMMANDS, {"pane.halt": "f6,k", "app.prefix": "ctrl+b"})
    assert keymap.direct["f6"].id == keymap.bare["k"].id == "pane.halt"
    assert "f8" not in keymap.direct
    assert keymap.reserved == {"ctrl+b", "f1", "f6", "f7", "f9"}
