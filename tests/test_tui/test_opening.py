"""Before a session: what to build, or which session to go on with."""

from dataclasses import dataclass

from textual.widgets import TextArea

from themes import load
from tui.screens.opening import IdeaScreen, OpeningApp, SessionPicker


@dataclass(frozen=True)
class Place:
    id: str


@dataclass(frozen=True)
class Found:
    folder: Place
    state: str
    project: str
    idea: str
    tasks: str


_FOUND = (
    Found(Place("20260101-1200-abcd"), "running", "acme", "a csv tool\x1b[2J [bold]", "2/4"),
    Found(Place("20260101-1300-efgh"), "open", "acme", "another", "0/3"),
)


def idea_app(fleet: str = "", notices: tuple[str, ...] = ()) -> OpeningApp:
    return OpeningApp(IdeaScreen("acme", fleet=fleet, gate="manual", notices=notices), load("quarterdeck-dark"))


def text_of(app: OpeningApp) -> str:
    return "\n".join(strip.text for strip in app.screen._compositor.render_strips())


async def test_an_idea_is_written_in_an_editor_and_given_as_it_is() -> None:
    app = idea_app()
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.press(*"a tool", "enter", *"with two lines", "ctrl+s")
        await pilot.pause()
    assert app.return_value == "a tool\nwith two lines"


async def test_it_says_that_it_is_a_rehearsal_and_which_gate_it_will_be() -> None:
    app = idea_app(notices=("the working tree has changes that are not committed",))
    async with app.run_test(size=(120, 30)):
        text = text_of(app)
        for words in ("REHEARSAL: scripted, no AI", "its own sample", "MANUAL", "not committed", "acme"):
            assert words in text


async def test_with_a_fleet_it_names_the_file() -> None:
    app = idea_app(fleet="fleet.toml")
    async with app.run_test(size=(100, 30)):
        assert "fleet.toml" in text_of(app)
        assert "REHEARSAL" not in text_of(app)


async def test_nothing_written_is_not_an_idea() -> None:
    app = idea_app()
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.press("space", "ctrl+s")
        await pilot.pause()
        assert "write one sentence first" in text_of(app)
        assert app.screen.query_one(TextArea).has_focus


async def test_an_idea_can_be_left() -> None:
    app = idea_app()
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.press("x", "escape")
        await pilot.pause()
    assert app.return_value is None


async def test_a_session_is_chosen_from_the_list() -> None:
    app = OpeningApp(SessionPicker(_FOUND), load("quarterdeck-dark"))
    async with app.run_test(size=(100, 30)) as pilot:
        assert "\x1b" not in text_of(app)
        assert "[bold]" in text_of(app)
        await pilot.press("down", "enter")
        await pilot.pause()
    assert app.return_value == "20260101-1300-efgh"


async def test_n_begins_a_new_one_and_q_leaves() -> None:
    for key, expected in (("n", ""), ("q", None)):
        app = OpeningApp(SessionPicker(_FOUND), load("quarterdeck-dark"))
        async with app.run_test(size=(60, 16)) as pilot:
            await pilot.press(key)
            await pilot.pause()
        assert app.return_value == expected
