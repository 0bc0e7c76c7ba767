"""A terminal program of a hundred lines that behaves as it is told: well, badly, or not at all.

    python scripted_program.py MODE

It takes a line by Enter, tells its state by OSC 7501, stops a turn at Escape, and writes what it was told to the
transcript. A turn lasts until a file called `go` is in its folder.
"""

import os
import select
import signal
import sys
import time
import tty
from pathlib import Path

MODE = sys.argv[1] if len(sys.argv) > 1 else "good"
PASTE = (b"\x1b[200~", b"\x1b[201~")


def say(state: str) -> None:
    os.write(1, f"\x1b]7501;state={state}:app=scripted\x1b\\".encode())


def note(text: str) -> None:
    with Path(os.environ["QUARTERDECK_TRANSCRIPT"]).open("a") as file:
        file.write(f"{text}\n")


class Program:
    def __init__(self) -> None:
        self.line = b""
        self.swallowed = MODE != "swallow"
        self.working = False

    def take(self, data: bytes) -> None:
        for mark in PASTE:
            data = data.replace(mark, b"")
        while data:
            key, data = data[:1], data[1:]
            if key == b"\x1b":
                self.interrupt()
            elif key == b"\x15":
                self.line = b""
            elif key == b"\r":
                self.enter()
            else:
                self.line += key
                os.write(1, key)

    def interrupt(self) -> None:
        if self.working and MODE != "deaf":
            self.working = False
            say("idle")

    def enter(self) -> None:
        if not self.swallowed:
            self.swallowed = True
            return
        line, self.line = self.line, b""
        note(f"told: {line.decode()}")
        if MODE == "silent":
            return
        if MODE == "quick":
            os.write(1, b"\x1b]7501;state=working:app=q\x1b\\\x1b]7501;state=done:app=q\x1b\\")
            return
        say("working")
        self.working = True
        if MODE == "die":
            sys.exit(3)
        if MODE == "rest":
            self.working = False
            say("idle")

    def step(self) -> None:
        if self.working and MODE == "flood":
            os.write(1, b"\x1b[32mflood " * 4000)
        if self.working and MODE == "flicker":
            for _ in range(200):
                say("blocked")
                say("working")
        if self.working and Path("go").exists():
            self.working = False
            say("done")


def main() -> None:
    if MODE == "dead":
        sys.exit(4)
    tty.setraw(0)
    if MODE == "deaf":
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
    if MODE == "slow":
        while not Path("go").exists():
            time.sleep(0.01)
    program = Program()
    os.write(1, b"\x1b[?2004hready > ")
    if MODE != "silent":
        say("idle")
    while True:
        ready, _, _ = select.select([0], [], [], 0.0 if program.working and MODE in ("flood", "flicker") else 0.01)
        if ready:
            data = os.read(0, 65536)
            if not data:
                return
            program.take(data)
        program.step()


main()
