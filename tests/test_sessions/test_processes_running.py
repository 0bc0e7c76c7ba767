"""A program is run to its end: its status, its output, its time limit, and nothing left of its tree."""

import asyncio
from pathlib import Path

import pytest
from process_trees import ENVIRONMENT, LEAVING, NASTY_COUNT, PYTHON, STAYING, eventually, members

from sessions.processes.leftovers import ProcessMark
from sessions.processes.running import ProgramNotStarted, ProgramResult, run_program
from sessions.processes.supervision import MARKER_VARIABLE, new_marker


async def run(program: list[str] | str, cwd: Path, **options: object) -> ProgramResult:
    settings: dict[str, object] = {"timeout": 60.0, "grace": 0.2, **options}
    return await run_program(program, cwd=cwd, env=ENVIRONMENT, **settings)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("command", "status"),
    [
        ("true", 0),
        ("exit 3", 3),
        ("exit 255", 255),
        ("kill -TERM $$", 143),
        ("kill -KILL $$", 137),
        # Python ignores these two in itself; a program must get them back, or `yes | head` never ends.
        ("kill -PIPE $$", 141),
        ("kill -XFSZ $$", 153),
    ],
)
async def test_the_exit_status_is_the_programs_own(command: str, status: int, tmp_path: Path) -> None:
    result = await run(command, tmp_path)

    assert result.exit_code == status
    assert not result.timed_out
    assert not result.cancelled
    assert result.tree_cleared


async def test_arguments_arrive_as_they_were_given(tmp_path: Path) -> None:
    words = ["two words", "", "naïve ☃ 日本", "$HOME;`id`", "-n", "--", "new\nline", "raw \udcff byte"]

    result = await run(["printf", "<%s>", *words], tmp_path)

    assert result.output == "".join(f"<{word}>" for word in words).encode("utf-8", "surrogateescape")


async def test_output_and_errors_come_in_one_stream_in_their_order(tmp_path: Path) -> None:
    chunks: list[bytes] = []

    result = await run("echo one; echo two >&2; echo three", tmp_path, on_output=chunks.append)

    assert result.output == b"one\ntwo\nthree\n"
    assert b"".join(chunks) == result.output


async def test_a_program_that_asks_for_input_gets_the_end_of_it(tmp_path: Path) -> None:
    result = await run("cat; read answer || echo nothing to read", tmp_path)

    assert result.output == b"nothing to read\n"


async def test_the_program_runs_in_the_folder_and_environment_it_was_given(tmp_path: Path) -> None:
    marker = new_marker()

    result = await run(f"pwd -L; echo $USERNAME_OF_THE_HOST; echo ${MARKER_VARIABLE}", tmp_path, marker=marker)

    assert result.output.decode().split("\n") == [str(tmp_path), "", marker, ""]


async def test_a_flood_keeps_its_beginning_and_end_and_counts_the_rest(tmp_path: Path) -> None:
    flood = "for i in range(300_000): print(f'line {i:06}')"
    size = 300_000 * len("line 000000\n")
    seen: list[int] = []

    result = await run([*PYTHON, flood], tmp_path, output_limit=10_000, on_output=lambda chunk: seen.append(len(chunk)))

    assert sum(seen) == size
    assert result.dropped == size - 10_000
    assert result.output.startswith(b"line 000000\nline 000001\n")
    assert result.output.endswith(b"line 299998\nline 299999\n")
    assert f"[... {result.dropped} bytes left out ...]".encode() in result.output
    assert result.exit_code == 0


async def test_output_at_exactly_the_limit_is_whole(tmp_path: Path) -> None:
    result = await run(["printf", "0123456789"], tmp_path, output_limit=10)

    assert (result.output, result.dropped) == (b"0123456789", 0)


async def test_a_time_limit_ends_the_whole_tree(tmp_path: Path) -> None:
    marker = new_marker()

    result = await run([*PYTHON, STAYING], tmp_path, timeout=1.5, marker=marker)

    assert result.timed_out
    assert result.tree_cleared
    assert members(marker) == []


async def test_a_stop_ends_the_whole_tree(tmp_path: Path) -> None:
    marker, stop = new_marker(), asyncio.Event()

    def stop_when_ready(chunk: bytes) -> None:
        if b"ready" in chunk:
            assert len(members(marker)) >= NASTY_COUNT
            stop.set()

    result = await run([*PYTHON, STAYING], tmp_path, marker=marker, stop=stop, on_output=stop_when_ready)

    assert result.cancelled
    assert not result.timed_out
    assert result.exit_code == 137
    assert result.tree_cleared
    assert members(marker) == []


async def test_a_program_may_end_itself_in_the_grace_it_gets(tmp_path: Path) -> None:
    stop = asyncio.Event()
    tidy = "trap 'echo tidied up; exit 7' TERM; echo ready; while :; do sleep 0.05; done"

    result = await run(tidy, tmp_path, stop=stop, grace=60.0, on_output=lambda _: stop.set())

    assert result.exit_code == 7
    assert result.output.endswith(b"tidied up\n")


