"""Programs that are hard to end, and ways to see which of them still run."""

import asyncio
import sys
import time
from collections.abc import Callable

import psutil

from sessions.processes.environment import clean_environment
from sessions.processes.supervision import MARKER_VARIABLE

ENVIRONMENT = clean_environment()
PYTHON = [sys.executable, "-I", "-S", "-c"]

LIMIT = 60.0
"""Seconds after which a condition counts as never coming true. Generous: it costs only a failing test."""

NASTY_TREE = r"""
import os, signal, sys, time
for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
    signal.signal(number, signal.SIG_IGN)

def fork(then):
    if os.fork() == 0:
        then()
        while True:
            time.sleep(1000)

fork(lambda: None)                                   # a plain child
fork(os.setsid)                                      # a child with a session of its own
fork(lambda: os.setpgid(0, 0))                       # a child with a group of its own
if (middle := os.fork()) == 0:                       # a double-forked daemon
    os.setsid()
    fork(lambda: None)
    os._exit(0)
os.waitpid(middle, 0)
fork(lambda: fork(os.setsid))                        # a grandchild with a session of its own
print("ready", flush=True)
"""
"""Forks processes that ignore TERM, HUP and INT, then says `ready`. What is appended decides how the parent goes on."""

NASTY_COUNT = 6
STAYING = NASTY_TREE + "\nwhile True: time.sleep(1000)\n"
LEAVING = NASTY_TREE


def members(marker: str) -> list[psutil.Process]:
    """The running processes that carry the marker."""
    found: list[psutil.Process] = []
    for process in psutil.process_iter():
        try:
            if process.status() != psutil.STATUS_ZOMBIE and process.environ().get(MARKER_VARIABLE) == marker:
                found.append(process)
        except psutil.Error:
            continue
    return found


def until(condition: Callable[[], object]) -> None:
    """Wait until the condition holds; fail when it never does."""
    deadline = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < deadline, "the condition never came true"
        time.sleep(0.01)


async def eventually(condition: Callable[[], object]) -> None:
    """The same, for a test that runs on a loop."""
    await asyncio.to_thread(until, condition)
