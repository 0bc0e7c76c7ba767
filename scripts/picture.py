"""Takes the README's picture of the app from the real demo: `python scripts/picture.py docs/images/loop.svg`.

Runs the demo with its host, agents and tests, at 160x48, until the Worker mends the task that failed its tests.
"""

import asyncio
import re
import sys
import tempfile
from pathlib import Path

from sessions.host.starting import SessionOrder, create_session, start_host
from sessions.orders import ApproveHandoff, StopHost
from sessions.state import SessionState
from tui.app import QuarterdeckApp
from tui.demo_project import make_demo_project
from tui.open_session import DEMO_IDEA
from tui.starting_source import StartingSession

LIMIT = 180.0


def is_the_moment(state: SessionState) -> bool:
    """Say whether the Worker is at its second try of the second task and has something to show."""
    task, worker = state.tasks.get("T-02"), state.window_of_role("worker")
    return task is not None and task.attempt == 2 and worker is not None and worker.activity in ("thinking", "tool")


async def take() -> str:
    """Run the demo and return its picture."""
    with tempfile.TemporaryDirectory() as name:
        project = await asyncio.to_thread(make_demo_project, Path(name) / "sample")
        order = SessionOrder(repository=project, idea=DEMO_IDEA, gate="auto", pace=0.6)
        folder = create_session(order)
        source = StartingSession(folder, start_host(folder))
        app = QuarterdeckApp(source)
        async with app.run_test(size=(160, 48)) as pilot:
            clock = asyncio.get_running_loop().time
            deadline = clock() + LIMIT
            answered = False
            while not is_the_moment(app.state) and clock() < deadline:
                for handoff in app.state.held():
                    await source.order(ApproveHandoff(handoff=handoff.proposed.handoff))
                worker = app.state.window_of_role("worker")
                if worker is not None and worker.activity == "waiting" and not answered:
                    source.type_into("worker", b"2")
                    answered = True
                await pilot.pause(0.1)
            await pilot.press("2", "3")
            await pilot.pause(2.6)
            svg = app.export_screenshot(title="quarterdeck demo")
            await source.order(StopHost(reason="the picture is taken"))
    # The picture must not fetch a font from anywhere.
    return re.sub(r"@font-face \{.*?\}", "", svg, flags=re.S).replace("Fira Code", "DejaVu Sans Mono, Menlo")


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(asyncio.run(take()), "utf-8")
