"""The screen at every size, in every palette, with every text: it never crashes, and words say everything."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from recorded.staging import staged
from recorded.story import Story
from recorded.tidytable import tell

from panes.glyphs import WORDS
from sessions.client.updates import Delta
from sessions.contract import SubmitVerdict
from sessions.events import (
    HaltProven,
    HandoffProposed,
    Noticed,
    QuestionAsked,
    StatusSeen,
    ToolUsed,
    VerdictSubmitted,
)
from sessions.handoffs import Payload
from sessions.prompts import PartCount
from themes import names

_ROOT = Path(__file__).resolve().parents[2]
_SIZES = [
    (40, 10),
    (20, 5),
    (59, 15),
    (60, 16),
    (80, 24),
    (99, 30),
    (100, 30),
    (120, 40),
    (140, 34),
    (160, 48),
    (200, 60),
]
_HOSTILE = (
    "\x1b]52;c;aGk=\x07\x1b[2J[@click=app.exit]x[/] [bold {0} %s \u202eRTL עברית \u200b\ud800 日本語\u0301\u0301"
    + "\U0001f469\u200d\U0001f4bb"
)


@pytest.mark.parametrize("size", _SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_every_size_shows_the_focused_window(size: tuple[int, int]) -> None:
    async with staged(tell().until("verdict held"), size=size) as stage:
        rows = stage.text().splitlines()
        assert len(rows) <= size[1]
        if size[0] >= 40:
            assert "Manager" in stage.text()
            assert "REHEARSAL" in stage.text()


async def test_a_screen_that_is_resized_all_the_way_keeps_working() -> None:
    async with staged(tell().until("verdict held")) as stage:
        for size in [*_SIZES, (1, 1), (160, 48)]:
            await stage.pilot.resize_terminal(*size)
            await stage.pilot.pause()
        assert "NEEDS YOU 1" in stage.text()


@pytest.mark.parametrize("size", [(40, 10), (80, 24), (160, 48)], ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("key", ["i", "e", "o", "x", "t", "g", "q", "N", "colon", "question_mark", "ctrl+g"])
async def test_every_dialog_opens_at_every_size(key: str, size: tuple[int, int]) -> None:
    async with staged(tell().until("verdict held"), size=size) as stage:
        await stage.press(key)
        await stage.until(lambda: stage.app.screen is not stage.app.loop)
        await stage.press("escape")
        await stage.until(lambda: stage.app.screen is stage.app.loop)


@pytest.mark.parametrize("palette", names())
async def test_every_palette_shows_the_same_words(palette: str) -> None:
    async with staged(tell().until("verdict held"), palette=palette) as stage:
        text = stage.text()
        for words in (
            "REHEARSAL: scripted, no AI",
            "! 1 YOU F7",
            "gate ASSISTED",
            "~ PARTIAL",
            "HELD FOR YOU",
            "✓ done",
            "◌ idle",
        ):
            assert words in text


async def test_ascii_alone_says_the_same() -> None:
    async with staged(tell().until("verdict held"), palette="monochrome", ascii_only=True) as stage:
        text = stage.text()
        assert text.isascii()
        for words in ("~ PARTIAL", "+ done", ". idle", "HELD FOR YOU", "ctx #"):
            assert words in text


async def test_every_state_has_its_word_on_screen() -> None:
    for activity, word in WORDS.items():
        if activity == "halted":
            continue
        async with staged(tell().until("streaming"), palette="monochrome") as stage:
            stage.source.log(StatusSeen(window="worker", activity=activity, source="hook", detail=""))
            await stage.settle()
            row = next(line for line in stage.text().splitlines() if "3 Worker" in line[:36])
            assert word in row


@pytest.mark.parametrize(("moment", "words"), [("halting", "HALTING"), ("halted", "stopped in 0.2 s")])
async def test_a_halt_is_shown_as_ordered_and_then_as_proven(moment: str, words: str) -> None:
    async with staged(tell().until(moment)) as stage:
        await stage.press("3")
        assert words in stage.text()


async def test_a_halt_that_did_not_work_says_so() -> None:
    async with staged(tell().until("halting")) as stage:
        stage.source.log(
            HaltProven(window="worker", stopped=False, step="SIGKILL", observed="pid 7 is still there", seconds=9)
        )
        await stage.settle()
        await stage.press("3")
        assert "NOT STOPPED" in stage.text()


def hostile_story() -> Story:
    story = tell().until("streaming")
    text = _HOSTILE.encode("utf-8", "replace").decode("utf-8")
    part = PartCount(name=text, title=text, tokens=9)
    story.log(
        StatusSeen(window="planner", activity="tool", source=text[:20], detail=text),
        ToolUsed(turn="turn-1", tool=text, summary=text, ok=False, seconds=1),
        Noticed(level="warning", text=text, window="planner"),
        Noticed(level="error", text=text),
        QuestionAsked(question="q", window="planner", source="decision", text=text, options=(text, text)),
        HandoffProposed(
            handoff="h",
            sender=text,
            receiver="plan",
            redirects=(text,),
            held=text,
            payload=Payload(kind="spec", title=text, text=text * 20, parts=(part,)),
        ),
        VerdictSubmitted(
            task="T-01",
            attempt=1,
            verdict=SubmitVerdict(verdict="fail", diagnosis=text, rec_action="retask", pointer=text),
            notes="n",
            spec_revision=1,
            turn="turn-1",
            conflict=text,
        ),
    )
    for kind in ("text", "reasoning", "tool", "output", "note", "odd"):
        story.updates.append(Delta("planner", "turn-1", kind, _HOSTILE + "\n"))
    story.mark("hostile")
    return story


@pytest.mark.parametrize("key", ["1", "2", "i", "e", "o", "x", "f7", "N"])
async def test_hostile_text_is_only_text(key: str) -> None:
    story = hostile_story()
    async with staged(story) as stage:
        await stage.press(key)
        await stage.settle()
        strips = stage.app.screen._compositor.render_strips()
        shown = "\n".join(segment.text for strip in strips for segment in strip)
        assert "\x1b" not in shown
        assert "\x07" not in shown
        assert "\u202e" not in shown
        assert "\u200b" not in shown
        assert "[@click=app.exit]" in shown.replace("\n", "")
        metas = [segment.style.meta for strip in strips for segment in strip if segment.style is not None]
        assert not any("@click" in meta for meta in metas if meta)
        assert stage.app.return_value is None


async def test_eight_windows_may_speak_at_once() -> None:
    story = tell().until("streaming")
    async with staged(story) as stage:
        for n in range(400):
            for window in ("planner", "manager", "auditor", "exit"):
                stage.source.send(Delta(window, f"t-{window}", "text", f"piece {n} of many words\n"))
        await stage.settle()
        assert "piece 399 of many words" in stage.text()


def test_the_app_is_loaded_without_what_only_some_sessions_need() -> None:
    code = "import sys, tui.app; print(sorted(name for name in sys.modules if '.' not in name))"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=_ROOT, check=True)
    loaded = set(eval(ended.stdout))  # a list of names, printed by ourselves
    assert "textual" in loaded
    assert not loaded & {"pyghostty", "cffi", "websockets", "litellm", "mcp", "pexpect", "aiosqlite", "psutil", "yaml"}


async def test_a_crash_report_tells_no_values() -> None:
    secret = "sk-very-secret"

    async with staged(tell().until("streaming")) as stage:
        app = stage.app
        try:
            raise RuntimeError("broken on purpose")
        except RuntimeError:
            app._fatal_error()
        report = "".join(segment.text for renderable in app._exit_renderables for segment in renderable.segments)  # type: ignore[union-attr]
        app._exit_renderables.clear()
    assert "broken on purpose" in report
    assert f"{secret!r}" not in report
    assert "locals" not in report


async def test_frames_stay_apart_under_a_flood() -> None:
    """However much comes, the screen is drawn a few times, not once a piece."""
    async with staged(tell().until("streaming")) as stage:
        shown = 0
        original = stage.app.loop.show

        def counting(batch: object) -> None:
            nonlocal shown
            shown += 1
            original(batch)  # type: ignore[arg-type]

        stage.app.loop.show = counting  # type: ignore[method-assign]
        for n in range(3000):
            stage.source.send(Delta("planner", "turn-1", "text", f"{n} "))
            if n % 500 == 0:
                await asyncio.sleep(0)
        await stage.settle()
        assert 0 < shown < 60
