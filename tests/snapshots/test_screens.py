"""Pictures of every screen from one recorded session. Each test says what must be visible; look at every change."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC
from typing import Any

import pytest
from recorded.staging import LIMIT, shown
from recorded.tidytable import tell
from textual.app import App
from textual.pilot import Pilot

from sessions.client.updates import HostLost
from themes import load
from tui.app import QuarterdeckApp
from tui.replay_source import ReplaySource
from tui.screens.opening import IdeaScreen, OpeningApp

Compare = Callable[..., bool]

_DIALOGS = [
    "inspector",
    "editor",
    "redirect",
    "reject",
    "retask",
    "gate",
    "quit",
    "help",
    "palette",
    "command-list",
    "needs",
]
WIDE, NARROW = (160, 48), (80, 24)
both_sizes = pytest.mark.parametrize("size", [WIDE, NARROW], ids=["160x48", "80x24"])


def photographed(
    moment: str, *, palette: str = "quarterdeck-dark", ascii_only: bool = False, lost: bool = False
) -> QuarterdeckApp:
    """Return the app on the session as it stood at a moment, all clocks standing."""
    story = tell(cli=moment == "terminal").until("tool running" if moment == "terminal" else moment)
    updates = [*story.updates, HostLost("The host was killed by signal 9.", ended=False)] if lost else story.updates
    return QuarterdeckApp(
        ReplaySource(updates, story.artefacts),
        palette=load(palette),
        now=lambda: story.now,
        ticks=lambda: 0.0,
        zone=UTC,
        ascii_only=ascii_only,
    )


async def stand_still(pilot: Pilot[Any], seen: str) -> None:
    """Wait until `seen` is on screen and nothing moves any more."""
    assert isinstance(pilot.app, QuarterdeckApp)
    still, before = 0, ""
    while still < 4 or seen not in before:
        await pilot.pause(0.02)
        now = shown(pilot.app)
        still = still + 1 if now == before else 0
        before = now


def pressing(*keys: str, seen: str) -> Callable[[Pilot[Any]], Awaitable[None]]:
    """Return what presses keys and then waits until `seen` is on screen and nothing moves any more."""

    async def run(pilot: Pilot[Any]) -> None:
        app = pilot.app
        assert isinstance(app, QuarterdeckApp)
        async with asyncio.timeout(LIMIT):
            while not (app.bridge.settled and app.loop.frames):
                await pilot.pause(0.02)
            await stand_still(pilot, "")
            for key in keys:
                await pilot.press(key)
                await pilot.pause()
            await stand_still(pilot, seen)

    return run


class TestLoopScreen:
    """The windows, what needs the person, the plan, what crosses."""

    @both_sizes
    def test_streaming(self, snap_compare: Compare, size: tuple[int, int]) -> None:
        """The Planner thinks: reasoning dim, text plain; nothing needs the person; no plan yet."""
        assert snap_compare(photographed("streaming"), terminal_size=size, run_before=pressing(seen="What stays open"))

    @both_sizes
    def test_held_spec(self, snap_compare: Compare, size: tuple[int, int]) -> None:
        """A handoff card HELD FOR YOU in the Planner's window; the count in the top bar."""
        assert snap_compare(
            photographed("spec held"), terminal_size=size, run_before=pressing("1", seen="! HELD FOR YOU")
        )

    @both_sizes
    def test_verdict_card(self, snap_compare: Compare, size: tuple[int, int]) -> None:
        """PARTIAL, recommends RETASK, in the window of the Manager, who has not seen it yet; what was kept out."""
        assert snap_compare(photographed("verdict held"), terminal_size=size, run_before=pressing(seen="PARTIAL"))

    @both_sizes
    def test_question(self, snap_compare: Compare, size: tuple[int, int]) -> None:
        """The Manager says YOU; the question stands first in the queue."""
        assert snap_compare(photographed("question"), terminal_size=size, run_before=pressing(seen="! YOU"))

    @both_sizes
    def test_halted(self, snap_compare: Compare, size: tuple[int, int]) -> None:
        """The Worker says HALT, what was observed and how long it took."""
        assert snap_compare(
            photographed("halted"), terminal_size=size, run_before=pressing("3", seen="stopped in 0.2 s")
        )

    @both_sizes
    def test_ended(self, snap_compare: Compare, size: tuple[int, int]) -> None:
        """The report over the loop: outcome, figures, how to run it, how to take it over."""
        assert snap_compare(photographed("ended"), terminal_size=size, run_before=pressing(seen="Built:"))

    @both_sizes
    def test_terminal(self, snap_compare: Compare, size: tuple[int, int]) -> None:
        """The Worker is a program in a terminal: PASS in the footer, and only keys that work there."""
        assert snap_compare(photographed("terminal"), terminal_size=size, run_before=pressing("3", seen="PASS"))

    def test_zoomed(self, snap_compare: Compare) -> None:
        """One window alone, ZOOM in its frame."""
        assert snap_compare(photographed("evidence"), terminal_size=WIDE, run_before=pressing("3", "z", seen="ZOOM"))

    @pytest.mark.parametrize(
        "size", [(40, 10), (60, 16), (100, 30), (200, 60)], ids=lambda size: f"{size[0]}x{size[1]}"
    )
    def test_other_sizes(self, snap_compare: Compare, size: tuple[int, int]) -> None:
        """Never a wall: one pane and a status line at the least, the rehearsal named everywhere."""
        assert snap_compare(photographed("verdict held"), terminal_size=size, run_before=pressing(seen="2 Manager"))

    @pytest.mark.parametrize("palette", ["quarterdeck-light", "high-contrast", "monochrome", "ansi"])
    def test_palettes(self, snap_compare: Compare, palette: str) -> None:
        """The same words in every palette."""
        assert snap_compare(
            photographed("verdict held", palette=palette), terminal_size=WIDE, run_before=pressing(seen="PARTIAL")
        )

    def test_ascii(self, snap_compare: Compare) -> None:
        """No character beyond ASCII is drawn by us."""
        app = photographed("verdict held", palette="monochrome", ascii_only=True)
        assert snap_compare(app, terminal_size=WIDE, run_before=pressing(seen="PARTIAL"))