async def test_cancelling_the_caller_ends_the_whole_tree_first(tmp_path: Path) -> None:
    marker, ready = new_marker(), asyncio.Event()
    task = asyncio.create_task(run([*PYTHON, STAYING], tmp_path, marker=marker, on_output=lambda _: ready.set()))
    await ready.wait()

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert members(marker) == []


async def test_cancelling_twice_still_waits_for_the_tree(tmp_path: Path) -> None:
    marker, ready = new_marker(), asyncio.Event()
    task = asyncio.create_task(run([*PYTHON, STAYING], tmp_path, marker=marker, on_output=lambda _: ready.set()))
    await ready.wait()

    for _ in range(3):
        task.cancel()
        await asyncio.sleep(0)
    with pytest.raises(asyncio.CancelledError):
        await task

    assert members(marker) == []


async def test_cancelling_before_the_start_leaves_nothing(tmp_path: Path) -> None:
    marker = new_marker()
    task = asyncio.create_task(run([*PYTHON, STAYING], tmp_path, marker=marker))
    await asyncio.sleep(0)

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert members(marker) == []


async def test_what_a_program_leaves_running_ends_with_it(tmp_path: Path) -> None:
    marker = new_marker()

    result = await run([*PYTHON, LEAVING + "sys.exit(5)"], tmp_path, marker=marker)

    assert result.exit_code == 5
    assert result.output == b"ready\n"
    assert result.tree_cleared
    assert members(marker) == []


async def test_a_chain_of_forks_cannot_outrun_the_end(tmp_path: Path) -> None:
    marker = new_marker()
    chain = """
import os, signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready", flush=True)
while True:
    if os.fork():
        os._exit(0)
"""

    result = await run([*PYTHON, chain], tmp_path, marker=marker)

    assert result.tree_cleared
    assert members(marker) == []


async def test_an_error_in_a_callback_ends_the_program_and_is_raised(tmp_path: Path) -> None:
    marker = new_marker()

    def refuse(chunk: bytes) -> None:
        raise LookupError(chunk.decode())

    with pytest.raises(LookupError, match="ready"):
        await run([*PYTHON, STAYING], tmp_path, marker=marker, on_output=refuse)

    assert members(marker) == []


async def test_the_mark_for_the_journal_names_the_top_of_the_tree(tmp_path: Path) -> None:
    marker, marks, stop = new_marker(), list[ProcessMark](), asyncio.Event()
    alive: list[int] = []

    def look(_: bytes) -> None:
        alive.extend(process.pid for process in members(marker))
        stop.set()

    await run("echo ready; sleep 1000", tmp_path, marker=marker, stop=stop, on_started=marks.append, on_output=look)

    assert [mark.marker for mark in marks] == [marker]
    assert marks[0].pid in alive


async def test_a_killed_supervisor_leaves_nothing_either(tmp_path: Path) -> None:
    marker, marks = new_marker(), list[ProcessMark]()

    def kill_it(_: bytes) -> None:
        (supervisor,) = [process for process in members(marker) if process.pid == marks[0].pid]
        supervisor.kill()

    result = await run([*PYTHON, STAYING], tmp_path, marker=marker, on_started=marks.append, on_output=kill_it)

    assert result.exit_code == 137
    assert result.tree_cleared
    assert members(marker) == []


async def test_a_program_that_closes_its_output_is_still_waited_for(tmp_path: Path) -> None:
    marker, started = new_marker(), list[ProcessMark]()
    task = asyncio.create_task(
        run(
            "exec >&- 2>&-; until [ -e go ]; do sleep 0.02; done; exit 4",
            tmp_path,
            marker=marker,
            on_started=started.append,
        )
    )
    await eventually(lambda: len(members(marker)) >= 2)
    (tmp_path / "go").touch()

    assert (await task).exit_code == 4


async def test_a_program_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(ProgramNotStarted) as caught:
        await run(["no-such-program-☃", "x"], tmp_path)

    assert "no-such-program-☃" in caught.value.what
    assert caught.value.where == str(tmp_path)
    assert "Install it" in caught.value.next


async def test_a_file_that_is_no_program_is_named(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("text")
    (tmp_path / "wordless").write_bytes(b"\x00\x01")
    (tmp_path / "wordless").chmod(0o755)

    with pytest.raises(ProgramNotStarted, match="may not be run"):
        await run(["./plain"], tmp_path)
    with pytest.raises(ProgramNotStarted, match="not a program"):
        await run(["./wordless"], tmp_path)


async def test_a_missing_folder_an_empty_command_and_a_nul_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ProgramNotStarted, match="folder to run in does not exist"):
        await run("true", tmp_path / "gone")
    with pytest.raises(ProgramNotStarted, match="empty"):
        await run([], tmp_path)
    with pytest.raises(ProgramNotStarted, match="could not be started"):
        await run(["echo", "a\0b"], tmp_path)
    with pytest.raises(ProgramNotStarted, match="too long"):
        await run(["echo", "x" * 4_000_000], tmp_path)


async def test_twenty_programs_at_once_keep_their_outputs_apart(tmp_path: Path) -> None:
    results = await asyncio.gather(*(run(f"echo {number}; exit {number}", tmp_path) for number in range(20)))

    assert [(result.exit_code, result.output) for result in results] == [(n, f"{n}\n".encode()) for n in range(20)]
