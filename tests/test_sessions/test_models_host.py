"""The life of a model host: started, lost, hung, orphaned, closed. A stand-in for litellm makes each start cheap."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any

import psutil
import pytest
from process_trees import until

from sessions.errors import FleetError
from sessions.models.fleet import Fleet
from sessions.models.host_client import LitellmModels
from sessions.models.host_lines import StreamLimits
from sessions.models.protocol import Failed, Finished, Message, ModelEvent, ModelRequest, TextDelta

_STAND_IN = '''
"""Does what the last message says, in the way litellm would show it."""
import asyncio, os, sys, time
from types import SimpleNamespace as Bag

def cost_per_token(**_):
    return 0.0, 0.0

class Stream:
    received_finish_reason = None
    chunks = ()

    def __init__(self, order):
        self.order = order

    async def __aiter__(self):
        yield chunk("So far")
        if self.order == "die":
            os._exit(3)
        if self.order == "hang":
            time.sleep(1000)
        if self.order == "wait":
            try:
                await asyncio.Event().wait()
            finally:
                os.write(2, b"the stream was closed\\n")
        if self.order == "print":
            print("this must not enter the lines")
            os.write(1, b"nor this\\n")
        self.received_finish_reason = "stop"

    async def aclose(self):
        pass

def chunk(text):
    delta = Bag(content=text, reasoning_content=None, tool_calls=None, thinking_blocks=None)
    return Bag(choices=[Bag(delta=delta, finish_reason=None)], usage=None)

async def acompletion(messages, **_):
    return Stream(messages[-1]["content"])
'''

_MISSING = """
raise ModuleNotFoundError("No module named 'litellm'", name="litellm")
"""

_BROKEN = """
import a_module_nobody_has
"""

_FLEET = Fleet.parse('[models.m]\nmodel = "openai/m"\napi_base = "http://127.0.0.1:9/v1"\n', "fleet.toml")

Make = Callable[..., LitellmModels]


@pytest.fixture
async def make(tmp_path: Path) -> AsyncIterator[Make]:
    """Give a way to make models whose litellm is the given source; they are closed at the end."""
    made: list[LitellmModels] = []

    def make(source: str = _STAND_IN, **options: Any) -> LitellmModels:
        (tmp_path / "litellm.py").write_text(source)
        environment = {"PYTHONPATH": str(tmp_path), "HOME": str(tmp_path)}
        models = LitellmModels(_FLEET, environment=environment, log=tmp_path / "models.log", **options)
        made.append(models)
        return models

    yield make
    for models in made:
        await models.close()


async def _ask(models: LitellmModels, said: str) -> list[ModelEvent]:
    async with aclosing(models.stream(ModelRequest("r1", "m", (Message("user", said),)))) as events:
        return [event async for event in events]


def _runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _running(models: LitellmModels) -> int:
    assert models.pid is not None
    return models.pid


async def test_the_first_request_starts_the_host(make: Make) -> None:
    models = make()
    assert models.pid is None

    events = await _ask(models, "hello")

    assert events[0] == TextDelta("So far")
    assert isinstance(events[-1], Finished)
    assert _runs(_running(models))


async def test_starting_twice_starts_one(make: Make) -> None:
    models = make()

    await asyncio.gather(models.start(), models.start())
    pid = models.pid
    await models.ready()

    assert models.pid == pid


async def test_closing_leaves_no_process_and_may_be_repeated(make: Make) -> None:
    models = make()
    await models.ready()
    pid = _running(models)

    await models.close()
    await models.close()

    assert not psutil.pid_exists(pid)
    assert models.pid is None
    (failure,) = await _ask(models, "hello")
    assert isinstance(failure, Failed)
    assert failure.kind == "host_lost"


async def test_closing_ends_the_requests_that_are_open(make: Make) -> None:
    models = make()
    stream = models.stream(ModelRequest("r1", "m", (Message("user", "wait"),)))
    assert await anext(stream) == TextDelta("So far")

    await models.close()

    (failure,) = [event async for event in stream]
    assert isinstance(failure, Failed)
    assert (failure.kind, failure.partial) == ("host_lost", "So far")


async def test_closing_while_it_starts_leaves_no_process(make: Make) -> None:
    models = make()
    await models.start()
    starting = asyncio.create_task(models.ready())
    await asyncio.sleep(0)
    pid = _running(models)

    await models.close()

    with pytest.raises(FleetError, match="ended before it was ready"):
        await starting
    assert not psutil.pid_exists(pid)


async def test_without_litellm_the_person_learns_how_to_get_it(make: Make) -> None:
    models = make(_MISSING)

    with pytest.raises(FleetError) as caught:
        await models.ready()
    assert caught.value.next == "Install it with: pip install 'quarterdeck[api]'"
    (failure,) = await _ask(models, "hello")
    assert isinstance(failure, Failed)
    assert failure.kind == "host_lost"
    assert "pip install 'quarterdeck[api]'" in failure.text


async def test_a_litellm_that_cannot_be_loaded_says_why(make: Make) -> None:
    with pytest.raises(FleetError, match="No module named 'a_module_nobody_has'"):
        await make(_BROKEN).ready()


async def test_a_host_that_dies_again_and_again_is_started_after_growing_waits(make: Make) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    models = make(sleep=sleep)
    for _ in range(3):
        failure = (await _ask(models, "die"))[-1]
        assert isinstance(failure, Failed)
        assert failure.kind == "host_lost"
    await _ask(models, "hello")
    await _ask(models, "die")
    await _ask(models, "hello")

    assert slept == [0.5, 1.0, 2.0, 0.5]


async def test_a_closed_stream_is_closed_in_the_host_before_anybody_is_told(make: Make, tmp_path: Path) -> None:
    models = make()
    stream = models.stream(ModelRequest("r1", "m", (Message("user", "wait"),)))
    assert await anext(stream) == TextDelta("So far")

    await stream.aclose()

    assert await asyncio.to_thread((tmp_path / "models.log").read_text) == "the stream was closed\n"


async def test_all_requests_of_a_lost_host_end(make: Make) -> None:
    models = make()
    await models.ready()
    waiting = [asyncio.create_task(_ask(models, "wait")) for _ in range(5)]

    ended = (await _ask(models, "die"), *await asyncio.gather(*waiting))

    assert [event.kind for events in ended for event in events[-1:] if isinstance(event, Failed)] == ["host_lost"] * 6


async def test_a_host_that_hangs_is_killed(make: Make) -> None:
    models = make(limits=StreamLimits(first=0.2, idle=0.2, total=0.2), patience=0.5)
    await models.ready()
    pid = _running(models)

    failure = (await _ask(models, "hang"))[-1]

    assert isinstance(failure, Failed)
    assert failure.kind == "host_lost"
    assert not psutil.pid_exists(pid)


async def test_closing_a_stream_of_a_host_that_hangs_kills_it(make: Make) -> None:
    models = make()
    await models.ready()
    pid = _running(models)
    stream = models.stream(ModelRequest("r1", "m", (Message("user", "wait"),)))
    await anext(stream)

    os.kill(pid, signal.SIGSTOP)
    await stream.aclose()

    assert not psutil.pid_exists(pid)


async def test_what_is_printed_beside_the_lines_goes_to_the_log(make: Make, tmp_path: Path) -> None:
    models = make()

    events = await _ask(models, "print")
    await models.close()

    assert isinstance(events[-1], Finished)
    log = await asyncio.to_thread((tmp_path / "models.log").read_text)
    assert "this must not enter the lines" in log
    assert "nor this" in log


async def test_nothing_is_imported_from_the_folder_the_host_starts_in(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "project"
    project.mkdir()
    for name in ("sessions.py", "json.py", "pydantic.py"):
        (project / name).write_text("raise SystemExit('imported from the project')\n")
    monkeypatch.chdir(project)

    assert isinstance((await _ask(make(), "hello"))[-1], Finished)


_PARENT = """
import asyncio, sys
from pathlib import Path
from sessions.models.fleet import Fleet
from sessions.models.host_client import LitellmModels