class TestDialogs:
    """What opens over the loop screen."""

    @both_sizes
    @pytest.mark.parametrize(
        ("name", "keys", "seen"),
        [
            ("inspector", ("i",), "WHAT GOES ACROSS"),
            ("editor", ("e",), "EDIT HANDOFF"),
            ("redirect", ("o",), "REDIRECT"),
            ("reject", ("x",), "REJECT"),
            ("retask", ("t",), "RETASK  "),
            ("gate", ("g",), "every handoff waits for you"),
            ("quit", ("q",), "leave it running"),
            ("help", ("f1",), "type to filter"),
            ("palette", ("colon", "h", "a", "l", "t"), "halt this"),
            ("list", ("ctrl+g",), "^G COMMANDS"),
            ("needs", ("N",), "Enter goes there"),
        ],
        ids=lambda value: value if value in _DIALOGS else "",
    )
    def test_dialog(
        self, snap_compare: Compare, size: tuple[int, int], name: str, keys: tuple[str, ...], seen: str
    ) -> None:
        """A title, what it is about, and a line of keys; nothing cut off at 80x24."""
        assert snap_compare(photographed("verdict held"), terminal_size=size, run_before=pressing(*keys, seen=seen))

    @both_sizes
    def test_question(self, snap_compare: Compare, size: tuple[int, int]) -> None:
        """The question whole, three options by number, a field for other words."""
        assert snap_compare(photographed("question"), terminal_size=size, run_before=pressing("f7", seen="own words"))

    @both_sizes
    def test_host_gone(self, snap_compare: Compare, size: tuple[int, int]) -> None:
        """Why, that nothing logged is lost, and the two ways on."""
        assert snap_compare(
            photographed("verdict held", lost=True), terminal_size=size, run_before=pressing(seen="signal 9")
        )


class TestOpening:
    """Before there is a session."""

    @both_sizes
    def test_idea(self, snap_compare: Compare, size: tuple[int, int]) -> None:
        """An editor, the fleet, the gate, what is odd about the repository."""
        notices = ("the working tree has changes that are not committed; the session starts from the last commit",)
        app: App[str] = OpeningApp(
            IdeaScreen("acme-csv", fleet="", gate="manual", notices=notices), load("quarterdeck-dark")
        )
        assert snap_compare(app, terminal_size=size, press=[*"a csv tool"])
