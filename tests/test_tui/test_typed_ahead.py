"""A quick hand: keys that come before what they are meant for has opened still reach it, and nothing else."""

from recorded.staging import Stage, staged
from recorded.tidytable import tell
from textual.events import Key

from sessions.orders import Halt, Resume, Retask, SetGate
from tui.screens.gate import GateChooser
from tui.screens.line import LineDialog


def type_at_once(stage: Stage, *keys: str) -> None:
    """Put keys into the app's queue without letting it do anything between them."""
    for key in keys:
        stage.app.post_message(Key(key, key if len(key) == 1 else None))


async def test_the_key_after_the_prefix_is_the_command_however_soon_it_comes() -> None:
    async with staged(tell().until("halted")) as stage:
        await stage.press("3")
        type_at_once(stage, "ctrl+g", "r")
        await stage.until(lambda: len(stage.source.orders) == 1)
        assert stage.source.orders == [Resume(window="worker")]
        assert stage.source.typed == []


async def test_what_is_typed_into_a_dialog_that_still_opens_is_text_and_no_command() -> None:
    async with staged(tell().until("verdict held")) as stage:
        await stage.press("1")
        type_at_once(stage, "t", "a", "x", "h")
        await stage.until(lambda: isinstance(stage.app.screen, LineDialog))
        await stage.press("enter")
        await stage.until(lambda: len(stage.source.orders) == 1)
        assert stage.source.orders == [Retask(note="axh")]


async def test_a_key_that_repeats_decides_once_and_closes_nothing_else() -> None:
    async with staged(tell().until("verdict held")) as stage:
        await stage.press("g")
        await stage.until(lambda: isinstance(stage.app.screen, GateChooser))
        type_at_once(stage, "m", "m", "m", "m")
        await stage.until(lambda: len(stage.source.orders) == 1)
        assert stage.source.orders == [SetGate(mode="manual")]
        assert stage.app.screen is stage.app.loop


async def test_halt_does_not_wait_for_anything() -> None:
    async with staged(tell().until("verdict held")) as stage:
        await stage.press("3")
        type_at_once(stage, "ctrl+g", "f8")
        await stage.until(lambda: len(stage.source.orders) == 1)
        assert stage.source.orders == [Halt(window="worker")]