async def main():
    fleet = Fleet.parse('[models.m]\\nmodel = "openai/m"\\napi_base = "http://127.0.0.1:9/v1"\\n', "fleet.toml")
    models = LitellmModels(fleet)
    await (models.start() if sys.argv[1] == "early" else models.ready())
    print(models.pid, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


async def _orphan(environment: dict[str, str], moment: str) -> tuple[asyncio.subprocess.Process, int]:
    """Start a program that starts a host; return it and the host's process id."""
    root = str(Path(__file__).parents[2])
    path = os.pathsep.join(filter(None, (root, environment.get("PYTHONPATH", ""))))
    parent = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        _PARENT,
        moment,
        stdout=asyncio.subprocess.PIPE,
        env={**environment, "PYTHONPATH": path},
    )
    assert parent.stdout is not None
    return parent, int(await parent.stdout.readline())


@pytest.mark.parametrize("moment", ["early", "ready"])
@pytest.mark.parametrize("stand_in", [True, False], ids=["stand-in", "litellm"])
async def test_a_host_does_not_outlive_a_killed_parent(moment: str, stand_in: bool, tmp_path: Path) -> None:
    environment = {"HOME": str(tmp_path)}
    if stand_in:
        (tmp_path / "litellm.py").write_text(_STAND_IN)
        environment["PYTHONPATH"] = str(tmp_path)
    parent, pid = await _orphan(environment, moment)
    try:
        assert _runs(pid)
    finally:
        parent.kill()
        await parent.wait()

    await asyncio.to_thread(until, lambda: not _runs(pid))
