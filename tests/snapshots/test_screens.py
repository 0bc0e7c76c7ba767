"""Pictures of every screen from one recorded session. Each test says what must be visible; look at every change."""

from collections.abc import Awaitable, Callable
from datetime import UTC
from typing import Any

import pytest
from recorded.tidytable import tell
from textual.app import App
from textual.pilot import Pilot

from sessions.client.updates import HostLost
from themes import load
from tui.app import QuarterdeckApp
from tui.replay_source import ReplaySource
from tui.screens.opening import IdeaScreen, OpeningApp

Compare = Callable[..., bool]

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


def pressing(*keys: str) -> Callable[[Pilot[Any]], Awaitable[None]]:
    """Return what waits for the app to have shown everything, then presses keys."""

    async def run(pilot: Pilot[Any]) -> None:
        app = pilot.app
        assert isinstance(app, QuarterdeckApp)
        while not (app.bridge.settled and app.loop.frames):
            await pilot.pause(0.02)
        for key in keys:
            await pilot.press(key)
            await pilot.pause(0.05)
        await pilot.pause(0.2)

    return run


class TestLoopScreen:
    """The windows, what needs the person, the plan, what crosses."""

    @both_sizes
    def test_streaming(self, snap_compare: Compare, size: tuple[int, int]) -> None:
        """The Planner thinks: reasoning dim, text plain; nothing needs the person; no plan yet."""
        assert snap_compare(photographed("streaming"), terminal_size=size, run_before=pressing())

    @both_sizes
    def test_held_spec(self, snap_compare: Compare, size: tuple[int, int]) -> None:
        """A handoff card HELD FOR YOU in the Planner's window; the count in the top bar."""
        assert snap_compare(photographed("spec held"), terminal_size=size, run_before=pressing("1"))

    @both_sizes
    def test_verdict_card(self, snap_compare: Compare, size: tuple[int, int]) -> None:
        """PARTIAL, recommends RETASK, in the window of the Manager, who has not seen it; kept-out tokens in the top bar."""
        assert snap_compare(photographed("verdict held"), terminal_size=size, run_before=pressing())

    @both_sizes
    def test_question(self, snap_compare: Compare, size: tuple[int, int]) -> None:
        """The Manager says YOU; the question stands first in the queue."""
        assert snap_compare(photographed("question"), terminal_size=size, run_before=pressing())

    @both_sizes
    def test_halted(self, snap_compare: Compare, size: tuple[int, int]) -> None:
        """The Worker says HALT, what was observed and how long it took."""
        assert snap_compare(photographed("halted"), terminal_size=size, run_before=pressing("3"))

    @both_sizes
    def test_ended(self, snap_compare: Compare, size: tuple[int, int]) -> None:
        """The report over the loop: outcome, figures, how to run it, how to take it over."""
        assert snap_compare(photographed("ended"), terminal_size=size, run_before=pressing())

    @both_sizes
    def test_terminal(self, snap_compare: Compare, size: tuple[int, int]) -> None:
        """The Worker is a program in a terminal: PASS in the footer, and only keys that work there."""
        assert snap_compare(photographed("terminal"), terminal_size=size, run_before=pressing("3"))

    def test_zoomed(self, snap_compare: Compare) -> None:
        """One window alone, ZOOM in its frame."""
        assert snap_compare(photographed("evidence"), terminal_size=WIDE, run_before=pressing("3", "z"))

    @pytest.mark.parametrize(
        "size", [(40, 10), (60, 16), (100, 30), (200, 60)], ids=lambda size: f"{size[0]}x{size[1]}"
    )
    def test_other_sizes(self, snap_compare: Compare, size: tuple[int, int]) -> None:
        """Never a wall: one pane and a status line at the least, the rehearsal named everywhere."""
        assert snap_compare(photographed("verdict held"), terminal_size=size, run_before=pressing())

    @pytest.mark.parametrize("palette", ["quarterdeck-light", "high-contrast", "monochrome", "ansi"])
    def test_palettes(self, snap_compare: Compare, palette: str) -> None:
        """The same words in every palette."""
        assert snap_compare(photographed("verdict held", palette=palette), terminal_size=WIDE, run_before=pressing())

    def test_ascii(self, snap_compare: Compare) -> None:
        """No character beyond ASCII is drawn by us."""
        app = photographed("verdict held", palette="monochrome", ascii_only=True)
        assert snap_compare(app, terminal_size=WIDE, run_before=pressing())


class TestDialogs:
    """What opens over the loop screen."""

    @both_sizes
    @pytest.mark.parametrize(
        ("name", "keys"),
        [
            ("inspector", ("i",)),
            ("editor", ("e",)),
            ("redirect", ("o",)),
            ("reject", ("x",)),
            ("retask", ("t",)),
            ("gate", ("g",)),
            ("quit", ("q",)),
            ("help", ("f1",)),
            ("palette", ("colon", "h", "a", "l", "t")),
            ("command-list", ("ctrl+g",)),
            ("needs", ("N",)),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    def test_dialog(self, snap_compare: Compare, size: tuple[int, int], name: str, keys: tuple[str, ...]) -> None:
        """A title, what it is about, and a line of keys; nothing cut off at 80x24."""
        assert snap_compare(photographed("verdict held"), terminal_size=size, run_before=pressing(*keys))

    @both_sizes
    def test_question(self, snap_compare: Compare, size: tuple[int, int]) -> None:
        """The question whole, three options by number, a field for other words."""
        assert snap_compare(photographed("question"), terminal_size=size, run_before=pressing("f7"))

    @both_sizes
    def test_host_gone(self, snap_compare: Compare, size: tuple[int, int]) -> None:
        """Why, that nothing logged is lost, and the two ways on."""
        assert snap_compare(photographed("verdict held", lost=True), terminal_size=size, run_before=pressing())


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
